#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Builds kernel modules out of tree against the headers that fetch.sh unpacked.
#
#   modules.sh ROOT ARCH SOURCE OUT
#
# ROOT holds linux-headers of ARCH (amd64 or arm64) and linux-kbuild of this machine, SOURCE a
# Kbuild file and its sources, which are copied to OUT and built there.
set -eu

root=$(cd "$1" && pwd) arch=$2 source=$3 out=$4

headers=$(ls -d "$root"/usr/src/linux-headers-*-"$arch")
common=$(ls -d "$root"/usr/src/linux-headers-*-common)

# Debian's headers name their common part by absolute path.
echo "include $common/Makefile" >"$headers/Makefile"

case $arch in
amd64) set -- ARCH=x86 CROSS_COMPILE=x86_64-linux-gnu- ;;
arm64) set -- ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- ;;
*) echo "modules.sh: no architecture $arch" >&2; exit 2 ;;
esac

mkdir -p "$out"
cp "$source"/*.[ch] "$source/Kbuild" "$out/"
# Without the kernel image there is nothing to make BTF from.
log="$out/build.log"
make -C "$headers" M="$(cd "$out" && pwd)" "$@" W=1 CONFIG_DEBUG_INFO_BTF_MODULES= modules >"$log" 2>&1 || {
    echo "modules.sh: cannot build $source for $(basename "$headers"):" >&2
    tail -n 20 "$log" >&2
    exit 1
}
