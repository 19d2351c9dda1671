#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Writes the maps in this folder anew, with the QEMU that is installed.
set -eu
cd "$(dirname "$0")"

# FILE FLAGS QEMU ARGUMENT...
capture() {
    local file=$1 flags=$2 qemu=$3
    shift 3
    printf 'info mtree %s\nquit\n' "$flags" |
        timeout 30 "qemu-system-$qemu" -S -display none -monitor stdio -serial null "$@" |
        tr -d '\r' | sed -n '/^\(address-space\|FlatView\)/,$p' | grep -v '^(qemu)' >"$file"
}

# NAME QEMU ARGUMENT...
both() {
    local name=$1
    shift
    capture "$name.tree.txt" '' "$@"
    capture "$name.flat.txt" -f "$@"
}

# Bridges, an IOMMU, NVDIMMs, memory above 4 GiB, secure and SMM address spaces.
q35_ports=(x86_64 -M q35 -m 6G -device intel-iommu
    -device pcie-root-port,id=p1,chassis=1 -device nvme,bus=p1,serial=1
    -device pcie-root-port,id=p2,chassis=2 -device e1000e,bus=p2
    -object memory-backend-ram,id=m,size=1M -device ivshmem-plain,memdev=m)
virt_smmu=(aarch64 -M virt,iommu=smmuv3,gic-version=3,secure=on -cpu max
    -device nvme,serial=1 -device pcie-root-port,id=p1 -device virtio-net-pci,bus=p1)
both q35-ports "${q35_ports[@]}"
capture q35-ports.disabled.txt -D "${q35_ports[@]}"
capture q35-ports.dispatch-flat.txt '-f -d' "${q35_ports[@]}"
both virt-smmu "${virt_smmu[@]}"
capture virt-smmu.owners.txt -o "${virt_smmu[@]}"
capture virt-smmu.owners-flat.txt '-f -o' "${virt_smmu[@]}"
both q35-iommu x86_64 -M q35,kernel-irqchip=split -m 1G \
    -device intel-iommu,intremap=on -device edu -device virtio-gpu-pci
both pc-nv x86_64 -M pc,nvdimm=on -m 1G,slots=2,maxmem=4G \
    -object memory-backend-ram,id=nv,size=256M -device nvdimm,memdev=nv \
    -device pci-bridge,chassis_nr=3,id=b -device e1000,bus=b,addr=1
both amd-iommu x86_64 -M q35 -device amd-iommu -device nvme,serial=3
both virt-its aarch64 -M virt,virtualization=on,highmem=off -cpu cortex-a72 -m 2G \
    -drive if=none,id=d,file=null-co://,format=raw -device virtio-blk-device,drive=d
both virt-pci riscv64 -M virt -device e1000 -device pci-bridge,chassis_nr=1,id=b \
    -device edu,bus=b,addr=1
both q35-8g x86_64 -M q35,smm=on -smp 3 -m 8G -device pcie-pci-bridge,id=pp \
    -device pci-testdev,bus=pp,addr=2,membar=1M
# Where guesses were wrong once.
for m in arm-mcimx6ul-evk arm-mps3-an524 loongarch64-virt hppa-hppa mips64el-fuloong2e; do
    both "$m" "${m%%-*}" -nodefaults -M "${m#*-}"
done
both microvm-microvm microvm -nodefaults -M microvm # under KVM: the ranges say so
