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
printf '# skip part: kernel x: no CPU\n# skip reason: helper: too old\nnot ok 1 # SKIP b\nok 2 - c\n' >"$tmp/tap"
expect 0 "count.py counts what a test left out" "$root/scripts/count.py" "$tmp/tap"
grep -q 'kernel x: no CPU$' "$tmp/out" && grep -q 'b: too old$' "$tmp/out" &&
    grep -qx '1 passed, 0 failed, 2 skipped' "$tmp/out"
ok $? "and says why, whoever it was that skipped"
printf 'ok 1 - a\nnot ok 2 - b\n' >"$tmp/tap"
expect 1 "count.py fails on a failure" "$root/scripts/count.py" "$tmp/tap"
: >"$tmp/tap"
expect 1 "count.py fails where nothing ran" "$root/scripts/count.py" "$tmp/tap"
echo '{"name": "x", "result": "TIMEOUT", "stdout": "ok 1 - a\n"}' >"$tmp/log.json"
expect 1 "count.py fails on a timeout" "$root/scripts/count.py" "$tmp/log.json"
tap_end
