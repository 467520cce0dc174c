#!/usr/bin/env bash
# Makes build/venv/NAME from tools/requirements/NAME.txt (hash-locked), once per its content.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?usage: tools/venv.sh NAME}
lock=tools/requirements/$name.txt
venv=build/venv/$name
if [ -f "$venv/.lock" ] && cmp --silent "$lock" "$venv/.lock"; then exit 0; fi
rm -rf "$venv"
mkdir -p build/venv
# Debian's own Python: what else may be on the PATH is not ours to rely on.
/usr/bin/python3 -m venv "$venv"
if grep --quiet '^[a-z]' "$lock"; then
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --require-hashes --requirement "$lock"
fi
cp "$lock" "$venv/.lock"
