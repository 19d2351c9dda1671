#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Builds the parser's fuzz target with clang and the sanitizers, and runs it on its corpus and from
# there; what it finds anew stays in BUILD. Prints TAP.
#
#   fuzz/run.sh [SECONDS] [BUILD]
set -u
cd "$(dirname "$0")/.." || exit 2
seconds=${1:-60}
build=${2:-build-fuzz}
command -v clang >/dev/null || { echo "1..1"; echo "ok 1 - fuzz_vfio_caps # SKIP no clang"; exit 0; }
mkdir -p "$build/corpus"
echo 1..1
if clang -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
    -Iinclude -Isrc fuzz/fuzz_vfio_caps.c src/vfio_caps.c -o "$build/fuzz_vfio_caps" \
    >"$build/log" 2>&1 &&
    "$build/fuzz_vfio_caps" -max_total_time="$seconds" -max_len=1024 \
        -artifact_prefix="$build/" "$build/corpus" fuzz/corpus/vfio_caps >"$build/log" 2>&1; then
    echo "ok 1 - fuzz_vfio_caps: $(sed -n 's/^Done \(.*\)/\1/p' "$build/log")"
else
    echo "not ok 1 - fuzz_vfio_caps"
    tail -n 30 "$build/log" | sed 's/^/# /'
    exit 1
fi
