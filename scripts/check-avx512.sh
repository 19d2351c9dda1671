#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs the tests of the kernel avx512 on a CPU that Bochs emulates, under Debian's cloud kernel:
# for machines without AVX-512, which QEMU and valgrind do not emulate.
#
#   scripts/check-avx512.sh [-o FOLDER] [BUILD]
#
# The programs are those of BUILD (build), with the shared libraries that they need. Downloads and
# logs go to FOLDER (build-guest). Prints TAP. Bochs runs some 50 million instructions a second,
# so a run takes minutes; what has begun is said.
#
# Needs: scripts/deps.sh avx512.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
here=$top/tests/guest
out=$top/build-guest
limit=1200 # seconds for the boot with all its tests, on a machine that is busy

[ "${1:-}" != -o ] || { out=$2; shift 2; }
build=$(cd "${1:-build}" && pwd)
mkdir -p "$out/avx512"
out=$(cd "$out" && pwd)
work=$out/avx512
console=$work/console.log
. "$here/lib.sh"

programs="tests/test_copy tests/test_guard tests/audit/test_audit_engine
    tests/audit/test_audit_strict tests/audit/libaudit_routines.so tests/audit/libaudit_strict.so
    libmembus.so.0 membus"

# At BUILD's own relative places under /build, for programs that look for libraries there.
make_initramfs() {
    local root=$out/root-cloud dir=$work/initramfs.d file

    rm -rf "$dir"
    mkdir -p "$dir"/{bin,dev,proc,tmp,build}
    cp "$root/bin/busybox" "$dir/bin/busybox"
    ln -s busybox "$dir/bin/sh"
    cp "$here/init-avx512" "$dir/init"
    for file in $programs; do
        mkdir -p "$dir/build/$(dirname "$file")"
        strip -g -o "$dir/build/$file" "$build/$file"
    done
    (cd "$build" && ldd $programs) |
        awk '$2 == "=>" {print $3} $1 ~ /^\// {print $1}' | grep -v "^$build" | sort -u |
        while read -r file; do
            mkdir -p "$dir$(dirname "$file")"
            cp -L "$file" "$dir$file"
        done
    # Not compressed: reading more is cheaper there.
    (cd "$dir" && find . | cpio -o -H newc --quiet) >"$work/medium/initrd"
}

# The kernel takes offence at two things of Bochs 2.7, and would do without AVX: it has protection
# keys without their place in the XSAVE area, and names a size of the compact area that is not one.
# It cannot measure the clock either: an instruction is a tick of it, and the CPU claims more. At
# 400 MHz, some eight times what Bochs does, timers of 50 us leave the tests time between signals.
make_medium() {
    local append="rdinit=/init console=ttyS0 quiet panic=-1 nokaslr mitigations=off acpi=off"

    append="$append tsc=reliable tsc_early_khz=400000 clearcpuid=xsavec,xsaves,pku,ospke,mpx"
    rm -rf "$work/medium"
    mkdir -p "$work/medium"
    make_initramfs
    cp "$out"/root-cloud/boot/vmlinuz-* "$work/medium/linux"
    cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/medium"
    cat >"$work/medium/isolinux.cfg" <<EOF
default linux
label linux
  kernel linux
  append initrd=initrd $append
EOF
    xorriso -as mkisofs -quiet -o "$work/medium.iso" -b isolinux.bin -c boot.cat -no-emul-boot \
        -boot-load-size 4 -boot-info-table "$work/medium" 2>"$work/xorriso.log"
    cat >"$work/bochsrc" <<EOF
display_library: term
megs: 512
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model=corei7_skylake_x, count=1, ips=400000000, reset_on_triple_fault=0
ata0-master: type=cdrom, path="$work/medium.iso", status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev="$console"
log: "$work/bochs.log"
panic: action=fatal
clock: sync=none
sound: driver=dummy
EOF
    echo c >"$work/debugger" # Debian's Bochs waits for its debugger's command to continue
}

# Ends Bochs at the guest's last line: it takes no other signal kindly. Prints what begins.
boot() {
    local bochs said=0 lines second

    rm -f "$console" "$work/medium.iso.lock"
    : >"$console"
    TERM=vt100 bochs-bin -q -f "$work/bochsrc" -rc "$work/debugger" </dev/null \
        >"$work/bochs.out" 2>&1 &
    bochs=$!
    trap 'kill -KILL $bochs 2>/dev/null' EXIT
    for ((second = 0; second < limit; second++)); do
        sleep 1
        lines=$(grep -a -c ': runs, .* boot' "$console" || true)
        [ "$lines" = "$said" ] || grep -a ': runs, .* boot' "$console" | tail -n 1 | tr -d '\r'
        said=$lines
        ! grep -a -q '^GUEST-END' "$console" || break
        kill -0 $bochs 2>/dev/null || break
    done
    [ $second -lt $limit ] || echo "GUEST-LIMIT $limit" >>"$console"
    kill -KILL $bochs 2>/dev/null || true
    wait $bochs 2>/dev/null || true
    trap - EXIT
    sed -i 's/\r//g' "$console"
}

echo "TAP version 13"
fetch amd64 bookworm "$out/root-cloud" cloud-kernel
fetch amd64 bookworm "$out/root-cloud" only busybox-static
make_medium
boot
report avx512 "$console"
check_end avx512 "$console"
echo "# avx512: $SECONDS s"
finish
