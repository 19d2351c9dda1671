#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every public header compiles alone, in C11 and in C++11, with gcc and clang, without a warning.
#
#   test_headers.sh INCLUDE-DIRECTORY
set -u
include=$1
. "$(dirname "$0")/tap.sh"

compile() { # compiler language standard header
    printf "#include <%s>\nextern int translation_unit;\n" "$4" >"$tmp/x.$2"
    "$1" -std="$3" -Wall -Wextra -Wpedantic -Werror -I "$include" -fsyntax-only "$tmp/x.$2" >"$tmp/out" 2>&1
}

for header in $(cd "$include" && ls membus/*.h); do
    for how in "gcc c c11" "g++ cc c++11" "clang c c11" "clang++ cc c++11"; do
        compiler=${how%% *}
        if ! command -v "$compiler" >/dev/null; then
            skip "$header: $how" "no $compiler"
        else
            compile $how "$header"
            ok $? "$header: $how"
        fi
    done
done
tap_end
