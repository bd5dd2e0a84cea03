#!/usr/bin/env bash
# Writes the lock files: pins with hashes, good for Python 3.11 and later, and no registry address.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() {
  local out=$1
  shift
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --no-header --no-annotate "$@" --output-file "$out"
}
compile requirements.lock pyproject.toml
compile requirements-engine.lock pyproject.toml --extra engine -c requirements.lock
compile requirements-local.lock pyproject.toml --extra engine --group local -c requirements-engine.lock
compile requirements-dev.lock pyproject.toml --extra engine --group dev -c requirements-local.lock
compile requirements-emulator.lock --group emulator
