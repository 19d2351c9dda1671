#!/bin/bash
# SPDX-License-Identifier: MIT
#
# G2, and the preload library, by the auditor: a guarded copy keeps every rule of the plain one
# with every kernel, but for its return value, which is a count; the preloaded routines keep all.
#
#   test_guard_audit.sh MEMBUS LIBRARY PRELOAD
set -u
membus=$1 library=$2 preload=$3
. "$(dirname "$0")/tap.sh"

audit() { # argument...
    "$membus" audit --quick --no-progress "$@" >"$tmp/out" 2>&1
}

# The rows of the table whose rule is broken.
broken() { awk '/^(W|L|O)[0-9] |^(RESULT|RUNS) / && $NF != "ok" && $NF != "-" { print $1 }' "$tmp/out"; }

for kernel in avx512 avx512-halves avx2 scalar generic; do
    if ! MEMBUS_KERNEL=$kernel audit --kernel $kernel --symbol "$library:membus_copy"; then
        skip "membus_guard_copy, $kernel" "this CPU has no $kernel"
        continue
    fi
    audit --kernel $kernel --symbol "$library:membus_guard_copy"
    [ "$(broken)" = RESULT ] && grep -q 'the return value is not dst' "$tmp/out" &&
        grep -q '^W4 ascending  *ok' "$tmp/out"
    ok $? "membus_guard_copy, $kernel: every rule but memcpy's return value"
done

audit --symbol "$preload:memcpy" --symbol "$preload:memmove"
ok $? "the preload library's memcpy and memmove keep every rule"

audit --symbol libc.so.6:memcpy
[ -n "$(broken)" ]
ok $? "the C library's memcpy does not, so the check can fail"

tap_end
