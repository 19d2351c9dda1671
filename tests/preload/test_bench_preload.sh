#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The benchmark on a program's own calls: they are recorded, and made again.
#
#   test_bench_preload.sh BENCH TRACE_LIBRARY LIBRARY
set -u
bench=$1 trace=$2 library=$3
. "$(dirname "$0")/../tap.sh"

seq 3000 | sort -r >"$tmp/sorted"
seq 3000 | LD_PRELOAD=$trace TRACE=$tmp/trace sort -r | cmp -s - "$tmp/sorted"
ok $? "a program runs as before while it is recorded"

"$bench" "$library" "$tmp/trace" 3 >"$tmp/out"
[ $? = 0 ] && grep -q '^memcpy .* ratio ' "$tmp/out" && grep -q '^all .* noise ' "$tmp/out"
ok $? "its calls are made again, and timed"

sed -i 's/^in place/in_place/' "$tmp/out"
all=$(awk '$1 == "all" { print $2 }' "$tmp/out")
[ "$all" -gt 100 ] && [ "$(awk '$1 != "all" { sum += $2 } END { print sum }' "$tmp/out")" = "$all" ]
ok $? "all of them: ${all:-none}"

"$bench" "$library" /dev/null 2>"$tmp/err"
[ $? = 2 ] && grep -q 'no calls' "$tmp/err"
ok $? "an empty trace is said to be one"

yes xxxxxxxx | head -c 4096 >"$tmp/no"
"$bench" "$library" "$tmp/no" 2>"$tmp/err"
[ $? = 2 ] && grep -q 'no trace' "$tmp/err"
ok $? "what is no trace is refused"

tap_end
