#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Debian's QEMU 7.2 and bookworm-backports' QEMU 10 boot a Debian kernel, with the preload library
# and without, in turns. The calls are counted. The times are told, as ratios, and not judged: the
# processor time (user and system), which other programs disturb little, and the elapsed time.
# Then the calls themselves are recorded, and made again by the C library and the preload library.
#
#   test_qemu_boot.sh MEMBUS LIBRARY SOURCE_ROOT WORK_DIRECTORY TRACE_LIBRARY BENCH [TURNS]
#
# WORK_DIRECTORY keeps what scripts/fetch-qemu.sh fetches. Needs the packages of the group `qemu`.
set -u
membus=$1 library=$2 root=$3 work=$4 trace=$5 bench=$6 turns=${7:-3}
n=0 bad=0

ok() { echo "ok $((n += 1)) - $*"; }
not_ok() { echo "not ok $((n += 1)) - $*"; bad=1; }
skip_all() { printf '1..1\nok 1 - all # SKIP %s\n' "$1"; exit 0; }

command -v cpio >/dev/null && [ -x /bin/busybox ] || skip_all "needs busybox-static and cpio"
mkdir -p "$work"
"$root/scripts/fetch-qemu.sh" "$work" >"$work/fetch.log" 2>&1 ||
    skip_all "scripts/fetch-qemu.sh failed: $(tail -n 1 "$work/fetch.log")"
kernel=$(ls "$work"/linux/boot/vmlinuz-* | head -n 1)

# An initramfs whose init says that it is there, copies some files, and powers off.
make_initramfs() {
    local dir=$work/initramfs
    rm -rf "$dir"
    mkdir -p "$dir/bin" "$dir/proc" "$dir/dev"
    cp /bin/busybox "$dir/bin/busybox"
    ln -s busybox "$dir/bin/sh"
    cat >"$dir/init" <<'END'
#!/bin/sh
/bin/busybox mount -t proc proc /proc
/bin/busybox dd if=/bin/busybox of=/copy bs=4k 2>/dev/null
/bin/busybox cmp /bin/busybox /copy && echo "membus: guest is up: $(/bin/busybox uname -r)"
/bin/busybox poweroff -f
END
    chmod +x "$dir/init"
    (cd "$dir" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$work/initramfs.gz"
}

# boot LOG COMMAND...: one boot; prints "processor-ms elapsed-ms".
boot() {
    local log=$1 TIMEFORMAT='%U %S %R'
    shift
    { time timeout 300 "$@" -accel tcg -cpu max -m 256 -smp 1 -nodefaults -display none \
        -no-reboot -serial "file:$log" -kernel "$kernel" -initrd "$work/initramfs.gz" \
        -append 'console=ttyS0 quiet panic=-1 tsc=reliable' >"$log.out" 2>&1; } 2>&1 |
        awk '{ printf "%d %d\n", 1000 * ($1 + $2), 1000 * $3 }'
}

up() { grep -q 'membus: guest is up' "$1"; }

# ratios COLUMN PAIRS: of that column of each pair, with the preload over without: the median, and
# from the least to the greatest. A line of PAIRS: plain's two columns, then ours.
ratios() {
    awk -v c="$1" '{ printf "%.3f\n", $(c + 2) / $c }' "$2" | sort -n |
        awk '{ r[NR] = $1 } END { print (r[int((NR + 1) / 2)] + r[int(NR / 2) + 1]) / 2,
            "(" r[1] " - " r[NR] ")" }'
}

one_qemu() { # name command
    local name=$1 qemu=$2 log=$work/$1 i all_up=yes plain ours
    rm -f "$log-pairs" "$log-counts" "$log-trace"
    for i in $(seq "$turns"); do # who goes first alternates
        [ $((i % 2)) = 0 ] || plain=$(boot "$log-plain.log" "$qemu")
        ours=$(boot "$log-ours.log" "$membus" exec --library="$library" "$qemu")
        [ $((i % 2)) = 1 ] || plain=$(boot "$log-plain.log" "$qemu")
        up "$log-plain.log" && up "$log-ours.log" || all_up=no
        echo "$plain $ours" >>"$log-pairs"
    done
    boot "$log-stats.log" "$membus" exec --library="$library" --stats="$log-counts" "$qemu" >/dev/null
    up "$log-stats.log" || all_up=no
    if [ $all_up = yes ]; then
        ok "$name: $("$qemu" --version | head -n 1) boots $(basename "$kernel") under the preload"
    else
        not_ok "$name: a boot failed: $(tail -n 2 "$log"-*.out | tr '\n' ' ')"
        return
    fi
    if grep -A 100 '^membus-preload: qemu-system' "$log-counts" 2>/dev/null | sed 's/^/# /' |
        grep -v '^# --'; then
        ok "$name: its calls are counted"
    else
        not_ok "$name: no counts"
    fi
    echo "# $name: $turns pairs of boots, with the preload over without, median (least - greatest):" \
        "processor time $(ratios 1 "$log-pairs"), elapsed $(ratios 2 "$log-pairs")"
    boot "$log-recorded.log" env LD_PRELOAD="$trace" TRACE="$log-trace" "$qemu" >/dev/null
    if "$bench" "$library" "$log-trace" >"$log-bench"; then
        ok "$name: its calls made again, over the C library's"
        sed 's/^/# /' "$log-bench"
    else
        not_ok "$name: its calls were not recorded"
    fi
}

make_initramfs
if command -v qemu-system-x86_64 >/dev/null; then
    one_qemu qemu7 qemu-system-x86_64
else
    echo "ok $((n += 1)) - qemu7 # SKIP qemu-system-x86 is not installed"
fi
one_qemu qemu10 "$work/qemu10.sh"
echo "1..$n"
exit $bad
