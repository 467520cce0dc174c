#!/usr/bin/env bash
# Builds the portable kernels for aarch64 with the dot product instructions, and runs their tests
# under emulation.
set -euo pipefail
cd "$(dirname "$0")/.."
out=build/aarch64
mkdir -p "$out"
flags=(--target=aarch64-linux-gnu -march=armv8.2-a+dotprod -std=c++20 -O2 -Wall -Wextra -Wconversion
  -Wshadow -Werror -ffp-contract=off -DFMT_HEADER_ONLY -DSPDLOG_HEADER_ONLY -DSPDLOG_FMT_EXTERNAL -Isrc)
sources=(src/backend/cpu/{isa,kernels,kernels_portable,packed_layout,packed_matrix,page_memory,panel_packer}.cc
  src/backend/cpu/{kernels_test,weight_checks}.cc src/model/{formats,model_sizes,weight_source}.cc
  src/quantise/int4_quantiser.cc src/base/{bytes,cgroup,check,exceptions,log,thread,thread_pool,utf8}.cc)
# Debian's headers of libraries that have no compiled part here.
mkdir -p "$out/include"
ln -sfn /usr/include/fmt /usr/include/spdlog "$out/include/"
gtest=/usr/src/googletest/googletest
ln -sfn /usr/include/gtest "$out/include/gtest"
objects=()
for source in "${sources[@]}" "$gtest/src/gtest-all.cc" "$gtest/src/gtest_main.cc"; do
  object="$out/$(basename "$source" .cc).o"
  extra=()
  [[ $source == "$gtest"/* ]] && extra=(-I"$gtest" -Wno-error)
  ccache clang++-19 "${flags[@]}" -isystem "$out/include" "${extra[@]}" -c "$source" -o "$object"
  objects+=("$object")
done
clang++-19 --target=aarch64-linux-gnu -fuse-ld=lld-19 -static "${objects[@]}" -o "$out/kernels_test" -lpthread
objdump_lines=$(llvm-objdump-19 -d "$out/kernels_portable.o" | grep -c sdot || true)
[[ $objdump_lines -gt 0 ]] || { echo "no dot product instruction in the kernels" >&2; exit 1; }
qemu-aarch64 -cpu max "$out/kernels_test" "$@"
