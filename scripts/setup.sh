#!/usr/bin/env bash
# Makes the environment that a make target needs: `setup.sh local` (demo, serve), `setup.sh dev`
# (tests, checks, synth) or `setup.sh emulator` (the AWS emulator, in an environment of its own).
# Does nothing when the environment is already what the lock file says.
set -euo pipefail
cd "$(dirname "$0")/.."
layer=${1:?usage: setup.sh local|dev|emulator}

# The newest supported interpreter: Lambda runs 3.13; 3.11 is the oldest that works.
find_python() {
  local version candidate root
  root=$(command -v pyenv >/dev/null 2>&1 && pyenv root || true)
  for version in 3.13 3.12 3.11; do
    for candidate in "python$version" "$root"/versions/"$version"*/bin/python3; do
      # A pyenv shim may exist for a version that is not switched on: only what runs counts.
      if "$candidate" -c 'import venv, ensurepip' >/dev/null 2>&1; then
        "$candidate" -c 'import sys; print(sys.executable)'
        return
      fi
    done
  done
  if python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python3 -c 'import sys; print(sys.executable)'
    return
  fi
  echo "setup: needs Python 3.11 or later with venv (Debian: apt-get install python3-venv)" >&2
  exit 1
}

if [ "$layer" = emulator ]; then env_dir=.venv-emulator; else env_dir=.venv; fi
lock=requirements-$layer.lock
wanted=$(cat "$lock" pyproject.toml | sha256sum | cut -c1-16)
stamp=$env_dir/.made-$layer
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then exit 0; fi

echo "setup: making $env_dir ($layer) ..." >&2
if ! "$env_dir/bin/python" -c pass 2>/dev/null; then
  rm -rf "$env_dir"
  "$(find_python)" -m venv "$env_dir"
fi
"$env_dir/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
  --no-deps --requirement "$lock"
if [ "$layer" != emulator ]; then
  # The project itself, for the `huimin` command; its build tools come from the lock above.
  "$env_dir/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --no-build-isolation --editable .
fi
echo "$wanted" > "$stamp"
