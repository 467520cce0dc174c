#!/usr/bin/env bash
# Makes the ground of Puna on AWS, or finishes making it: ./install.sh --help, docs/aws.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  { echo "error: Python 3.11 or later is needed (python3)" >&2; exit 1; }
PYTHONPATH="$here/../../python${PYTHONPATH:+:$PYTHONPATH}" exec python3 -m puna.ground install --terraform "$here" "$@"
