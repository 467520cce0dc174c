#!/usr/bin/env bash
# Builds the chat page into build/web: npm packages by lock file, then typecheck and bundle.
# Does nothing when no source changed since the last build; several builds may call it at once.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p build
exec 9> build/web.lock
flock 9

sources="$(find web/src web/build.mjs web/package.json web/package-lock.json web/tsconfig.json \
  -type f | LC_ALL=C sort)"
# shellcheck disable=SC2086  # a list of words on purpose: no source has a blank in its name
state="$(sha256sum $sources | sha256sum)"
if [ -f build/web/index.html ] && [ "$(cat build/web.state 2>/dev/null)" = "$state" ]; then
  exit 0
fi

lock="$(sha256sum web/package-lock.json)"
if [ "$(cat web/node_modules/.puna-lock 2>/dev/null)" != "$lock" ]; then
  npm --prefix web ci --no-progress --loglevel=error
  echo "$lock" > web/node_modules/.puna-lock
fi
npm --prefix web run --silent build
echo "$state" > build/web.state
