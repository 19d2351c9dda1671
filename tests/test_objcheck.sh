#!/bin/bash
# SPDX-License-Identifier: MIT
#
# membus objcheck as its user meets it: exit statuses, text and JSON.
#
#   test_objcheck.sh MEMBUS INSTANCES PROGRAM: the program, the library of accessors out of line, and
#   any other ELF file with symbols
set -u
membus=$1 instances=$2 program=$3
. "$(dirname "$0")/tap.sh"

run() { # expected-status argument...
    local expected=$1
    shift
    "$membus" objcheck "$@" >"$tmp/out" 2>"$tmp/err"
    [ $? = "$expected" ]
}

run 0 "$instances" && grep -q ': 0 findings$' "$tmp/out"
ok $? "every accessor is one access"
run 0 --verbose "$instances" && grep -q 'accessors' "$tmp/out"
ok $? "--verbose names the objects"
run 0 --json "$instances" && python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
o = r["objects"][0]
assert r["ok"] is True and o["accessors"] >= 28 and o["findings"] == [] and o["machine"]
' "$tmp/out"
ok $? "--json"
run 0 --routine check_membus_ram_load_32 "$instances" && grep -q 'load *4 *plain' "$tmp/out"
ok $? "--routine lists the access"
run 0 --json --routine check_membus_ram_store_16 "$instances" && python3 -c '
import json, sys
a = [x for x in json.load(open(sys.argv[1]))["objects"][0]["accesses"] if not x["own"]]
assert [(x["kind"], x["width"], x["form"]) for x in a] == [("store", 2, "plain")], a
' "$tmp/out"
ok $? "--routine --json"
run 2 --routine nobody_has_this_name "$instances" && grep -q "no function" "$tmp/err"
ok $? "an unknown routine is an error"
run 2 "$program" && grep -q "no accessors and no recorded accesses" "$tmp/err"
ok $? "a file with nothing to check is an error"

cat >"$tmp/bad.c" <<'C'
unsigned check_membus_mmio_read_32(const volatile unsigned *p);
unsigned check_membus_mmio_read_32(const volatile unsigned *p) { return p[0] + p[1]; }
C
if cc -O2 -c "$tmp/bad.c" -o "$tmp/bad.o" 2>"$tmp/err"; then
    run 1 "$tmp/bad.o" && grep -q 'check_membus_mmio_read_32.*several' "$tmp/out"
    ok $? "a finding is exit status 1"
    run 1 "$tmp/bad.o" "$instances"
    ok $? "one bad file among good ones"
    strip "$tmp/bad.o" 2>/dev/null
    run 2 "$tmp/bad.o" && grep -q 'no symbols' "$tmp/err"
    ok $? "a stripped file is an error"
else
    for name in "a finding is exit status 1" "one bad file among good ones" "a stripped file"; do
        skip "$name" "no compiler"
    done
fi

run 2 "$tmp/none" && grep -q 'No such file' "$tmp/err"
ok $? "a missing file"
run 2 "$tmp" && grep -q 'not a file' "$tmp/err"
ok $? "a folder"
: >"$tmp/empty" && run 2 "$tmp/empty" && grep -q 'neither an ELF file nor an archive' "$tmp/err"
ok $? "an empty file"
printf '!<thin>\n' >"$tmp/thin" && run 2 "$tmp/thin" && grep -q 'name its members' "$tmp/err"
ok $? "a thin archive"
head -c 300 "$instances" >"$tmp/cut" && run 2 "$tmp/cut"
ok $? "a truncated library"
run 2 --nonsense && run 2 && grep -q 'no file named' "$tmp/err"
ok $? "wrong options"
run 0 --help && grep -q '^usage: membus objcheck' "$tmp/out"
ok $? "--help"
tap_end
