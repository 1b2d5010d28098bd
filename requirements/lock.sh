#!/bin/sh
# Writes the three locks anew: production is part of local, local is part of dev.
set -eu
cd "$(dirname "$0")/.."
lock() {
    out=requirements/$1.txt
    shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-annotate --no-header "$@" --output-file "$out" pyproject.toml
}
lock production
lock local --extra espeak --extra local --constraint requirements/production.txt
lock dev --extra espeak --extra local --group dev --constraint requirements/local.txt
