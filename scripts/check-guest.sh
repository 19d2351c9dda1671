#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Boots Debian's kernels under QEMU (TCG) with a virtual IOMMU, and runs the library, the program
# and the driver of kernel/ inside, on devices that QEMU emulates.
#
#   scripts/check-guest.sh [-o FOLDER] [GUEST...]
#
# A GUEST is ARCH-SUITE: amd64-bookworm (Linux 6.1), amd64-bookworm-backports (6.12), and the same
# of arm64; all four by default. Downloads and logs go to FOLDER (build-guest). Prints TAP, and at
# a failure or a boot that hangs the end of the console.
#
# Needs: scripts/deps.sh build guest.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
here=$top/tests/guest
out=$top/build-guest
limit=240 # seconds for one boot with all its tests

[ "${1:-}" != -o ] || { out=$2; shift 2; }
[ $# -gt 0 ] || set -- amd64-bookworm amd64-bookworm-backports arm64-bookworm \
    arm64-bookworm-backports
mkdir -p "$out"
out=$(cd "$out" && pwd)
. "$here/lib.sh"

# The static programs for ARCH, in $out/build-ARCH.
build_programs() {
    local arch=$1 build=$out/build-$1 cross=

    if [ "$arch" != "$(dpkg --print-architecture)" ]; then
        fetch "$arch" bookworm "$out/libraries-$arch" only liburcu-dev libjansson-dev
        printf '[properties]\nsys_root = %s\npkg_config_libdir = %s\n' \
            "'$out/libraries-$arch'" "'$out/libraries-$arch/usr/lib/aarch64-linux-gnu/pkgconfig'" \
            >"$out/$arch.cross"
        cross="--cross-file $here/$arch.cross --cross-file $out/$arch.cross"
    fi
    [ -d "$build" ] || meson setup $cross -Dbuildtype=debugoptimized -Ddefault_library=static \
        -Dprefer_static=true \
        -Dtools=false -Dtests=false -Dguest=true "$build" "$top" >"$build.log" 2>&1 || {
        tail -n 20 "$build.log" >&2
        return 1
    }
    ninja -C "$build" tests/guest/guest_test tests/guest/membus >"$build.log" 2>&1 || { tail -n 20 "$build.log" >&2; return 1; }
}

# The modules that VFIO needs, in the order in which they are loaded.
vfio_modules="irqbypass vfio vfio_virqfd vfio_iommu_type1 vfio-pci-core vfio-pci"

make_initramfs() { # ARCH SUITE ROOT FILE
    local arch=$1 suite=$2 root=$3 dir=$4.d module path

    rm -rf "$dir"
    mkdir -p "$dir"/{bin,dev,proc,sys,tmp,modules}
    cp "$root/bin/busybox" "$dir/bin/busybox"
    ln -s busybox "$dir/bin/sh"
    cp "$here/init" "$dir/init"
    cp "$out/build-$arch/tests/guest/guest_test" "$dir/guest_test"
    cp "$out/build-$arch/tests/guest/membus" "$dir/membus"
    for module in $vfio_modules; do
        path=$(find "$root/lib/modules" -name "$module.ko*")
        [ -n "$path" ] || continue # part of another module, or of the kernel, in this version
        case $path in
        *.xz) xz -dc "$path" >"$dir/modules/$module.ko" ;;
        *) cp "$path" "$dir/modules/$module.ko" ;;
        esac
        echo "$module.ko" >>"$dir/modules/order"
    done
    "$here/modules.sh" "$root" "$arch" "$top/kernel" "$out/modules-$arch-$suite"
    "$here/modules.sh" "$root" "$arch" "$here/attr" "$out/attr-$arch-$suite"
    for module in "$out/modules-$arch-$suite/membus-vfio-pci.ko" \
        "$out/attr-$arch-$suite/membus_attr.ko"; do
        cp "$module" "$dir/modules/"
        basename "$module" >>"$dir/modules/order"
    done
    (cd "$dir" && find . | cpio -o -H newc --quiet | gzip -1) >"$4"
}

