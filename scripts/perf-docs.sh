#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Measures this machine and writes the figures into a document, between its markers, and the
# pictures into the folder of the same name. A few minutes; leave the machine alone meanwhile.
#
#   scripts/perf-docs.sh [BUILD [DOCUMENT]]    both seen from the root of the source
#
# Without DOCUMENT it is the page of this kind of host, by the kernel that membus chooses here.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
document=${2:-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

fail() {
    echo "perf-docs.sh: $*" >&2
    exit 2
}

[ -x "$build/membus" ] || fail "no $build/membus (make)"
command -v gnuplot >/dev/null || fail "no gnuplot (scripts/deps.sh bench)"

if [ -z "$document" ]; then
    [ -z "${MEMBUS_KERNEL:-}" ] || fail "MEMBUS_KERNEL is set, so this is no kind of host: name a document"
    kernel=$("$build/membus" probe --json | jq -r .kernel)
    case $kernel in
    avx512) document=docs/performance.md ;;
    avx512-halves) document=docs/performance-zen4.md ;;
    avx2) document=docs/performance-avx2.md ;;
    *) fail "no page for a host whose kernel is $kernel: name a document" ;;
    esac
fi
[ -f "$document" ] || fail "no $document"
pictures=${document%.md}

"$build/membus" bench --targets --json "$tmp/targets.json" --plot "$pictures"
"$build/membus" bench --json "$tmp/all.json" --plot "$pictures" >"$tmp/tables"
tail -n 1 "$tmp/tables"
if command -v valgrind >/dev/null; then
    scripts/callgrind.sh "$build" >"$tmp/instructions"
else
    echo "valgrind was not there: no instruction counts" >"$tmp/instructions"
fi
scripts/perf_docs.py "$tmp" "$document"
