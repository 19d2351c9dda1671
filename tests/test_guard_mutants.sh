#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Would the guard's tests see a wrong row? Each row of the tables of the kernels avx2 and avx512 is
# made wrong, in turn, and test_guard has to fail.
#
#   test_guard_mutants.sh TEST_GUARD
set -u
test_guard=$1
. "$(dirname "$0")/tap.sh"

mutants() { # KERNEL ROWS-AT-LEAST
    local rows survivors= i
    export MEMBUS_KERNEL=$1
    if ! "$test_guard" 2>&1 | grep -q "(kernel $1)"; then
        skip "rows of the kernel $1" "this CPU cannot run it"
        return
    fi
    rows=$(MEMBUS_GUARD_MUTANT=rows "$test_guard")
    [ "${rows:-0}" -gt "$2" ]
    ok $? "$1: the table has rows: $rows"
    for ((i = 0; i < rows; i++)); do
        MEMBUS_GUARD_MUTANT=$i "$test_guard" >"$tmp/out" 2>&1 && survivors+=" $i"
    done
    [ -z "$survivors" ]
    ok $? "$1: what is wrong in any of them is caught${survivors:+, but not in$survivors}"
}

mutants avx2 50
mutants avx512 30
tap_end
