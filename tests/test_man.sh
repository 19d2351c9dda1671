#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every manual page is right by mandoc's own checker.
#
#   test_man.sh PAGE...
#
# Prints TAP.
n=0 failed=0
for page in "$@"; do
    n=$((n + 1))
    if found=$(mandoc -Tlint -Wwarning "$page" 2>&1); then
        echo "ok $n - $(basename "$page")"
    else
        echo "not ok $n - $(basename "$page")"
        sed 's/^/# /' <<<"$found"
        failed=1
    fi
done
# It finds what is wrong.
n=$((n + 1))
if mandoc -Tlint -Wwarning - <<<".Dd November 24, 2026
.Dt BAD 1
.Os
.Sh NAME
.Nm bad
.Bogus" >/dev/null 2>&1; then
    echo "not ok $n - a bad page is found"
    failed=1
else
    echo "ok $n - a bad page is found"
fi
echo "1..$n"
exit $failed
