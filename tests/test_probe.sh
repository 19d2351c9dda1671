#!/bin/bash
# SPDX-License-Identifier: MIT
#
# membus probe on this machine, and on folders that stand for other ones.
#
#   test_probe.sh MEMBUS
set -u
membus=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0 failed=0

ok() { # name status, of the command before
    if [ "$2" = 0 ]; then
        echo "ok $((n += 1)) - $1"
    else
        echo "not ok $((n += 1)) - $1"
        sed 's/^/# /' "$dir/out" "$dir/err" | head -30
        failed=1
    fi
}

probe() { # argument...
    "$membus" probe "$@" >"$dir/out" 2>"$dir/err"
}

probe && for mode in NORMAL WRITECOMBINE DEVICE NONCACHED UNKNOWN; do
    grep -q "^  $mode " "$dir/out" || break
done && grep -q '^Kernel: ' "$dir/out" && grep -q '^KVM: ' "$dir/out" && grep -q '^VFIO: ' "$dir/out"
ok "the text has every mode, the kernel, KVM and VFIO" $?

probe --json && python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
assert [x["mode"] for x in r["rules"]] == ["UNKNOWN", "NORMAL", "WRITECOMBINE", "DEVICE", "NONCACHED"]
assert all(x["source"] for x in r["rules"])
names = [k["name"] for k in r["kernels"]]
assert names[-1] == "generic" and r["kernels"][-1]["usable"] and all(k["needs"] for k in r["kernels"])
assert r["kernel"] == [k["name"] for k in r["kernels"] if k["usable"]][0]
assert r["kernel_from_environment"] is False
' "$dir/out"
ok "--json, and the kernel is the first that is usable" $?

MEMBUS_KERNEL=generic probe --json && python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
assert r["kernel"] == "generic" and r["kernel_from_environment"] is True
' "$dir/out"
ok "MEMBUS_KERNEL is named as the one who chose" $?

mkdir -p "$dir/bare" && probe --root "$dir/bare" &&
    grep -q '^KVM: .*/dev/kvm not there$' "$dir/out" && grep -q 'modules loaded: none' "$dir/out" &&
    grep -q 'IOMMU groups: none' "$dir/out"
ok "a machine without KVM, VFIO and IOMMU" $?

mkdir -p "$dir/full/dev/vfio/devices" "$dir/full/sys/module/vfio_pci" \
    "$dir/full/sys/kernel/iommu_groups/0" "$dir/full/sys/kernel/iommu_groups/17"
touch "$dir/full/dev/kvm" "$dir/full/dev/vfio/17" "$dir/full/dev/vfio/devices/vfio0"
probe --root "$dir/full" && grep -q '^KVM: .*/dev/kvm not usable: ' "$dir/out" &&
    grep -q 'modules loaded: vfio_pci$' "$dir/out" &&
    grep -q 'IOMMU groups: 2; bound to VFIO: 1 groups, 1 devices' "$dir/out"
ok "groups and modules are counted; a file that is no KVM is not usable" $?

! probe surplus && [ -s "$dir/err" ] && ! probe --nonsense
ok "wrong options" $?
probe --help && grep -q '^usage: membus probe' "$dir/out"
ok "--help" $?
"$membus" probe >/dev/full 2>"$dir/err"
[ $? = 2 ]
ok "a full disk is an error" $?
echo "1..$n"
exit $failed
