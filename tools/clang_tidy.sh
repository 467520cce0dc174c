#!/usr/bin/env bash
# clang-tidy 19 over the program's own sources (tests follow the same names but are not analysed).
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files 'src/*.cc' | grep -vE '_(test|fuzz|bench)\.cc$' |
  xargs --max-args=4 --max-procs="$(nproc)" clang-tidy-19 -p build/release --quiet --warnings-as-errors='*'
