#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Measures this machine and writes the figures into docs/performance.md, between its markers, and
# the pictures into docs/performance/. A few minutes; leave the machine alone meanwhile.
#
#   scripts/perf-docs.sh [BUILD]
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

[ -x "$build/membus" ] || { echo "perf-docs.sh: no $build/membus (make)" >&2; exit 2; }
command -v gnuplot >/dev/null || { echo "perf-docs.sh: no gnuplot (scripts/deps.sh bench)" >&2; exit 2; }

mkdir -p docs/performance
"$build/membus" bench --targets --json "$tmp/targets.json" --plot docs/performance
"$build/membus" bench --json "$tmp/all.json" --plot docs/performance >"$tmp/tables"
tail -n 1 "$tmp/tables"
if command -v valgrind >/dev/null; then
    scripts/callgrind.sh "$build" >"$tmp/instructions"
else
    echo "valgrind was not there: no instruction counts" >"$tmp/instructions"
fi
scripts/perf_docs.py "$tmp" docs/performance.md
