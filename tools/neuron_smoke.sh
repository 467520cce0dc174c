#!/usr/bin/env bash
# For a machine with AWS Inferentia2 or Trainium: tries Puna on it step by step and prints what worked (docs/accelerators.md).
#   tools/neuron_smoke.sh [--puna build/release/bin/puna] [--model FOLDER] [--output neuron-smoke]
# Needs libneuronxla and neuronx-cc (an AWS Deep Learning AMI has them: activate its virtual environment first), python3
# and this checkout. It listens on 127.0.0.1 only and changes nothing outside the output folder.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
command -v python3 > /dev/null || { echo "error: python3 is not in PATH" >&2; exit 2; }
exec python3 "$here/bench/device/neuron_smoke.py" "$@"
