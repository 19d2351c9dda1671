#!/bin/bash
# SPDX-License-Identifier: MIT
#
# membus bench runs, and what it writes is complete. Nothing here is timed.
#
#   test_bench.sh MEMBUS SOURCE-ROOT
set -u
membus=$1
root=$2
. "$(dirname "$0")/tap.sh"

checked() { # file option...
    local file=$1
    shift
    python3 "$root/tests/bench_check.py" "$@" <"$file"
}

expect 0 "all groups run, quickly" "$membus" bench --quick --json "$tmp/all.json"
expect 0 "and leave a complete report" checked "$tmp/all.json"
expect 0 "the targets run, quickly" "$membus" bench --quick --targets --json "$tmp/targets.json"
expect 0 "and leave every row" checked "$tmp/targets.json" --targets

sed '0,/"median": [0-9.e+-]*/s//"median": 0.0/' "$tmp/all.json" >"$tmp/bad.json"
expect 1 "the checker catches a ratio of zero" checked "$tmp/bad.json"
sed 's/"vm-memory"/"nobody"/' "$tmp/all.json" >"$tmp/bad.json"
expect 1 "and a peer dropped in silence" checked "$tmp/bad.json"
sed 's/"glibc again"/"glibc"/; s/"glibc memmove again"/"glibc"/' "$tmp/all.json" >"$tmp/bad.json"
expect 1 "and a missing self-pair" checked "$tmp/bad.json"
head -c 1000 "$tmp/all.json" >"$tmp/bad.json"
expect 1 "and half a report" checked "$tmp/bad.json"

expect 0 "one group and one routine" "$membus" bench --quick --only mix --routines membus --json -
grep -q '"group": "mix"' "$tmp/out" && ! grep -q '"group": "sizes"\|"byte loop"' <(sed '/"skipped"/,/]/d' "$tmp/out")
ok $? "only those"
# What the rows are held to depends on the kernel: generic is in every build.
expect 0 "the kernel generic's rows" \
    env MEMBUS_KERNEL=generic "$membus" bench --quick --targets --only "random 64-1500" --json "$tmp/generic.json"
jq -e '[.targets[] | select(.work | test("8-aligned|avx2") | not) | [.work, .at_most]] ==
    [["random 64-1500", 2]]' "$tmp/generic.json" >"$tmp/out"
ok $? "its own limit, and no row twice"
expect 0 "the kernel generic's mix" env MEMBUS_KERNEL=generic "$membus" bench --quick --only mix --json "$tmp/generic.json"
jq -e '[.results[].routine] | index("membus") and (index("membus generic") | not)' "$tmp/generic.json" >"$tmp/out"
ok $? "no routine twice"
expect 0 "unless it is named" env MEMBUS_KERNEL=generic "$membus" bench --quick --only mix \
    --routines "membus generic" --json "$tmp/generic.json"
jq -e '[.results[].routine] | index("membus generic")' "$tmp/generic.json" >"$tmp/out"
ok $? "and it is there"

expect 2 "an unknown group is an error" "$membus" bench --only nothing
expect 2 "so is a row that is not there" "$membus" bench --targets --only nothing
expect 2 "an unknown routine is an error" "$membus" bench --routines nobody
expect 2 "an unknown option is an error" "$membus" bench --nothing
expect 2 "a wrong CPU number is an error" "$membus" bench --quick --cpu x
expect 2 "a file that cannot be written is an error" \
    "$membus" bench --quick --only parse --json "$tmp/none/x.json"
expect 0 "--help" "$membus" bench --help
expect 0 "--list" "$membus" bench --list
expect 2 "--count says where it runs" "$membus" bench --count

echo "the counts" >"$tmp/instructions"
cp "$root/docs/performance-avx2.md" "$tmp/doc.md"
expect 0 "the figures go into the document" \
    "$root/scripts/perf_docs.py" "$tmp" "$tmp/doc.md"
diff <(sed '/<!-- begin/,/<!-- end/d' "$root/docs/performance-avx2.md") \
    <(sed '/<!-- begin/,/<!-- end/d' "$tmp/doc.md") >/dev/null && grep -q '^the counts$' "$tmp/doc.md"
