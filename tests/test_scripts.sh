#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The house's own checkers: each passes on the tree and catches a bad case.
#
#   test_scripts.sh SOURCE-ROOT LIBMEMBUS.so
set -u
root=$1
library=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0 failed=0

expect() { # status description command...
    local want=$1 what=$2
    shift 2
    "$@" >"$tmp/out" 2>&1
    local got=$?
    if [ $got -eq "$want" ]; then
        echo "ok $((n += 1)) - $what"
    else
        failed=1; echo "not ok $((n += 1)) - $what: exit status $got, not $want"
        sed 's/^/# /' "$tmp/out"
    fi
}

expect 0 "the tree keeps its layers" "$root/scripts/check-layers.sh" "$root"
mkdir -p "$tmp/tree/src" "$tmp/tree/include/membus"
touch "$tmp/tree/include/membus/space.h"
echo '#include <membus/space.h>' >"$tmp/tree/src/copy.c"
expect 1 "a copy that includes the space is caught" "$root/scripts/check-layers.sh" "$tmp/tree"
grep -q 'src/copy.c includes from a higher layer: membus/space.h' "$tmp/out" &&
    echo "ok $((n += 1)) - and named" || { failed=1; false; } || echo "not ok $((n += 1)) - and named"

expect 0 "libmembus exports its list" "$root/scripts/check-symbols.sh" "$library" "$root/src/membus.syms"
sed '1d' "$root/src/membus.syms" >"$tmp/syms"
expect 1 "an unlisted export is caught" "$root/scripts/check-symbols.sh" "$library" "$tmp/syms"
(cat "$root/src/membus.syms"; echo membus_zzz) >"$tmp/syms"
expect 1 "a missing export is caught" "$root/scripts/check-symbols.sh" "$library" "$tmp/syms"

printf 'ok 1 - a\nok 2 - b # SKIP no such thing\n' >"$tmp/tap"
expect 0 "count.py counts" "$root/scripts/count.py" "$tmp/tap"
grep -qx '1 passed, 0 failed, 1 skipped' "$tmp/out" &&
    echo "ok $((n += 1)) - count.py: closing line" || { failed=1; false; } || echo "not ok $((n += 1)) - count.py: closing line"
printf 'ok 1 - a\nnot ok 2 - b\n' >"$tmp/tap"
expect 1 "count.py fails on a failure" "$root/scripts/count.py" "$tmp/tap"
: >"$tmp/tap"
expect 1 "count.py fails where nothing ran" "$root/scripts/count.py" "$tmp/tap"
echo '{"name": "x", "result": "TIMEOUT", "stdout": "ok 1 - a\n"}' >"$tmp/log.json"
expect 1 "count.py fails on a timeout" "$root/scripts/count.py" "$tmp/log.json"
echo "1..$n"
exit $failed
