#!/bin/sh
# Writes the locks anew: production is part of local, local is part of dev; s3 is the tests' own.
set -eu
cd "$(dirname "$0")/.."
lock() {
    out=requirements/$1.txt
    shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-annotate --no-header "$@" --output-file "$out"
}
lock production pyproject.toml
lock local pyproject.toml --extra espeak --extra local --constraint requirements/production.txt
lock dev pyproject.toml --extra espeak --extra local --group dev --constraint requirements/local.txt
lock s3 requirements/s3.in
