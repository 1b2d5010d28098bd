# The commands of this project: `just` alone lists them. Each works on a fresh clone; the tools are installed into .venv.

set positional-arguments

# Lets scripts end with the `just` that started them, should that be killed.
export STARTED_BY_JUST := "1"

python := ".venv/bin/python"
production := "docker compose -f compose.prod.yaml"

# List the commands
_default:
    @"{{ just_executable() }}" --justfile "{{ justfile() }}" --list --unsorted

# Install everything for work on the code
setup: (_install "dev")

# Make a deck speak, start to end, on this machine: no Docker, no key, no network
[no-exit-message]
demo *ARGS: (_install "local")
    @exec {{ python }} -m scripts.demo "$@"

# Run Postgres, API and worker on this machine, and restart them when the code changes
[no-exit-message]
dev *ARGS: (_install "local")
    @exec {{ python }} -m scripts.dev "$@"

# Run the API
[no-exit-message]
api: (_install "production")
    @exec {{ python }} -m api

# Run a worker
[no-exit-message]
worker: (_install "production")
    @exec {{ python }} -m worker

# Bring the database to the newest schema
[no-exit-message]
migrate *ARGS: (_install "production")
    @exec {{ python }} -m migrations "$@"

# Print a token for a user, good for 24 hours
[no-exit-message]
token USER: (_install "production")
    @exec {{ python }} -m scripts.print_token "$1"

# Say a phrase in each language with the engine as it is set, and tell what came of it; `--sample TEXT` writes both MP3s
[no-exit-message]
voices *ARGS: (_install "production")
    @exec {{ python }} -m worker.voices "$@"

# Say what is wrong with this installation: settings, database, workers, upstream, storage, and whether audio is served
[no-exit-message]
doctor *ARGS: (_install "production")
    @exec {{ python }} -m worker.doctor "$@"

# Clear away what nobody needs any more, as a worker does by itself every day; `--dry-run` says what that is
[no-exit-message]
gc *ARGS: (_install "production")
    @exec {{ python }} -m worker.gc "$@"

# Copy all audio to the bucket of the settings, and rewrite URLs: docs/storage.md
[no-exit-message]
storage-to-s3 *ARGS: (_install "local")
    @exec {{ python }} -m scripts.storage_to_s3 "$@"

# Run the tests
[no-exit-message]
test *ARGS: (_install "dev")
    @exec {{ python }} -m pytest -n auto --dist worksteal "$@"

# Kill workers at random moments, as many times as you like, and see that nothing is lost
[no-exit-message]
soak *KILLS: (_install "dev")
    @exec {{ python }} -m tests.soak "$@"

# Live through a week of traffic in minutes, and see that tables and disk come to a steady size
[no-exit-message]
week *DAYS: (_install "dev")
    @exec {{ python }} -m tests.week "$@"

# Measure speed, CPU and memory beside a bare loop and the brief's worker, and write docs/benchmark.md: under five minutes
[no-exit-message]
bench *NAMES: (_install "dev")
    @exec {{ python }} -m tests.benchmarks "$@"

# Check style, types, import rules, the Dockerfile and the compose files
check: (_install "dev")
    {{ python }} -m ruff check
    {{ python }} -m ruff format --check
    {{ python }} -m mypy
    .venv/bin/lint-imports
    .venv/bin/deptry . --no-ansi
    {{ python }} -m scripts.audit
    .venv/bin/hadolint Dockerfile
    .venv/bin/docker-compose --env-file .env.example config --quiet
    POSTGRES_PASSWORD=x OPENAI_API_KEY=x .venv/bin/docker-compose --file compose.prod.yaml --env-file .env.example config --quiet

# Bring the code into its format
fmt: (_install "dev")
    {{ python }} -m ruff check --fix
    {{ python }} -m ruff format

# Start the development containers
up *ARGS:
    docker compose up --detach --build "$@"

# Stop the development containers; the volumes stay
down *ARGS:
    docker compose down "$@"

# Follow the logs of the development containers
logs *ARGS:
    docker compose logs --follow "$@"

# Start the production containers
prod *ARGS:
    {{ production }} up --detach --build "$@"

_install lock:
    @{{ python }} -m scripts.requirements {{ lock }}
