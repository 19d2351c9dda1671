#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every manual page is right by mandoc's own checker.
#
#   test_man.sh PAGE...
#
# Prints TAP.
. "$(dirname "$0")/tap.sh"

for page in "$@"; do
    expect 0 "$(basename "$page")" mandoc -Tlint -Wwarning "$page"
done
# It finds what is wrong.
cat >"$tmp/bad.1" <<'END'
.Dd November 24, 2026
.Dt BAD 1
.Os
.Sh NAME
.Nm bad
.Bogus
END
! mandoc -Tlint -Wwarning "$tmp/bad.1" >/dev/null 2>&1
ok $? "a bad page is found"
tap_end
