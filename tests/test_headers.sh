#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every public header compiles alone, in C11 and in C++11, with gcc and clang, without a warning.
#
#   test_headers.sh INCLUDE-DIRECTORY
set -u
include=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0 failed=0

compile() { # compiler language standard header
    printf "#include <%s>\nextern int translation_unit;\n" "$4" >"$tmp/x.$2"
    "$1" -std="$3" -Wall -Wextra -Wpedantic -Werror -I "$include" -fsyntax-only "$tmp/x.$2" >"$tmp/out" 2>&1
}

for header in $(cd "$include" && ls membus/*.h); do
    for how in "gcc c c11" "g++ cc c++11" "clang c c11" "clang++ cc c++11"; do
        compiler=${how%% *}
        if ! command -v "$compiler" >/dev/null; then
            echo "ok $((n += 1)) - $header: $how # SKIP no $compiler"
        elif compile $how "$header"; then
            echo "ok $((n += 1)) - $header: $how"
        else
            failed=1; echo "not ok $((n += 1)) - $header: $how"
            sed 's/^/# /' "$tmp/out"
        fi
    done
done
echo "1..$n"
exit $failed
