#!/usr/bin/env bash
# bench/device/pack.sh [FOLDER]: puts bench/device/check.sh with the program, its libraries and its loader, a small
# checkpoint and what the script imports into one folder (default build/device-check), for a machine that has none of it.
# PUNA_BINARY names another program, PUNA_REFERENCE=1 adds the reference plugin (lib/libpjrt_ref.so) for a rehearsal.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-build/device-check}
binary=${PUNA_BINARY:-build/release/bin/puna}
bytes_max=$((60 * 1000 * 1000))
if [ ! -x "$binary" ]; then echo "error: $binary is not there: make build" >&2; exit 1; fi
if [ -e "$folder" ] && [ ! -e "$folder/bench/device/check.sh" ]; then
  echo "error: $folder is there and was not made by this script; name another" >&2; exit 1
fi
rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/lib" "$folder/bench/peers" "$folder/tests/golden/llama"
cp -r bench/device "$folder/bench/"
rm -rf "$folder/bench/device/__pycache__"
cp bench/peers/{make_random_checkpoint,make_random_gguf,gguf_writer,shapes}.py "$folder/bench/peers/"
cp -r tests/golden/llama/multi_head "$folder/tests/golden/llama/"
# With the loader of here: a program of a newer libc runs on older systems, and plugins still find the driver's libraries.
ldd "$binary" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' | xargs cp --dereference --target-directory "$folder/lib"
cp "$binary" "$folder/lib/puna"
if [ "${PUNA_REFERENCE-}" = 1 ]; then cp "$(dirname "$binary")/libpjrt_ref.so" "$folder/lib/"; fi
strip --strip-unneeded "$folder/lib/puna"
cat > "$folder/bin/puna" << 'END'
#!/bin/sh
lib=$(cd "$(dirname "$0")/../lib" && pwd)
exec "$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$lib/puna" "$@"
END
chmod +x "$folder/bin/puna"
"$folder/bin/puna" --version > /dev/null
bytes=$(du --summarize --bytes "$folder" | cut -f1)
if [ "$bytes" -gt "$bytes_max" ]; then echo "error: $folder has $bytes bytes, more than $bytes_max" >&2; exit 1; fi
echo "$folder: $((bytes / 1000000)) MB; there: bench/device/check.sh"
