#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Builds the fuzz targets with clang and the sanitizers, and runs each on its corpus and from there;
# what they find anew stays in BUILD. Prints TAP.
#
#   fuzz/run.sh [SECONDS] [BUILD] [TARGET...]
set -u
cd "$(dirname "$0")/.." || exit 2
seconds=${1:-60}
build=${2:-build-fuzz}
shift $(($# < 2 ? $# : 2))

# The target's sources and libraries, and its greatest input.
describe() {
    case $1 in
    vfio_caps) sources="src/vfio_caps.c" most=1024 ;;
    objcheck)
        sources="tools/membus/objcheck_check.c tools/membus/objcheck_decode.c
            tools/membus/objcheck_elf.c tools/membus/objcheck_file.c tools/membus/objcheck_isa.c
            tools/membus/objcheck_riscv.c -Itools/membus -I/usr/include/capstone -lcapstone -lelf"
        most=8192
        ;;
    *) return 1 ;;
    esac
}

fuzz() { # target
    mkdir -p "$build/corpus/$1"
    clang -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
        -Iinclude -Isrc "fuzz/fuzz_$1.c" $sources -o "$build/fuzz_$1" >"$build/$1.log" 2>&1 &&
        "$build/fuzz_$1" -max_total_time="$seconds" -max_len="$most" \
            -artifact_prefix="$build/" "$build/corpus/$1" "fuzz/corpus/$1" >"$build/$1.log" 2>&1
}

[ $# -gt 0 ] || set -- vfio_caps objcheck
echo "1..$#"
n=0 bad=0
for target in "$@"; do
    n=$((n + 1))
    if ! command -v clang >/dev/null; then
        echo "ok $n - fuzz_$target # SKIP no clang"
    elif describe "$target" && fuzz "$target"; then
        echo "ok $n - fuzz_$target: $(sed -n 's/^Done \(.*\)/\1/p' "$build/$target.log")"
    else
        echo "not ok $n - fuzz_$target"
        tail -n 30 "$build/$target.log" | sed 's/^/# /'
        bad=1
    fi
done
exit $bad
