#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs every test of a build directory and adds up the results.
#
#   scripts/check.sh [BUILD [MESON-TEST-OPTION...]]
set -u
build=${1:-build}
[ $# -eq 0 ] || shift

# Meson says which program failed; count.py says which test, and is the verdict.
meson test -C "$build" --no-rebuild --print-errorlogs "$@"
exec python3 "$(dirname "$0")/count.py" "$build/meson-logs/testlog.json"