ok $? "between its markers"
sed '/<!-- end mix -->/d' "$root/docs/performance.md" >"$tmp/doc.md"
expect 1 "a document without a marker is an error" \
    "$root/scripts/perf_docs.py" "$tmp" "$tmp/doc.md"
sed 's/\(begin\|end\) mix -->/\1 nothing -->/' "$root/docs/performance.md" >"$tmp/doc.md"
expect 1 "and so is one with figures that nobody measures" \
    "$root/scripts/perf_docs.py" "$tmp" "$tmp/doc.md"

# Which page perf-docs.sh writes: on a copy of the tree, with a membus that says it chose $KERNEL.
tree=$tmp/tree
mkdir -p "$tree/build" "$tmp/bin"
cp -r "$root/scripts" "$root/docs" "$tree"
cat >"$tree/build/membus" <<EOF
#!/bin/bash
case "\$*" in
    probe*) echo "{\"kernel\": \"\$KERNEL\"}" ;;
    *--targets*) cp "$tmp/targets.json" "\$4"; mkdir -p "\$6"; touch "\$6/targets.svg" ;;
    *) cp "$tmp/all.json" "\$3"; touch "\$5/mix.svg" ;;
esac
EOF
printf '#!/bin/sh\necho the counts\n' >"$tree/scripts/callgrind.sh"
touch "$tmp/bin/gnuplot" "$tmp/bin/valgrind"
chmod +x "$tree/build/membus" "$tmp/bin/gnuplot" "$tmp/bin/valgrind"

written() { # the pages and pictures that are not as they were, in a line
    (cd "$tree" && find docs -newer "$tmp/before" -type f | sort | tr '\n' ' ')
}

page() { # KERNEL argument..., under MEMBUS_KERNEL=$chosen
    touch "$tmp/before"
    sleep 0.02
    KERNEL=$1 MEMBUS_KERNEL=${chosen:-} PATH=$tmp/bin:$PATH "$tree/scripts/perf-docs.sh" "${@:2}"
}

expect 0 "figures of a host with AVX-512" page avx512
[ "$(written)" = "docs/performance.md docs/performance/mix.svg docs/performance/targets.svg " ]
ok $? "go into its page, and into no other"
expect 0 "figures of a Zen 4" page avx512-halves
[ "$(written)" = "docs/performance-zen4.md docs/performance-zen4/mix.svg docs/performance-zen4/targets.svg " ]
ok $? "go into its page, and into no other"
expect 0 "figures of a host with AVX2" page avx2
[ "$(written)" = "docs/performance-avx2.md docs/performance-avx2/mix.svg docs/performance-avx2/targets.svg " ]
ok $? "go into its page, and into no other"
expect 2 "another host has no page" page scalar
grep -q 'no page for a host whose kernel is scalar' "$tmp/out" && [ -z "$(written)" ]
ok $? "which it says, and writes nothing"
chosen=avx2 expect 2 "nor has a host whose kernel was not its choice" page avx2
grep -q 'MEMBUS_KERNEL is set' "$tmp/out" && [ -z "$(written)" ]
ok $? "which it says, and writes nothing"
cp "$tree/docs/performance.md" "$tree/mine.md"
chosen=scalar expect 0 "into a document that is named" page scalar build mine.md
[ -e "$tree/mine/mix.svg" ] && [ -z "$(written)" ]
ok $? "go any figures, and nowhere else"

mkdir "$tmp/nothing"
expect 2 "pictures without gnuplot are an error" \
    env PATH="$tmp/nothing" "$membus" bench --quick --only mix --plot "$tmp/none"
grep -q 'gnuplot failed, or is not installed' "$tmp/out"
ok $? "which says so"

if command -v gnuplot >/dev/null; then
    expect 0 "pictures" "$membus" bench --quick --only mix,sizes,move --plot "$tmp/plots"
    for picture in mix sizes move; do
        grep -q '</svg>' "$tmp/plots/$picture.svg" 2>/dev/null
        ok $? "$picture.svg is a picture"
    done
else
    skip "pictures" "no gnuplot"
fi
tap_end
