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

if command -v gcc >/dev/null; then
    cat >"$tmp/uses.c" <<'C'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__) && defined(OLD)
__asm__(".symver memcpy, memcpy@GLIBC_2.2.5");
#endif

static int overlaps(void)
{
    static char b[20000], e[20000];
    int bad = 0;

    for (int n = 1; n < 6000; n += 7) {
        for (int d = 1; d < n; d += 1 + n / 5) {
            for (int i = 0; i < 20000; i++)
                b[i] = e[i] = (char)(i * 7 + i / 256);
            memmove(e + d, e, n);
            memcpy(b + d, b, n);
            bad += memcmp(b, e, 20000) != 0;
        }
    }
    return bad != 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "overlaps") == 0)
        return overlaps();
    if (strcmp(what, "same") == 0) { /* onto itself, where nothing can be stored */
        void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return memmove(p, p, 4096) != p;
    }
    if (strcmp(what, "reopen") == 0) { /* the library's descriptor, for a file of its own */
        closefrom(3);
        for (int i = 0; i < 70; i++)
            open(argv[2], O_RDWR | O_CREAT, 0644);
        return 0;
    }
    if (strcmp(what, "title") == 0) { /* over the environment, as programs do that set a title */
        extern char **environ;

        for (char **e = environ; *e; e++)
            for (char *c = *e; *c; c++)
                *(volatile char *)c = 'x';
        return 0;
    }
    if (strcmp(what, "children") == 0) {
        for (int i = 0; i < 50; i++)
            if (fork() == 0)
                return 0;
        while (wait(NULL) > 0)
            continue;
        return 0;
    }
    return 2;
}
C
    gcc -O1 -w -fno-builtin "$tmp/uses.c" -o "$tmp/uses" &&
        gcc -O1 -w -fno-builtin -DOLD "$tmp/uses.c" -o "$tmp/uses-old"
    ok $? "programs for what follows"
    "$membus" exec -l "$library" -- "$tmp/uses" overlaps &&
        "$membus" exec -l "$library" -- "$tmp/uses-old" overlaps &&
        "$membus" exec -l "$library" --stats="$tmp/o" -- "$tmp/uses" overlaps
    ok $? "memcpy takes an overlap, as the C library's does"
    "$membus" exec -l "$library" -- "$tmp/uses" same &&
        "$membus" exec -l "$library" --stats="$tmp/o" -- "$tmp/uses" same
    ok $? "memmove onto itself stores nothing, counted or not"
    echo precious >"$tmp/disk" && "$membus" exec -l "$library" -s -- "$tmp/uses" reopen "$tmp/disk" &&
        [ "$(cat "$tmp/disk")" = precious ]
    ok $? "counts go into no file that the program opened in place of standard error"
    "$membus" exec -l "$library" -s"$tmp/titled" -- "$tmp/uses" title && grep -q 'uses (pid' "$tmp/titled"
    ok $? "a program that writes over its environment is counted all the same"
    mkdir "$tmp/elsewhere"
    program=$(realpath "$membus") preload=$(realpath "$library")
    (cd "$tmp" && "$program" exec -l "$preload" -srelative -- \
        sh -c 'cd elsewhere && exec sort /dev/null')
    grep -q 'sort (pid' "$tmp/relative" && [ ! -e "$tmp/elsewhere/relative" ]
    ok $? "a file is where it was named, wherever the program goes"
    "$membus" exec -l "$library" -s"$tmp/many" -- "$tmp/uses" children
    [ "$(grep -c '^membus-preload: uses (pid' "$tmp/many")" = 51 ] &&
        [ "$(grep -c '^  all ' "$tmp/many")" = 51 ] && ! grep -qv '^membus-preload: \|^  ' "$tmp/many"
    ok $? "tables of processes that end together are whole"
else
    skip "programs that do what the library has to bear" "no compiler"
fi

(ulimit -n 64 && "$membus" exec -l "$library" -s -- sort /dev/null) 2>"$tmp/err" &&
    grep -q 'sort (pid' "$tmp/err"
ok $? "--stats prints where a program may open few files"

# As another user, for root has all capabilities anyhow: copies where that one can read them.
nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
mkdir "$tmp/open" && cp /bin/true "$tmp/open/capable" && cp "$membus" "$library" "$tmp/open/" &&
    chmod 755 "$tmp" "$tmp/open" "$tmp/open"/*
membus_copy="env LD_LIBRARY_PATH=$tmp/open $tmp/open/${membus##*/} exec -l $tmp/open/${library##*/} --"
if python3 -c 'import os, struct, sys
os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I", 0x2000001, 1 << 13, 0, 0, 0))' \
    "$tmp/open/capable" 2>/dev/null && $nobody $membus_copy true 2>"$tmp/err"; then
    $nobody $membus_copy "$tmp/open/capable" 2>"$tmp/err"
    [ $? = 2 ] && grep -q 'file capabilities' "$tmp/err"
    ok $? "a program with file capabilities is refused"
else
    skip "a program with file capabilities is refused" "no other user can run membus here"
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
