#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Builds the fuzz targets with clang, ASan and UBSan, and runs each for a while from its corpus.
#
#   scripts/fuzz.sh [--mutants] [SECONDS [TARGET...]]
#
# Without SECONDS, or FUZZ_SECONDS in the environment: 600 each. New inputs are kept below the build
# folder (FUZZ_BUILD, build-fuzz), what crashes in crash-*. With --mutants each target runs
# on a copy of the source with a bug planted by fuzz/mutants/TARGET.sed, and must find it.
#
# Prints TAP.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
mutants=0
[ "${1:-}" != --mutants ] || { mutants=1; shift; }
seconds=${1:-${FUZZ_SECONDS:-600}}
[ $# = 0 ] || shift
build=${FUZZ_BUILD:-$root/build-fuzz}
[ $mutants = 0 ] || build=$build/mutants
n=0 failed=0

targets=${*:-$(sed -n "s/^  '\(fuzz_[a-z_]*\)':.*/\1/p" "$root/fuzz/meson.build")}
count=$(echo $targets | wc -w)
echo "1..$count"

result() { # status name
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        failed=1
    fi
}

clang=$(command -v clang-14 || command -v clang) || {
    for t in $targets; do
        n=$((n + 1))
        echo "ok $n - $t # SKIP no clang"
    done
    exit 0
}

# liburcu aligns a thread's record to 128 bytes and allocates it to 16: its own affair.
flags='-fsanitize=fuzzer-no-link -fno-sanitize-recover=all -fno-sanitize=alignment'

compile() { # source-root build-folder target
    [ -f "$2/build.ninja" ] ||
        CC=$clang meson setup "$2" "$1" -Dfuzz=true -Dtools=false -Dtests=false \
            --buildtype=debug -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false \
            -Ddefault_library=static \
            -Dc_args="$flags" >"$2.log" 2>&1 || {
            tail -n 20 "$2.log" | sed 's/^/# /'
            return 1
        }
    ninja -C "$2" "fuzz/$3" >"$2.log" 2>&1 || {
        grep -E 'error|FAILED' -A5 "$2.log" | head -n 30 | sed 's/^/# /'
        return 1
    }
}

run() { # build-folder target seconds
    local name=${2#fuzz_} dict=
    mkdir -p "$1/corpus/$name"
    [ ! -f "$root/fuzz/$name.dict" ] || dict=-dict=$root/fuzz/$name.dict
    # An allocation that is too large must come back as an error, as from malloc(3).
    ASAN_OPTIONS=allocator_may_return_null=1 \
        "$1/fuzz/$2" $dict -max_total_time="$3" -max_len=8192 -timeout=20 -rss_limit_mb=4096 \
        -artifact_prefix="$1/" "$1/corpus/$name" "$root/fuzz/corpus/$name" >"$1/$2.log" 2>&1
}

# A copy of the tree with the target's bug in it.
plant() { # target
    local file
    rm -rf "$build/$1" && mkdir -p "$build/$1" &&
        tar cf - -C "$root" $(cd "$root" && ls -d */ *.build *.txt | grep -v '^build') |
        tar xf - -C "$build/$1" || return 1
    file=$(sed -n '1s/^# file: //p' "$root/fuzz/mutants/$1.sed")
    sed -i -f "$root/fuzz/mutants/$1.sed" "$build/$1/$file"
    ! cmp -s "$root/$file" "$build/$1/$file" || { echo "# $1.sed changes nothing"; return 1; }
}

mkdir -p "$build"
for t in $targets; do
    if [ $mutants = 0 ]; then
        compile "$root" "$build" "$t" && run "$build" "$t" "$seconds"
        status=$?
        result $status "$t: $(sed -n 's/^Done \(.*\)/\1/p' "$build/$t.log" 2>/dev/null)"
        [ $status = 0 ] || grep -vE '^#[0-9]' "$build/$t.log" 2>/dev/null | tail -n 40 |
            cut -c1-200 | sed 's/^/# /'
    else
        plant "$t" && compile "$build/$t" "$build/$t-build" "$t"
        built=$?
        if [ $built = 0 ]; then
            run "$build/$t-build" "$t" "$seconds"
            [ $? != 0 ] && compgen -G "$build/$t-build/crash-*" >/dev/null
            built=$?
        fi
        result $built "$t finds what $t.sed plants: $(
            grep -m1 -E '^(fuzz_[a-z]*:|SUMMARY:)' "$build/$t-build/$t.log" 2>/dev/null |
                cut -c1-150)"
    fi
done
exit $failed
