#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The examples do what they say, and the ring's checks catch a bad copy.
#
#   test_examples.sh COPY RING [VMM]
#
# Prints TAP.
set -u
copy=$1 ring=$2 vmm=${3:-}
. "$(dirname "$0")/tap.sh"

result() { # status name output, which is shown whatever came of it
    ok "$1" "$2"
    sed 's/^/# /' <<<"$3"
}

out=$("$copy" 2>&1) && [ "$out" = "phase 1, head 1" ]
result $? 'copy' "$out"

out=$("$ring" 300000 2>&1)
result $? 'ring: every completion whole' "$out"

# A bad copy is seen by chance: most runs see hundreds of mixed completions.
caught=1
for _ in 1 2 3 4 5; do
    out=$("$ring" 300000 bytes 2>&1)
    [ $? != 1 ] || { caught=0; break; }
done
case $out in
*'on 1 CPUs'*) skip 'ring: a bad copy is caught' 'one CPU: the threads only take turns' ;;
*) result $caught 'ring: a bad copy is caught' "$out" ;;
esac

expect_vmm() { # engine argument...
    local engine=$1 status
    shift
    out=$("$vmm" "$@" 2>&1)
    status=$?
    case $status:$out in
    77:*) skip "vmm on $engine" "$(printf '%s' "$out" | tr '\n' ' ')"; return ;;
    esac
    case $out in
    *"running on $engine"*) result "$status" "vmm on $engine" "$out" ;;
    *"no KVM"*) skip "vmm on $engine" "$(printf '%s' "$out" | sed -n 's/.*no KVM (\(.*\))/\1/p')" ;;
    *) result 1 "vmm on $engine" "$out" ;;
    esac
}

if [ -n "$vmm" ]; then
    expect_vmm KVM
    expect_vmm Unicorn --emulate
else
    skip 'vmm on KVM' 'its guest is x86-64 code'
    skip 'vmm on Unicorn' 'not built on this architecture'
fi
tap_end
