#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Instructions a copy takes, counted by valgrind: the same on every run, so two commits compare
# exactly. valgrind knows no AVX-512: glibc and membus take their AVX2 code here.
#
#   scripts/callgrind.sh [BUILD]    prints a table: instructions a copy, the loop included, and
#                                   over glibc's
set -eu
build=${1:-build}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

command -v valgrind >/dev/null || { echo "callgrind.sh: no valgrind (scripts/deps.sh bench)" >&2; exit 2; }
valgrind --tool=callgrind --callgrind-out-file="$tmp/out" "$build/membus" bench --count \
    >"$tmp/log" 2>&1 || { tail -n 20 "$tmp/log" >&2; exit 2; }

# Each profile says what it was of ("desc: Trigger: Client Request: ROUTINE|CASE|OPS") and its sum.
awk '
    FNR == 1 { name = "" }
    /^desc: Trigger: Client Request: / { sub(/^desc: Trigger: Client Request: /, ""); name = $0 }
    /^(totals|summary): / && name != "" {
        split(name, part, "|")
        each = $2 / part[3]
        if (!(part[2] in seen)) { seen[part[2]] = 1; cases[++ncases] = part[2] }
        if (!(part[1] in known)) { known[part[1]] = 1; routines[++nroutines] = part[1] }
        count[part[1], part[2]] = each
        name = ""
    }
    function block(first, last,    i, r) {
        printf "%-20s", "instructions"
        for (i = first; i <= last; i++) printf " %14s", cases[i]
        print ""
        for (r = 1; r <= nroutines; r++) {
            printf "%-20s", routines[r]
            for (i = first; i <= last; i++)
                printf " %8.1f %5.2f", count[routines[r], cases[i]],
                    count[routines[r], cases[i]] / count["glibc", cases[i]]
            print ""
        }
    }
    END {
        if (!ncases) { print "callgrind.sh: no counts" > "/dev/stderr"; exit 2 }
        for (i = 1; i <= ncases; i += 5) {
            if (i > 1) print ""
            block(i, i + 4 < ncases ? i + 4 : ncases)
        }
    }' $(printf '%s\n' "$tmp"/out.* | sort -V)
