#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Watches Debian's QEMU 7.2 and bookworm-backports' QEMU 10 write to guest RAM, as they are and
# under the preload. What the C library does is told; under the preload nothing may be seen.
#
#   test_watch.sh WATCH LIBRARY SOURCE_ROOT WORK_DIRECTORY [ROUNDS]
#
# Needs the packages of the group `qemu`; WORK_DIRECTORY keeps what scripts/fetch-qemu.sh fetches.
set -u
watch=$1 library=$2 root=$3 work=$4 rounds=${5:-200}
n=0 bad=0

[ "$(nproc)" -gt 1 ] || { printf '1..1\nok 1 - all # SKIP needs two processors\n'; exit 0; }

one_qemu() { # name command
    local log=$work/watch-$1.log
    if "$watch" --rounds "$rounds" "$2" >"$log" 2>&1; then
        echo "ok $((n += 1)) - $1: watched with the C library's copies; not judged"
    else
        echo "not ok $((n += 1)) - $1: $(tail -n 1 "$log")"
        bad=1
    fi
    cat "$log"
    if "$watch" --rounds "$rounds" --strict --preload "$library" "$2" >"$log" 2>&1; then
        echo "ok $((n += 1)) - $1: under the preload nothing torn, early or repeated"
    else
        echo "not ok $((n += 1)) - $1: $(tail -n 1 "$log")"
        bad=1
    fi
    cat "$log"
}

mkdir -p "$work"
if command -v qemu-system-x86_64 >/dev/null; then
    one_qemu qemu7 qemu-system-x86_64
else
    echo "ok $((n += 1)) - qemu7 # SKIP qemu-system-x86 is not installed"
fi
if "$root/scripts/fetch-qemu.sh" "$work" >"$work/fetch.log" 2>&1; then
    one_qemu qemu10 "$work/qemu10.sh"
else
    echo "ok $((n += 1)) - qemu10 # SKIP scripts/fetch-qemu.sh: $(tail -n 1 "$work/fetch.log")"
fi
echo "1..$n"
exit $bad
