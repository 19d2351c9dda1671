#!/bin/bash
# SPDX-License-Identifier: MIT
#
# G2, and the preload library, by the auditor: a guarded copy keeps every rule of the plain one
# with every kernel, but for its return value, which is a count; the preloaded routines keep all.
#
#   test_guard_audit.sh MEMBUS LIBRARY PRELOAD
set -u
membus=$1 library=$2 preload=$3
n=0 bad=0

result() { # status name
    if [ "$1" = 0 ]; then
        echo "ok $((n += 1)) - $2"
    else
        echo "not ok $((n += 1)) - $2"
        sed 's/^/# /' <<<"$table"
        bad=1
    fi
}

# The rows of the table whose rule is broken.
broken() { awk '/^(W|L|O)[0-9] |^(RESULT|RUNS) / && $NF != "ok" && $NF != "-" { print $1 }' <<<"$table"; }

for kernel in avx512 avx2 scalar generic; do
    if ! MEMBUS_KERNEL=$kernel "$membus" audit --quick --no-progress --kernel $kernel \
        --symbol "$library:membus_copy" >/dev/null 2>&1; then
        echo "ok $((n += 1)) - membus_guard_copy, $kernel # SKIP this CPU has no $kernel"
        continue
    fi
    table=$("$membus" audit --quick --no-progress --kernel $kernel \
        --symbol "$library:membus_guard_copy" 2>&1)
    [ "$(broken)" = RESULT ] && grep -q 'the return value is not dst' <<<"$table" &&
        grep -q '^W4 ascending  *ok' <<<"$table"
    result $? "membus_guard_copy, $kernel: every rule but memcpy's return value"
done

table=$("$membus" audit --quick --no-progress --symbol "$preload:memcpy" \
    --symbol "$preload:memmove" 2>&1)
result $? "the preload library's memcpy and memmove keep every rule"

table=$("$membus" audit --quick --no-progress --symbol libc.so.6:memcpy 2>&1)
[ -n "$(broken)" ]
result $? "the C library's memcpy does not, so the check can fail"

echo "1..$n"
exit $bad
