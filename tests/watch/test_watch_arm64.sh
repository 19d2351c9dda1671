#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Debian's QEMU 7.2 for arm64, run by qemu-user, is watched writing to guest RAM: with arm64's glibc
# and under the preload library for arm64. What the C library does is told; under the preload nothing
# may be seen. The order in which stores are seen is this machine's, not an arm64's.
#
#   test_watch_arm64.sh WATCH SOURCE_ROOT WORK_DIRECTORY [ROUNDS]
#
# Needs qemu-user and arm64's gcc (the group `cross`); WORK_DIRECTORY keeps what is fetched.
set -u
watch=$1 root=$2 work=$3 rounds=${4:-200}
n=0 bad=0

skip_all() { printf '1..1\nok 1 - all # SKIP %s\n' "$1"; exit 0; }

[ "$(nproc)" -gt 1 ] || skip_all "needs two processors"
for program in qemu-aarch64 aarch64-linux-gnu-gcc; do
    command -v $program >/dev/null || skip_all "needs $program"
done
mkdir -p "$work"
work=$(realpath "$work")
arm64=$work/root
bash "$root/tests/guest/fetch.sh" "$work/cache" arm64 bookworm "$arm64" program qemu-system-x86 \
    >"$work/fetch.log" 2>&1 || skip_all "fetch.sh failed: $(tail -n 1 "$work/fetch.log")"

# As meson builds it, for arm64.
build_preload() {
    local flags="-O2 -std=gnu11 -fPIC -fvisibility=hidden -fno-builtin -fno-stack-protector
        -fno-tree-loop-distribute-patterns -Iinclude -Isrc -Isrc/arch/aarch64 -Isrc/arch/generic"
    cd "$root" && aarch64-linux-gnu-gcc $flags -DMEMBUS_FORCE_GENERIC -c src/arch/generic/kernel.c \
        -o "$work/generic.o" &&
        aarch64-linux-gnu-gcc $flags -shared -o "$work/libmembus-preload.so" src/preload/*.c \
            src/copy.c src/copy_move.c $(ls src/arch/aarch64/*.c | grep -v guard) \
            "$work/generic.o" -pthread -Wl,--version-script=src/preload/preload.map,-z,now,-z,defs
}

# What is preloaded is for the emulated program. cortex-a57: qemu-user carries out SVE's stores, which
# a newer CPU's glibc copies with, byte by byte, and would tear what no CPU tears.
cat >"$work/qemu.sh" <<END
#!/bin/sh
exec qemu-aarch64 -cpu \${ARM64_CPU:-cortex-a57} \${ARM64_PRELOAD:+-E LD_PRELOAD=\$ARM64_PRELOAD} \\
    -L $arm64 $arm64/usr/bin/qemu-system-x86_64 -L $arm64/usr/share/qemu "\$@"
END
chmod +x "$work/qemu.sh"

told() { # status log name
    if [ "$1" = 0 ]; then
        echo "ok $((n += 1)) - $3"
    else
        echo "not ok $((n += 1)) - $3: $(tail -n 1 "$2")"
        bad=1
    fi
    grep '^#' "$2"
}

"$watch" --rounds "$rounds" "$work/qemu.sh" >"$work/plain.log" 2>&1
told $? "$work/plain.log" "qemu7 for arm64: watched with the C library's copies; not judged"

(build_preload) >"$work/preload.log" 2>&1
told $? "$work/preload.log" "the preload library for arm64 builds"

counts=$(ARM64_PRELOAD=$work/libmembus-preload.so MEMBUS_PRELOAD_STATS=1 "$work/qemu.sh" --version 2>&1)
grep -q 'calls, .* kernel neon' <<<"$counts"
told $? "$work/preload.log" "it is preloaded: $(grep -o '[0-9]* calls, .*' <<<"$counts")"

ARM64_PRELOAD=$work/libmembus-preload.so "$watch" --rounds "$rounds" --strict "$work/qemu.sh" \
    >"$work/ours.log" 2>&1
told $? "$work/ours.log" "qemu7 for arm64: under the preload nothing torn, early or repeated"

echo "1..$n"
exit $bad
