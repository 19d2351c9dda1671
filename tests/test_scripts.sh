#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The house's own checkers: each passes on the tree and catches a bad case.
#
#   test_scripts.sh SOURCE-ROOT LIBMEMBUS.so
set -u
root=$1
library=$2
. "$(dirname "$0")/tap.sh"

expect 0 "the tree keeps its layers" "$root/scripts/check-layers.sh" "$root"
mkdir -p "$tmp/tree/src" "$tmp/tree/include/membus"
touch "$tmp/tree/include/membus/space.h"
echo '#include <membus/space.h>' >"$tmp/tree/src/copy.c"
expect 1 "a copy that includes the space is caught" "$root/scripts/check-layers.sh" "$tmp/tree"
grep -q 'src/copy.c includes from a higher layer: membus/space.h' "$tmp/out"
ok $? "and named"

expect 0 "libmembus exports its list" "$root/scripts/check-symbols.sh" "$library" "$root/src/membus.syms"
sed '1d' "$root/src/membus.syms" >"$tmp/syms"
expect 1 "an unlisted export is caught" "$root/scripts/check-symbols.sh" "$library" "$tmp/syms"
(cat "$root/src/membus.syms"; echo membus_zzz) >"$tmp/syms"
expect 1 "a missing export is caught" "$root/scripts/check-symbols.sh" "$library" "$tmp/syms"

printf 'ok 1 - a\nok 2 - b # SKIP no such thing\n' >"$tmp/tap"
expect 0 "count.py counts" "$root/scripts/count.py" "$tmp/tap"
grep -qx '1 passed, 0 failed, 1 skipped' "$tmp/out"
ok $? "count.py: closing line"
printf '# skip part: kernel x: no CPU\n# skip reason: helper: too old\nnot ok 1 # SKIP b\nok 2 - c\n# skip reason: too new\nok 3 - d # SKIP\n' >"$tmp/tap"
expect 0 "count.py counts what a test left out" "$root/scripts/count.py" "$tmp/tap"
grep -q 'kernel x: no CPU$' "$tmp/out" && grep -q 'b: too old$' "$tmp/out" &&
    grep -q 'd: too new$' "$tmp/out" &&
    grep -qx '1 passed, 0 failed, 3 skipped' "$tmp/out"
ok $? "and says why, whoever it was that skipped"
printf 'ok 1 - a\nnot ok 2 - b\n' >"$tmp/tap"
expect 1 "count.py fails on a failure" "$root/scripts/count.py" "$tmp/tap"
: >"$tmp/tap"
expect 1 "count.py fails where nothing ran" "$root/scripts/count.py" "$tmp/tap"
echo '{"name": "x", "result": "TIMEOUT", "stdout": "ok 1 - a\n"}' >"$tmp/log.json"
expect 1 "count.py fails on a timeout" "$root/scripts/count.py" "$tmp/log.json"

# A routine whose calls crash says nothing by the others.
mkdir "$tmp/audits"
jq -n 'def routine(name; crashes): {symbol: name, object: "libglibc.so", kernel: null, calls: 9,
        not_recorded: 0, rules: {W1: {cases: (9 - crashes), violations: 1},
            RUNS: {cases: 9, violations: crashes}}};
    {membus: "1", routines: [routine("right"; 0), routine("crashing"; 7)]}' >"$tmp/audits/x86_64.json"
expect 0 "audits.py writes a page" "$root/scripts/audits.py" "$tmp/audits" "$tmp/page.md"
grep -q '^| glibc `right` | 9 | 11 % |' "$tmp/page.md" &&
    grep -q '^Of 1 routines .* 9 calls\.$' "$tmp/page.md" &&
    ! grep -q '^| .*crashing' "$tmp/page.md" && grep -q 'could not run.*crashing' "$tmp/page.md"
ok $? "audits.py leaves out what the CPU cannot run, and says so"
tap_end
