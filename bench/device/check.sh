#!/usr/bin/env bash
# For a machine with a GPU and no network: is Puna right there, and how fast? One table and one JSON, in under 8 minutes.
#   bench/device/check.sh [--device cuda|FILE] [--output device-check] [--minutes 8]     --help lists the rest
# bench/device/pack.sh makes a folder with this script and all that it needs; the plugin comes from the machine's own
# Python packages (jax-cuda13-pjrt with its nvidia packages). It listens on 127.0.0.1 only.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
command -v python3 > /dev/null || { echo "error: python3 is not in PATH" >&2; exit 2; }
exec python3 "$here/bench/device/check.py" "$@"
