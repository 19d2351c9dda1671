#!/bin/bash
# SPDX-License-Identifier: MIT
#
# membus audit as its user meets it: exit statuses, messages, each deliberately broken routine, and
# the forms of its result.
#
#   test_membus_audit.sh MEMBUS BROKEN.SO AVX512(0|1)
#
# Prints TAP. Needs jq and xmllint.
set -u
membus=$1 so=$2
. "$(dirname "$0")/tap.sh"

# run STATUS ARGUMENT... : runs the program, keeps its output, and is true when it ends as expected.
run() {
    local want=$1 got
    shift
    timeout 120 "$membus" "$@" >"$tmp/out" 2>"$tmp/err"
    got=$?
    [ $got = "$want" ] && return 0
    echo "# membus $*: exit status $got, not $want"
    sed 's/^/# /' "$tmp/err" | head -5
    return 1
}

silent() { [ ! -s "$tmp/$1" ]; }

small="--case n=3,dst=1,src=2 --case n=13,dst=0,src=3 --case n=40,dst=5,src=1"

# The program itself.
run 0 --version && said out "membus "; ok $? "--version"
run 0 --help && said out "audit"; ok $? "--help lists the commands"
run 0 help audit && said out "--symbol"; ok $? "help on a command"
run 0 audit --help && said out "Exit status"; ok $? "a command's own --help"
run 2 adit && said err "did you mean 'audit'"; ok $? "a slip of the pen: the nearest"
run 2 frobnicate && said err "--help"; ok $? "an unknown command is refused"
run 2 && said err "usage"; ok $? "no command is refused"

# What cannot be audited: status 2, a message, and no result.
refused() { # NAME TEXT ARGUMENT...
    local name=$1 text=$2
    shift 2
    run 2 audit "$@" && said err "$text" && silent out
    ok $? "refused: $name"
}
refused "unknown symbol" "no_such_symbol" --symbol "$so:no_such_symbol"
refused "data, not a function" "no_function" --symbol "$so:no_function"
refused "missing object" "no_such_file" --symbol "$tmp/no_such_file.so:memcpy"
head -c 2000 "$so" >"$tmp/truncated.so"
refused "truncated object" "truncated.so" --symbol "$tmp/truncated.so:right"
echo "not an object" >"$tmp/text.so"
refused "a text file" "text.so" --symbol "$tmp/text.so:right"
cp "$so" "$tmp/arm64.so"
printf '\267\000' | dd of="$tmp/arm64.so" bs=1 seek=18 conv=notrunc status=none # EM_AARCH64
refused "object of another architecture" "arm64.so" --symbol "$tmp/arm64.so:right"
refused "no colon in a symbol" "OBJECT:SYMBOL" --symbol memcpy
refused "unknown option" "--frobnicate" --frobnicate
refused "unknown rule" "no rule 'W9'" --rule W9
refused "a rule that judges nothing" "--device-source" --rule L2
refused "unknown engine" "no engine 'gears'" --engine gears
refused "unknown kernel" "no kernel 'mmx'" --kernel mmx
refused "a stray word" "unexpected 'stray'" stray
refused "--trace without a case" "--case" --trace
refused "overlap neither yes nor no" "yes or no" --overlap maybe
refused "case without n" "n must be" --case dst=3
refused "case out of line" "0 to 63" --case n=3,dst=64
refused "case before the line" "0 to 63" --case n=3,src=-1
refused "case not a number" "not understood" --case n=three
refused "case beyond the limit" "n must be" --case n=99999999
refused "case that contradicts itself" "leave it out" --case n=30,dst=0,src=1,distance=4
refused "case that does not overlap" "nothing overlaps" --case n=30,distance=31
refused "overlap for a routine that takes none" "--overlap yes" --symbol "$so:right" \
    --case n=30,distance=4

# Right routines, and each broken one: exactly its rules.
run 0 audit --quick --symbol "$so:right" --symbol "$so:right_move" &&
    said out "kept by 2 of 2 routines"
