#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `make run`: audits this machine's memcpy and memmove beside membus_copy and membus_move in every
# kernel that the CPU has, prints the comparison and writes BUILD/report.html.
#
#   scripts/run.sh [BUILD [AUDIT-OPTION...]]
set -u
build=${1:-build}
[ $# -eq 0 ] || shift

"$build/membus" audit --html "$build/report.html" "$@"
status=$?

# 1: some routine breaks a rule. The C library's does, and that is what there is to see.
[ $status -le 1 ] || exit $status
echo
echo "The same with drawings of the stores: $build/report.html"
echo "Left in $build/: libmembus.so, libmembus.a, and the program membus (membus --help)"
