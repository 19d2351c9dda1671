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

compiled() { # NAME OPTION... : from standard input
    cc -I"$(dirname "$0")/../include" -O2 -x c -c - -o "$tmp/$1.o" "${@:2}" 2>"$tmp/err"
}
if command -v cc >/dev/null; then
    compiled tail <<'C'
void notify(volatile unsigned *, unsigned);
void membus_mmio_write_32(volatile unsigned *p, unsigned v);
void membus_mmio_write_32(volatile unsigned *p, unsigned v) { *p = v; notify(p, v); }
C
    run 1 "$tmp/tail.o" && grep -q 'goes on in another function' "$tmp/out"
    ok $? "a call at the end, which is a jump"
    compiled near -DMEMBUS_RECORD_ACCESSES <<'C'
#include <membus/access.h>
#include <stddef.h>
static __attribute__((noinline)) void *memcpy(void *d, const void *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile char *)d)[i] = ((const volatile char *)s)[i];
    return d;
}
void dev(void *p, char *b, const char *s, size_t n);
void dev(void *p, char *b, const char *s, size_t n) { memcpy(b, s, n); membus_mmio_write_32(p, 1); }
C
    run 1 "$tmp/near.o" && grep -q 'calls memcpy' "$tmp/out"
    ok $? "a static memcpy, to which no relocation leads"
    compiled slim -flto -fno-fat-lto-objects <<'C'
#include <membus/access.h>
void dev(void *p);
void dev(void *p) { membus_mmio_write_32(p, 1); }
C
    if readelf -S "$tmp/slim.o" | grep -q gnu.lto; then
        ar rcs "$tmp/slim.a" "$tmp/slim.o" "$tmp/near.o"
        run 2 "$tmp/slim.a" && grep -q 'no code yet' "$tmp/err"
        ok $? "a member that the linker is yet to compile"
    else
        skip "a member that the linker is yet to compile" "cc has another form of it"
    fi
    compiled site -DMEMBUS_RECORD_ACCESSES <<'C'
#include <membus/access.h>
#include <string.h>
static __attribute__((noinline)) void dev(void *p, char *b, const char *s, size_t n)
{
    memcpy(b, s, n);
    membus_mmio_write_32(p, 1);
}
int main(int argc, char **argv)
{
    static unsigned r;
    static char b[64];
    dev(&r, b, argv[0], (size_t)argc);
    return (int)r;
}
C
    cc "$tmp/site.o" -o "$tmp/site" && run 1 "$tmp/site" && grep -q memcpy "$tmp/out"
    ok $? "a program that calls memcpy beside a recorded access"
    strip "$tmp/site" && run 2 "$tmp/site" && grep -q 'no function that has a symbol' "$tmp/err"
    ok $? "which cannot be told once it was stripped"
    if [ "$(uname -m)" = x86_64 ]; then
        compiled implied <<'C'
void membus_mmio_write_32(volatile unsigned *p, unsigned v);
void membus_mmio_write_32(volatile unsigned *p, unsigned v)
{
    *p = v;
    __asm__ volatile("maskmovdqu %%xmm0, %%xmm1" : : "D"(p) : "memory");
}
C
        run 1 "$tmp/implied.o" && grep -q maskmovdqu "$tmp/out"
        ok $? "an access without a memory operand"
        compiled ends <<'C'
void dev(void *p);
void dev(void *p)
{
    __asm__ volatile("1: .rept 20\n movl $1, (%0)\n .endr\n 2:\n"
                     ".pushsection .membus.access, \"\"\n .8byte 1b, 2b\n .byte 0x73, 4\n .popsection"
                     : : "r"(p) : "memory");
}
C
        run 1 "$tmp/ends.o" && grep -q 'not around one instruction' "$tmp/out"
        ok $? "a record around many instructions"
    fi
else
    skip "objects compiled for it" "no compiler"
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
