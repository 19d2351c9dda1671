#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The one list of Debian 12 packages that membus needs, by what needs them, and their installer.
#
#   scripts/deps.sh GROUP...     installs what is missing (apt; asks for nothing)
#   scripts/deps.sh --list [GROUP...]   prints the packages
#
# Groups: build (the library and the program), check (its tests), and those named below.
set -eu

packages_build="
build-essential
libcapstone-dev
libelf-dev
libjansson-dev
liburcu-dev
libzydis-dev
meson
ninja-build
pkg-config
"

packages_check="
binutils
bsdutils
clang
gnuplot-nox
jq
libclang-rt-14-dev
libcmocka-dev
libunicorn-dev
libxml2-utils
mandoc
python3
"

packages_guest="
cpio
gcc-aarch64-linux-gnu
libc6-dev-arm64-cross
qemu-system-x86
xz-utils
"

packages_avx512="
bochs
bochs-term
bochsbios
busybox-static
cpio
isolinux
syslinux-common
vgabios
xorriso
"

packages_fuzz="
clang-14
libcapstone-dev
libclang-rt-14-dev
libelf-dev
"

packages_format="
clang-format
"

packages_cross="
clang-14
clang-19
dpkg-dev
gcc-aarch64-linux-gnu
gcc-arm-linux-gnueabihf
gcc-i686-linux-gnu
gcc-mips-linux-gnu
gcc-mips64el-linux-gnuabi64
gcc-powerpc64-linux-gnu
gcc-powerpc64le-linux-gnu
gcc-riscv64-linux-gnu
gcc-s390x-linux-gnu
libc6-dev-arm64-cross
libc6-dev-armhf-cross
libc6-dev-i386-cross
libc6-dev-mips-cross
libc6-dev-mips64el-cross
libc6-dev-ppc64-cross
libc6-dev-ppc64el-cross
libc6-dev-riscv64-cross
libc6-dev-s390x-cross
lld-19
qemu-user
"

packages_bench="
cargo
gnuplot-nox
libdpdk-dev
librust-vm-memory-dev
libunicorn-dev
musl-dev
rustc
valgrind
"

packages_qemu="
busybox-static
cpio
qemu-system-x86
"

groups() {
    sed -n 's/^packages_\([a-z0-9_]*\)="$/\1/p' "$0"
}

list=0
[ "${1:-}" != --list ] || { list=1; shift; }
[ $# -gt 0 ] || set -- $(groups)

wanted=
for group in "$@"; do
    groups | grep -qx "$group" || {
        echo "deps.sh: no group '$group'; there are: $(groups | tr '\n' ' ')" >&2
        exit 2
    }
    eval "wanted=\"\$wanted \$packages_$group\""
done

if [ $list = 1 ]; then
    printf '%s\n' $wanted | sort -u
    exit 0
fi

missing=
for package in $(printf '%s\n' $wanted | sort -u); do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0

apt=apt-get
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "deps.sh: not root and no sudo; as root, run:" >&2
        echo "  apt-get update && apt-get install --no-install-recommends$missing" >&2
        exit 1
    }
    apt="sudo apt-get"
fi
echo "deps.sh: installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! $apt update -q >"$log" 2>&1 ||
    ! $apt install -y -q --no-install-recommends $missing >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "deps.sh: apt failed (full log: $log)" >&2
    exit 1
fi
rm -f "$log"
