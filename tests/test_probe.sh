#!/bin/bash
# SPDX-License-Identifier: MIT
#
# membus probe on this machine, and on folders that stand for other ones.
#
#   test_probe.sh MEMBUS
set -u
membus=$1
. "$(dirname "$0")/tap.sh"

probe() { # argument...
    "$membus" probe "$@" >"$tmp/out" 2>"$tmp/err"
}

probe && for mode in NORMAL WRITECOMBINE DEVICE NONCACHED UNKNOWN; do
    grep -q "^  $mode " "$tmp/out" || break
done && grep -q '^Kernel: ' "$tmp/out" && grep -q '^KVM: ' "$tmp/out" && grep -q '^VFIO: ' "$tmp/out"
ok $? "the text has every mode, the kernel, KVM and VFIO"

probe --json && python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
assert [x["mode"] for x in r["rules"]] == ["UNKNOWN", "NORMAL", "WRITECOMBINE", "DEVICE", "NONCACHED"]
assert all(x["source"] for x in r["rules"])
names = [k["name"] for k in r["kernels"]]
assert names[-1] == "generic" and r["kernels"][-1]["usable"] and all(k["needs"] for k in r["kernels"])
assert r["kernel"] == [k["name"] for k in r["kernels"] if k["usable"]][0]
assert r["kernel_from_environment"] is False
' "$tmp/out"
ok $? "--json, and the kernel is the first that is usable"

MEMBUS_KERNEL=generic probe --json && python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
assert r["kernel"] == "generic" and r["kernel_from_environment"] is True
' "$tmp/out"
ok $? "MEMBUS_KERNEL is named as the one who chose"

mkdir -p "$tmp/bare" && probe --root "$tmp/bare" &&
    grep -q '^KVM: .*/dev/kvm not there$' "$tmp/out" && grep -q 'modules loaded: none' "$tmp/out" &&
    grep -q 'IOMMU groups: none' "$tmp/out"
ok $? "a machine without KVM, VFIO and IOMMU"

mkdir -p "$tmp/full/dev/vfio/devices" "$tmp/full/sys/module/vfio_pci" \
    "$tmp/full/sys/kernel/iommu_groups/0" "$tmp/full/sys/kernel/iommu_groups/17"
touch "$tmp/full/dev/kvm" "$tmp/full/dev/vfio/17" "$tmp/full/dev/vfio/devices/vfio0"
probe --root "$tmp/full" && grep -q '^KVM: .*/dev/kvm not usable: ' "$tmp/out" &&
    grep -q 'modules loaded: vfio_pci$' "$tmp/out" &&
    grep -q 'IOMMU groups: 2; bound to VFIO: 1 groups, 1 devices' "$tmp/out"
ok $? "groups and modules are counted; a file that is no KVM is not usable"

! probe surplus && [ -s "$tmp/err" ] && ! probe --nonsense
ok $? "wrong options"
probe --help && grep -q '^usage: membus probe' "$tmp/out"
ok $? "--help"
"$membus" probe >/dev/full 2>"$tmp/err"
[ $? = 2 ]
ok $? "a full disk is an error"
tap_end