ok $? "right routines keep every rule"

expected="w1_twice:W1 w1_l1_outside:W1,L1 w2:W2 w3:W3 w4:W4 w5:W5 w6_w7:W6,W7 w7:W7 string:W5,W7
    l1:L1 l2: l3:L3 result_wrong_bytes:RESULT result_garbage:RESULT o1_w4_w5_move:W4,W5,O1
    o1_result_move:O1,RESULT runs_crash:RUNS runs_illegal:RUNS runs_for_ever:RUNS runs_syscall:RUNS
    runs_wild:RUNS"
[ "$3" = 0 ] || expected="$expected w3_wide:W3"
symbols=
for e in $expected; do symbols="$symbols --symbol $so:${e%%:*}"; done
run 1 audit --quick --json $symbols; ok $? "broken routines: exit status 1"
cp "$tmp/out" "$tmp/broken.json"
for e in $expected; do
    found=$(jq -r --arg s "${e%%:*}" '.routines[] | select(.symbol == $s) |
        [.rules | to_entries[] | select(.value.violations > 0) | .key] | join(",")' \
        "$tmp/broken.json")
    [ "$found" = "${e#*:}" ] || echo "# found $found"
    [ "$found" = "${e#*:}" ]; ok $? "${e%%:*} breaks exactly: ${e#*:}"
done
[ "$3" = 1 ] || ok 0 "w3_wide breaks exactly: W3" "no AVX-512 here"

run 1 audit --quick --device-source --json --symbol "$so:l2" &&
    [ "$(jq -r '[.routines[0].rules | to_entries[] | select(.value.violations > 0) | .key] |
        join(",")' "$tmp/out")" = L2 ]
ok $? "from a device, l2 breaks exactly: L2"
run 0 audit $small --rule L1 --symbol "$so:w4"; ok $? "--rule judges by that rule alone"
run 1 audit $small --rule w4 --symbol "$so:w4"; ok $? "--rule in small letters"
run 1 audit $small --symbol "$so:runs_crash" && said out "crashed: signal 11"
ok $? "a crash is a finding"
run 1 audit $small --rule W1 --symbol "$so:runs_crash" && said out "crashed: signal 11"
ok $? "it is one by whichever rule is judged"
run 2 audit $small --rule O1 --symbol "$so:right_move" && said out "no rule that was asked for" &&
    said out "kept by 0 of 1"
ok $? "a rule that applies to no case is not kept"
for routine in by_xlat:"its index" rewritten:"writable memory"; do
    run 2 audit --case n=16 --symbol "$so:${routine%%:*}" --json "$tmp/r.json" --html "$tmp/r.html" &&
        said out "${routine#*:}" && jq -e '.kept == false' "$tmp/r.json" >/dev/null &&
        grep -q '<b>0 of 1</b> routines, over <b>0</b>' "$tmp/r.html"
    ok $? "what could not be recorded is kept in no form of the result: ${routine%%:*}"
done
run 1 audit $small --symbol "$so:runs_for_ever" && said out "still running after"
ok $? "an endless loop is a finding"
run 1 audit $small --symbol "$so:runs_syscall" && said out "system call"
ok $? "a system call is a finding"
run 1 audit --case n=5 --symbol "$so:result_garbage" && said out "the return value is not dst"
ok $? "a wrong return value is a finding"
run 1 audit --case n=1 --symbol "$so:result_wrong_bytes" &&
    said out "not what the copy should leave"
ok $? "wrong bytes are a finding"
run 1 audit --overlap yes --case n=15,dst=0,distance=4 --symbol "$so:right"
ok $? "--overlap yes judges a memcpy by memmove's cases"
run 0 audit --overlap no --quick --symbol "$so:o1_result_move"
ok $? "--overlap no spares a memmove them"
run 1 audit $small --symbol libc.so.6:memcpy && said out "W1 once" && said out "first stored by"
ok $? "the libc's memcpy stores bytes twice, and how is spelled out"

run 1 audit --engine ptrace --check $small --symbol "$so:w4" && said out "W4 ascending" &&
    said out "engine ptrace"
ok $? "single steps find the same"
run 0 audit --check $small --symbol "$so:right"; ok $? "--check finds that it recorded right"

# Forms of the result.
[ "$(jq -r '[.schema, (.routines | length > 10), .kept, .interrupted, .cases, .host.arch] |
    map(tostring) | join(" ")' "$tmp/broken.json")" = "1 true false false quick $(uname -m)" ]
ok $? "JSON has what the manual says"
jq -e '.routines[] | select(.symbol == "w4") | .rules.W4 | .first.case.n > 0 and
    (.first.why | contains("follows")) and .violations < .cases' "$tmp/broken.json" >/dev/null
ok $? "JSON has the first example"
run 0 audit $small --symbol "$so:right" --json "$tmp/file.json" && said out "kept by 1 of 1" &&
    jq -e .kept "$tmp/file.json" >/dev/null
ok $? "--json FILE leaves the table on stdout"
cp "$so" "$tmp/"$'\xff'.so && run 0 audit $small --symbol "$tmp/"$'\xff'.so:right --json &&
    [ "$(jq -r '.routines | length' "$tmp/out")" = 1 ]
ok $? "a file's name that is not UTF-8 does not hide its routine"
run 2 audit $small --symbol "$so:right" --json="$tmp/no/such/folder" && said err "no/such/folder"
ok $? "a file that cannot be written: exit status 2"
run 2 audit $small --symbol "$so:right" --html /dev/full && said err "/dev/full"
ok $? "a full disk: exit status 2"
run 1 audit $small --symbol "$so:w4" --html "$tmp/r.html" &&
    [ "$(grep -c '<figure>' "$tmp/r.html")" = 5 ] && grep -q "first of W4" "$tmp/r.html"
ok $? "the page draws the finding, the cases given, and the comparison"
run 1 audit --quick --symbol "$so:w4" --symbol "$so:o1_w4_w5_move" --symbol "$so:runs_crash" \
    --html "$tmp/r.html" &&
    xmllint --noout "$tmp/r.html" && [ "$(grep -c '<figure>' "$tmp/r.html")" -gt 25 ]
ok $? "the page is well-formed and has its drawings"
! grep -v 'xmlns="http://www.w3.org/1999/xhtml"' "$tmp/r.html" |
    grep -E 'https?:|<script|<link|<img|@import|url\([^#]'
ok $? "the page loads nothing from elsewhere"
grep -q 'class="s d"' "$tmp/r.html"; ok $? "a descending store is drawn as one"
run 1 audit --trace --case n=40,dst=0,src=3 --symbol "$so:w4" &&
    said out "store       8 bytes  dst+8..+15" && said out "breaks W4 ascending"
ok $? "--trace lists the accesses"
! grep -q $'\033' "$tmp/out"; ok $? "no colours in a file"
TERM=xterm script -qec "env -u NO_COLOR $membus audit $small --symbol $so:w4" /dev/null \
    </dev/null >"$tmp/tty" 2>&1
grep -q $'\033\\[31m' "$tmp/tty"; ok $? "colours on a terminal"
TERM=xterm script -qec "NO_COLOR=1 $membus audit --no-progress $small --symbol $so:w4" /dev/null \
    </dev/null >"$tmp/tty" 2>&1
! grep -q $'\033' "$tmp/tty"; ok $? "NO_COLOR is honoured"

# ^C in the middle of the full sweep.
"$membus" audit --symbol "$so:right" --json "$tmp/stopped.json" >"$tmp/out" 2>"$tmp/err" &
pid=$!
sleep 0.5
kill -INT $pid
wait $pid
[ $? = 130 ] && said err "interrupted" && jq -e .interrupted "$tmp/stopped.json" >/dev/null
ok $? "an interrupt ends cleanly with what was recorded"

tap_end
