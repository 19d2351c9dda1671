#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Audits the copies of C libraries, and membus's, on every architecture that is at hand, and
# writes docs/audits.md. About a minute.
#
#   scripts/audits.sh [BUILD]
#
# Other architectures need their compiler, qemu-user (scripts/deps.sh cross) and what
# scripts/check-cross.sh leaves in build-cross/; one that lacks them is said to be missing.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${1:-build}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
membus=$build/membus
[ -x "$membus" ] || { echo "audits.sh: no $membus (make)" >&2; exit 2; }

# Members of an archive as a shared library of their own; the whole of a libc has no place in one.
# What they take from the rest are thresholds, of the order of the caches' sizes.
shared_of() { # library archive pattern [jumps.S]
    local members name
    members=$(mktemp -d -p "$tmp")
    (cd "$members" && ar x "$2" $(ar t "$2" | grep -E "$3")) || return
    for name in $(nm "$members"/*.o "$members"/*.lo 2>/dev/null |
        sed -n 's/^ *U \(__x86_.*\)/\1/p' | sort -u); do
        echo ".data; .globl $name; .hidden $name; $name: .quad 0x60000; .text"
    done >"$members/needs.S"
    echo '.section .note.GNU-stack,"",@progbits' >>"$members/needs.S"
    gcc -shared -nostdlib -Wl,-z,notext -Wl,--allow-multiple-definition -o "$1" ${4:-} \
        "$members/needs.S" $(ls "$members"/*.o "$members"/*.lo 2>/dev/null) 2>"$tmp/link.log"
}

# glibc's variants are hidden symbols: visible ones that jump to them.
variants_x86_64() { # library
    local libc name
    libc=$(gcc -print-file-name=libc.a)
    symbols=
    for name in $(nm "$libc" 2>/dev/null |
        sed -n 's/.* T __\(mem\(cpy\|move\)_[a-z0-9_]*\)$/\1/p' |
        grep -E '_(avx|evex|sse2|ssse3|erms)' | grep -v chk | sort -u); do
        echo ".globl $name; .type $name,@function; $name: jmp __$name"
    done >"$tmp/jumps.S"
    for name in $(sed -n 's/^.globl \([a-z0-9_]*\);.*/\1/p' "$tmp/jumps.S"); do
        symbols="$symbols --symbol $1:$name"
    done
    echo '.section .note.GNU-stack,"",@progbits' >>"$tmp/jumps.S"
    shared_of "$1" "$libc" '^mem(cpy|move)[-_].*(avx|evex|sse2|ssse3|erms)' "$tmp/jumps.S"
}

audit() { # NAME ARGUMENT...
    local name=$1 status
    shift
    "$membus" audit --quick --no-progress --json "$@" >"$tmp/$name.json" 2>"$tmp/$name.err"
    status=$?
    [ $status -gt 1 ] || { echo "$name: $(grep -c '"calls"' "$tmp/$name.json") routines"; return; }
    rm -f "$tmp/$name.json"
    echo "$name: not audited: $(head -1 "$tmp/$name.err")"
}

audit x86_64
if variants_x86_64 "$tmp/libglibc.so"; then
    audit x86_64.variants $symbols
else
    echo "x86_64: glibc's variants do not link here: $(grep -m1 -v warning "$tmp/link.log")"
fi
musl=/usr/lib/x86_64-linux-musl/libc.a
[ ! -e $musl ] || ! shared_of "$tmp/libmusl.so" $musl '^(memcpy|memmove)\.' ||
    audit x86_64.musl --symbol "$tmp/libmusl.so:memcpy" --symbol "$tmp/libmusl.so:memmove"
for arch in arm64 armhf i386 mips mips64el ppc64 ppc64el riscv64 s390x; do
    audit $arch --check --arch $arch
done
scripts/audits.py "$tmp" docs/audits.md