# Everything a guest needs, in $out; sets `root` and `initramfs`.
prepare() { # ARCH SUITE
    root=$out/root-$1-$2
    initramfs=$out/initramfs-$1-$2
    fetch "$1" "$2" "$root" kernel
    fetch "$1" "$2" "$root" headers
    fetch "$1" bookworm "$root" only busybox-static
    if [ "$1" != "$(dpkg --print-architecture)" ]; then
        # The programs of a build are those of this machine; they match, or make says so.
        fetch "$(dpkg --print-architecture)" "$2" "$root" kbuild
        fetch "$(dpkg --print-architecture)" bookworm-backports "$out/qemu" program qemu-system-arm
    fi
    build_programs "$1"
    make_initramfs "$1" "$2" "$root" "$initramfs"
}

# QEMU's command for ARCH: machine, IOMMU, devices.
qemu() { # ARCH KERNEL INITRAMFS DISK
    local arch=$1 machine

    case $arch in
    amd64)
        machine="qemu-system-x86_64 -M q35,kernel-irqchip=split -cpu max"
        machine="$machine -device intel-iommu,intremap=on"
        append="console=ttyS0 intel_iommu=on tsc=reliable"
        ;;
    arm64)
        # Version 10, and a second CPU that could be there: both are needed for alignment faults.
        machine="$out/qemu/usr/bin/qemu-system-aarch64 -L $out/qemu/usr/share/qemu"
        machine="$machine -M virt,iommu=smmuv3,gic-version=3 -smp 1,maxcpus=2 -cpu cortex-a57"
        append="console=ttyAMA0"
        export LD_LIBRARY_PATH=$out/qemu/usr/lib/x86_64-linux-gnu
        ;;
    esac
    exec timeout --foreground -k 5 "$limit" $machine -accel tcg -m 512 -display none -no-reboot \
        -nodefaults -serial stdio -kernel "$2" -initrd "$3" \
        -append "$append quiet panic=-1 rdinit=/init" \
        -object memory-backend-ram,id=shm0,size=1M \
        -object memory-backend-ram,id=shm1,size=1M \
        -object memory-backend-ram,id=shm2,size=1M \
        -device ivshmem-plain,memdev=shm0 \
        -device ivshmem-plain,memdev=shm1 \
        -device ivshmem-plain,memdev=shm2 \
        -device edu,dma_mask=0xffffffffffffffff \
        -drive file="$4",format=raw,if=none,id=disk \
        -device nvme,drive=disk,serial=membus,cmb_size_mb=1 \
        -device pci-testdev,membar=1M
}

boot() { # ARCH SUITE CONSOLE: the file for the console's text
    local kernel rc=0 disk=$out/disk console=$3

    prepare "$1" "$2"
    kernel=$(ls "$root"/boot/vmlinuz-*)
    truncate -s 1M "$disk"
    (qemu "$1" "$kernel" "$initramfs" "$disk") </dev/null >"$console" 2>&1 || rc=$?
    sed -i 's/\r//g' "$console"
    [ $rc != 124 ] && [ $rc != 137 ] || echo "GUEST-LIMIT $limit" >>"$console"
}

# The limit of a boot works: one that has hardly begun is ended, and noted in the console's text.
check_limit() {
    local console=$out/console-limit.log

    case_number=$((case_number + 1))
    set +e
    (set -e; limit=1; boot "${1%%-*}" "${1#*-}" "$console")
    set -e
    if grep -a -q '^GUEST-LIMIT 1$' "$console" && ! grep -a -q '^GUEST-END' "$console"; then
        echo "ok $case_number - $1: a boot over its limit is ended"
    else
        failed=$((failed + 1))
        echo "not ok $case_number - $1: a boot over its limit is ended"
    fi
}

echo "TAP version 13"
for guest; do
    began=$(date +%s)
    # In no condition: there errexit would be off.
    set +e
    console=$out/console-$guest.log
    (set -e; boot "${guest%%-*}" "${guest#*-}" "$console")
    built=$?
    set -e
    if [ $built = 0 ]; then
        report "$guest" "$console"
        check_end "$guest" "$console"
    else
        case_number=$((case_number + 1))
        failed=$((failed + 1))
        echo "not ok $case_number - $guest: can be built"
    fi
    echo "# $guest: $(($(date +%s) - began)) s"
done
check_limit "$1"
finish
