#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Would the guard's tests see a wrong row? Each row of the kernel avx2's table is made wrong by one
# byte, in turn, and test_guard has to fail.
#
#   test_guard_mutants.sh TEST_GUARD
set -u
test_guard=$1
. "$(dirname "$0")/tap.sh"
export MEMBUS_KERNEL=avx2

if ! grep -qw avx2 /proc/cpuinfo; then
    echo "1..0 # SKIP this CPU cannot run the kernel avx2"
    exit
fi
rows=$(MEMBUS_GUARD_MUTANT=rows "$test_guard")
[ "${rows:-0}" -gt 50 ]
ok $? "the table has rows: $rows"
survivors=
for ((i = 0; i < rows; i++)); do
    MEMBUS_GUARD_MUTANT=$i "$test_guard" >"$tmp/out" 2>&1 && survivors+=" $i"
done
[ -z "$survivors" ]
ok $? "a byte too many in any of them is caught${survivors:+, but not in$survivors}"
tap_end
