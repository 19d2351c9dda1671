#!/bin/bash
# SPDX-License-Identifier: MIT
#
# membus exec: finds the library, refuses what cannot be preloaded, counts.
#
#   test_exec.sh MEMBUS LIBRARY SOURCE_ROOT
set -u
membus=$1 library=$2 root=$3
. "$(dirname "$0")/../tap.sh"

nm -D --defined-only "$library" | awk '{ print $3 }' | LC_ALL=C sort >"$tmp/symbols"
diff "$root/src/preload/preload.syms" "$tmp/symbols" >&2
ok $? "the library exports what preload.syms lists, and nothing of membus"

! readelf -dW "$library" | grep -q 'TEXTREL' && ! readelf -sW "$library" | grep -qw IFUNC &&
    ! readelf -lW "$library" | grep -qw TLS
ok $? "no text relocation, no IFUNC, no thread-local storage"

"$membus" exec --library="$library" --stats="$tmp/counts" -- \
    sort /dev/null && grep -q 'sort (pid' "$tmp/counts" && grep -q 'called from' "$tmp/counts"
ok $? "--stats=FILE counts"

"$membus" exec -l "$library" -s -- sort "$0" >/dev/null 2>"$tmp/err" && grep -q 'sort (pid' "$tmp/err"
ok $? "--stats prints to standard error, also when the program closes its own"

[ "$("$membus" exec -l "$library" -- sh -c 'echo "$LD_PRELOAD"')" = "$(realpath "$library")" ]
ok $? "LD_PRELOAD is the library"

[ "$(LD_PRELOAD=libm.so.6 "$membus" exec -l "$library" -- sh -c 'echo "$LD_PRELOAD"')" = \
    "$(realpath "$library"):libm.so.6" ]
ok $? "LD_PRELOAD keeps what was there, behind"

"$membus" exec -l "$library" -- sh -c 'exit 7'
[ $? = 7 ]
ok $? "the exit status is the program's"

"$membus" exec -l "$library" -- "$tmp/none" 2>"$tmp/err"
[ $? = 2 ] && grep -q 'No such file' "$tmp/err"
ok $? "no such program: 2, and it is said"

"$membus" exec 2>"$tmp/err"
[ $? = 2 ] && grep -q 'no program named' "$tmp/err" &&
    grep -q "membus exec --help" "$tmp/err"
ok $? "no program: it says so, and where to read on"

if command -v gcc >/dev/null && echo 'int main(void){return 0;}' |
    gcc -static -x c - -o "$tmp/static" 2>/dev/null; then
    "$membus" exec -l "$library" -- "$tmp/static" 2>"$tmp/err"
    [ $? = 2 ] && grep -q 'statically linked' "$tmp/err"
    ok $? "a static program is refused"
else
    skip "a static program is refused" "no static C library here"
fi

cp /bin/true "$tmp/setuid" && chmod 4755 "$tmp/setuid"
if chown 1 "$tmp/setuid" 2>/dev/null && chmod 4755 "$tmp/setuid"; then
    "$membus" exec -l "$library" -- "$tmp/setuid" 2>"$tmp/err"
    [ $? = 2 ] && grep -q 'set-user-id' "$tmp/err"
    ok $? "a set-user-id program is refused"
else
    skip "a set-user-id program is refused" "needs root to make one"
fi

tap_end
