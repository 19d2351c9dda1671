#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The part of the auditor that runs between two instructions of the audited routine uses general
# registers only and calls nothing that is not part of it: test_audit_bare.sh BARE.a OTHER.a
# OTHER.a has vector instructions and calls memcpy's kin: the check must notice it.
set -u

bare=$1
other=$2
. "$(dirname "$0")/tap.sh"

# xsave64, fninit and the like are meant; a vector or mask register as an operand is not.
vectors() {
    objdump -d --no-show-raw-insn "$1" | grep -E '%([xyz]?mm|k)[0-9]' || true
}

# What it takes from elsewhere: slots_miss is called with the vector registers saved.
outside() {
    comm -13 <(nm "$1" | awk 'NF == 3 && $2 != "U" { print $3 }' | sort -u) \
        <(nm "$1" | awk '$1 == "U" { print $2 }' | sort -u) |
        grep -vxE 'slots_miss|_GLOBAL_OFFSET_TABLE_' || true
}

is_empty() {
    [ -z "$1" ] || { sed 's/^/# /' <<<"$1" | head -n 5; return 1; }
}

is_empty "$(vectors "$bare")"
ok $? 'no vector register'
is_empty "$(outside "$bare")"
ok $? 'nothing is called outside'
! is_empty "$(vectors "$other")" >/dev/null
ok $? 'vector registers elsewhere are noticed'
! is_empty "$(outside "$other")" >/dev/null
ok $? 'calls elsewhere are noticed'
tap_end
