#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Transfers and guarded moves by the auditor: their pieces, too, keep every rule, with every kernel.
#
#   test_transfer_audit.sh MEMBUS TRANSFERS
set -u
membus=$1 transfers=$2
. "$(dirname "$0")/tap.sh"

readers="read_device read_device_strict guard_read_device guard_read_device_strict between_devices"
writers="write_device guard_write_device copy_strict transfer_strict"
overlapping="transfer_move strict_move guard_move guard_transfer_move"
# The cut of a move that needs 16 bytes behind it, which the quick set has none of.
cut="--case n=5016,dst=8,distance=5000 --case n=4104,dst=0,distance=4096"

audit() { # WHAT NAMES ARGUMENT...
    local what=$1 names=$2 name
    shift 2
    for name in $names; do set -- "$@" --symbol "$transfers:$name"; done
    "$membus" audit --no-progress --kernel "$kernel" "$@" >"$tmp/out" 2>&1
    ok $? "$kernel: $what"
}

for kernel in avx512 avx512-halves avx2 scalar generic; do
    if ! MEMBUS_KERNEL=$kernel "$membus" audit --no-progress --kernel $kernel --case n=1 \
        --symbol "$transfers:copy_strict" >/dev/null 2>&1; then
        skip "transfers, $kernel" "this CPU has no $kernel"
        continue
    fi
    audit "transfers from a device" "$readers" --quick --overlap no --device-source
    audit "transfers from RAM" "$writers" --quick --overlap no
    audit "transfers and guarded moves that overlap" "$overlapping" --quick
    audit "a move's end behind its cut" "$overlapping" $cut
done
tap_end
