#!/bin/bash
# SPDX-License-Identifier: MIT
#
# membus objcheck as its user meets it: exit statuses, text and JSON.
#
#   test_objcheck.sh MEMBUS INSTANCES PROGRAM: the program, the library of accessors out of line, and
#   any other ELF file with symbols
set -u
membus=$1 instances=$2 program=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0 failed=0

ok() { # name status, of the command before
    if [ "$2" = 0 ]; then
        echo "ok $((n += 1)) - $1"
    else
        echo "not ok $((n += 1)) - $1"
        sed 's/^/# /' "$dir/out" "$dir/err" | head -20
        failed=1
    fi
}

run() { # expected-status argument...
    local expected=$1
    shift
    "$membus" objcheck "$@" >"$dir/out" 2>"$dir/err"
    [ $? = "$expected" ]
}

run 0 "$instances" && grep -q ': 0 findings$' "$dir/out"
ok "every accessor is one access" $?
run 0 --verbose "$instances" && grep -q 'accessors' "$dir/out"
ok "--verbose names the objects" $?
run 0 --json "$instances" && python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
o = r["objects"][0]
assert r["ok"] is True and o["accessors"] >= 28 and o["findings"] == [] and o["machine"]
' "$dir/out"
ok "--json" $?
run 0 --routine check_membus_ram_load_32 "$instances" && grep -q 'load *4 *plain' "$dir/out"
ok "--routine lists the access" $?
run 0 --json --routine check_membus_ram_store_16 "$instances" && python3 -c '
import json, sys
a = [x for x in json.load(open(sys.argv[1]))["objects"][0]["accesses"] if not x["own"]]
assert [(x["kind"], x["width"], x["form"]) for x in a] == [("store", 2, "plain")], a
' "$dir/out"
ok "--routine --json" $?
run 2 --routine nobody_has_this_name "$instances" && grep -q "no function" "$dir/err"
ok "an unknown routine is an error" $?
run 2 "$program" && grep -q "no accessors and no recorded accesses" "$dir/err"
ok "a file with nothing to check is an error" $?

cat >"$dir/bad.c" <<'C'
unsigned check_membus_mmio_read_32(const volatile unsigned *p);
unsigned check_membus_mmio_read_32(const volatile unsigned *p) { return p[0] + p[1]; }
C
if cc -O2 -c "$dir/bad.c" -o "$dir/bad.o" 2>"$dir/err"; then
    run 1 "$dir/bad.o" && grep -q 'check_membus_mmio_read_32.*several' "$dir/out"
    ok "a finding is exit status 1" $?
    run 1 "$dir/bad.o" "$instances"
    ok "one bad file among good ones" $?
    strip "$dir/bad.o" 2>/dev/null
    run 2 "$dir/bad.o" && grep -q 'no symbols' "$dir/err"
    ok "a stripped file is an error" $?
else
    for name in "a finding is exit status 1" "one bad file among good ones" "a stripped file"; do
        echo "ok $((n += 1)) - $name # SKIP no compiler"
    done
fi

run 2 "$dir/none" && grep -q 'No such file' "$dir/err"
ok "a missing file" $?
run 2 "$dir" && grep -q 'not a file' "$dir/err"
ok "a folder" $?
: >"$dir/empty" && run 2 "$dir/empty" && grep -q 'neither an ELF file nor an archive' "$dir/err"
ok "an empty file" $?
printf '!<thin>\n' >"$dir/thin" && run 2 "$dir/thin" && grep -q 'name its members' "$dir/err"
ok "a thin archive" $?
head -c 300 "$instances" >"$dir/cut" && run 2 "$dir/cut"
ok "a truncated library" $?
run 2 --nonsense && run 2 && grep -q 'name a file' "$dir/err"
ok "wrong options" $?
run 0 --help && grep -q '^usage: membus objcheck' "$dir/out"
ok "--help" $?
echo "1..$n"
exit $failed
