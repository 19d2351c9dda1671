#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The exported symbols of a library are exactly those of a list.
#
#   scripts/check-symbols.sh LIBRARY.so LIST
#
# Prints TAP. To accept a change: nm -D --defined-only LIBRARY.so | awk '{print $3}' | sort >LIST
set -u
tmp=$(mktemp)
nm -D --defined-only "$1" | awk '{ print $3 }' | LC_ALL=C sort >"$tmp"
if difference=$(LC_ALL=C sort "$2" | diff -u - "$tmp"); then
    echo "ok 1 - $(basename "$1") exports what $(basename "$2") lists"
    status=0
else
    echo "not ok 1 - $(basename "$1") does not export what $(basename "$2") lists"
    printf '%s\n' "$difference" | sed -n '3,$s/^/# /p'
    status=1
fi
rm -f "$tmp"
exit $status
