#!/bin/bash
# SPDX-License-Identifier: MIT
#
# membus audit --arch: routines of other architectures, recorded in qemu-user.
#
#   test_membus_audit_cross.sh MEMBUS ROOT ARCH...
#
# For each architecture: routines whose accesses are known, broken ones, its C library, and membus
# compiled for it, which keeps every rule. Prints TAP; skips what has no cross compiler here.
# Needs jq.
set -u
membus=$(realpath "$1") root=$2
shift 2
. "$(dirname "$0")/tap.sh"

run() { # STATUS ARGUMENT...
    local want=$1 got
    shift
    timeout 300 "$membus" audit "$@" >"$tmp/out" 2>"$tmp/err"
    got=$?
    [ $got = "$want" ] && return 0
    echo "# membus audit $*: exit status $got, not $want"
    sed 's/^/# /' "$tmp/err" | head -5
    return 1
}

triple_of() {
    case $1 in
    arm64) echo aarch64-linux-gnu aarch64 ;;
    armhf) echo arm-linux-gnueabihf arm ;;
    i386) echo i686-linux-gnu i386 ;;
    mips) echo mips-linux-gnu generic ;;
    mips64el) echo mips64el-linux-gnuabi64 mips64 ;;
    ppc64) echo powerpc64-linux-gnu ppc64 ;;
    ppc64el) echo powerpc64le-linux-gnu ppc64 ;;
    riscv64) echo riscv64-linux-gnu riscv64 ;;
    s390x) echo s390x-linux-gnu s390x ;;
    esac
}

# membus for the architecture, its copies and guarded copies alone.
build_membus() { # arch triple folder
    local cc="$2-gcc -w -std=gnu11 -O2 -fno-builtin-memcpy -fno-builtin-memmove
        -fno-tree-loop-distribute-patterns -Iinclude -Isrc" file
    mkdir "$tmp/$1" && cd "$root" || return
    $cc -DMEMBUS_FORCE_GENERIC -c src/arch/generic/kernel.c -o "$tmp/$1/generic.o" || return
    $cc -Isrc/arch/generic -c src/arch/generic/guard.c -o "$tmp/$1/generic_guard.o" || return
    for file in src/copy*.c src/mapping*.c src/guard*.c src/arch/"$3"/*.c; do
        case $file in src/arch/generic/kernel.c | src/arch/generic/guard.c) continue ;; esac
        [ "${file##*/}" = copy_misaligned.c ] && set -- "$@" -D__riscv_misaligned_fast
        $cc ${4:-} -c "$file" -o "$tmp/$1/$(basename "$file" .c).o" || return
        set -- "$1" "$2" "$3"
    done
    "$2-ar" rcs "$tmp/$1/libmembus.a" "$tmp/$1"/*.o
}

# Routines whose accesses follow from their source.
cat >"$tmp/known.c" <<'END'
#include <stddef.h>
#include <signal.h>
#include <unistd.h>
typedef volatile unsigned char byte;
void *bytes(void *d, const void *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((byte *)d)[i] = ((const byte *)s)[i];
    return d;
}
void *twice(void *d, const void *s, size_t n)
{
    bytes(d, s, n);
    if (n)
        *(byte *)d = *(const byte *)s;
    return d;
}
void *backward(void *d, const void *s, size_t n)
{
    while (n--)
        ((byte *)d)[n] = ((const byte *)s)[n];
    return d;
}
void *outside(void *d, const void *s, size_t n)
{
    (void)((const byte *)s)[n];
    return bytes(d, s, n);
}
void *no_result(void *d, const void *s, size_t n)
{
    bytes(d, s, n);
    return (char *)d + 1;
}
void *crash(void *d, const void *s, size_t n)
{
    (void)s, (void)n;
    *(volatile int *)16 = 0;
    return d;
}
void *for_ever(void *d, const void *s, size_t n)
{
    (void)s, (void)n;
    for (volatile int i = 0;; i++)
        continue;
    return d;
}
void *syscalls(void *d, const void *s, size_t n)
{
    getppid();
    return bytes(d, s, n);
}
#ifdef __mips__
#define FENCED(name, fence)                                     \
    void *name(void *d, const void *s, size_t n)                \
    {                                                           \
        bytes(d, s, n - 1);                                     \
        __asm__ volatile(fence : : "r"(d) : "memory");          \
        ((byte *)d)[n - 1] = ((const byte *)s)[n - 1];          \
        return d;                                               \
    }
FENCED(sync_all, "sync")
FENCED(sync_wmb, "sync 0x4")
FENCED(sync_acquire, "sync 0x11")
FENCED(sync_rmb, "sync 0x13")
FENCED(sync_code, "synci 0(%0)")
#endif
#ifdef __i386__
#define STREAMED(name, instruction)                                                              \
    __attribute__((target("sse2"))) void *name(void *d, const void *s, size_t n)                 \
    {                                                                                            \
        __asm__ volatile("movdqu (%1), %%xmm0\n pcmpeqb %%xmm1, %%xmm1\n " instruction            \
                         : : "D"(d), "r"(s) : "xmm0", "xmm1", "memory");                         \
        bytes((char *)d + 16, (const char *)s + 16, n - 16);                                     \
        return d;                                                                                \
    }
STREAMED(streamed, "movntdq %%xmm0, (%0)")
STREAMED(streamed_vex, "vmovntdq %%xmm0, (%0)")
STREAMED(streamed_masked, "maskmovdqu %%xmm1, %%xmm0")
#endif
#ifdef __aarch64__
/* A store that no callback of QEMU's reports. */
void *zeroing(void *d, const void *s, size_t n)
{
    if (n >= 64)
        __asm__ volatile("dc zva, %0" : : "r"((size_t)d & -64ul) : "memory");
    return bytes(d, s, n);
}
/* One store of 16 bytes; a pair of stores of 8. */
void *one_vector(void *d, const void *s, size_t n)
{
    (void)n;
    __asm__ volatile("ldr q0, [%1]\n str q0, [%0]" : : "r"(d), "r"(s) : "v0", "memory");
    return d;
}
void *a_pair(void *d, const void *s, size_t n)
{
    (void)n;
    __asm__ volatile("ldp x9, x10, [%1]\n stp x9, x10, [%0]"
                     : : "r"(d), "r"(s) : "x9", "x10", "memory");
    return d;
}
void *ordered(void *d, const void *s, size_t n)
{
    bytes(d, s, n - 1);
    __asm__ volatile("dmb ishst" : : : "memory");
    ((byte *)d)[n - 1] = ((const byte *)s)[n - 1];
    return d;
}
void *released(void *d, const void *s, size_t n)
{
    bytes(d, s, n - 1);
    __asm__ volatile("stlrb %w1, [%0]"
                     : : "r"((char *)d + n - 1), "r"(((const byte *)s)[n - 1]) : "memory");
    return d;
}
void *loads_fenced(void *d, const void *s, size_t n)
{
    bytes(d, s, n - 1);
    __asm__ volatile("dmb ishld" : : : "memory");
    ((byte *)d)[n - 1] = ((const byte *)s)[n - 1];
    return d;
}
#endif
END

breaks() { # NAME RULES ARGUMENT... : in that routine's cases exactly these rules are broken
    local name=$1 rules=$2 status=1 found
    shift 2
    [ -n "$rules" ] || status=0
    run $status --arch "$arch" --symbol "$tmp/known-$arch.o:$name" --json --overlap no "$@"
    found=$(jq -r '[.routines[0].rules | to_entries[] | select(.value.violations > 0) | .key] |
        join(",")' "$tmp/out")
    [ "$found" = "$rules" ] || echo "# found $found"
    [ "$found" = "$rules" ]
    ok $? "$arch: $name breaks exactly: ${rules:-nothing}"
}

check_known() {
    "$triple-gcc" -O1 -fno-tree-loop-distribute-patterns -c "$tmp/known.c" \
        -o "$tmp/known-$arch.o"
    ok $? "$arch: routines compile" || return
    run 1 --arch "$arch" --check --symbol "$tmp/known-$arch.o:bytes" --trace --case n=5,dst=3,src=6
    [ "$(grep -cE '(load|store) +1 bytes' "$tmp/out")" = 10 ] &&
        [ "$(grep -oE 'bytes  dst\+[0-9]' "$tmp/out" | tr -dc '0-9')" = 01234 ]
    ok $? "$arch: five bytes are five loads and five stores"
    local one="--case n=1,src=3"
    breaks bytes "" $one
    breaks twice "W1,W2,W4${weak:+,W6}" $one
    breaks outside W2,L1 $one
    breaks no_result RESULT $one
    breaks crash RUNS $one
    breaks syscalls RUNS $one
    breaks backward "W4,W5${weak:+,W6}" --case n=3,dst=1,src=2 --rule W4 --rule W5 --rule W6
}

check_endless() {
    breaks for_ever RUNS --case n=1
    run 1 --arch "$arch" --json --symbol "$tmp/known-$arch.o:crash" --case n=1 --case n=2
    [ "$(jq '.routines[0].calls' "$tmp/out")" = 2 ]; ok $? "$arch: after a crash it goes on"
}

check_arm64() {
    run 1 --arch arm64 --symbol "$tmp/known-arm64.o:one_vector" --trace --case n=16,dst=8 &&
        said out "store      16 bytes  dst+0..+15" && said out "load       16 bytes"
    ok $? "arm64: a vector register is one access"
    run 1 --arch arm64 --symbol "$tmp/known-arm64.o:a_pair" --trace --case n=16,dst=8 &&
        said out "store       8 bytes  dst+0..+7" && said out "store       8 bytes  dst+8..+15"
    ok $? "arm64: a pair of registers is two accesses"
    breaks ordered "" --case n=9,dst=8 --rule W6
    breaks released "" --case n=9,dst=8 --rule W6
    breaks loads_fenced W6 --case n=9,dst=8 --rule W6
    run 1 --arch arm64 --check --symbol "$tmp/known-arm64.o:zeroing" --trace --case n=128 &&
        grep -qE '^ +1  store .*zeroing' "$tmp/out" && said out "breaks W7"
    ok $? "arm64: DC ZVA is recorded by its effect"
    run 1 --arch arm64 --symbol libc.a:__memcpy_generic --trace --case n=1 &&
        [ "$(grep -cE 'store +1 bytes  dst\+0\.\.\+0' "$tmp/out")" = 3 ] && said out "breaks W1"
    ok $? "arm64: glibc's memcpy stores one byte three times"
    aarch64-linux-gnu-gcc -shared -fPIC -O1 -fno-tree-loop-distribute-patterns "$tmp/known.c" \
        -o "$tmp/known.so" &&
        run 1 --arch arm64 --symbol "$tmp/known.so:twice" --case n=1 && said out "W1 once"
    ok $? "arm64: a routine in a shared library"
    run 1 --arch aarch64 --symbol "$tmp/known-arm64.o:twice" --case n=1 --html "$tmp/page.html" &&
        grep -q "first of W1" "$tmp/page.html"
    ok $? "arm64 by its other name, on a page"
}

# The recorder, made wrong on purpose: its check finds it.
check_mips() {
    breaks sync_all "" --case n=9,dst=8 --rule W6
    breaks sync_wmb "" --case n=9,dst=8 --rule W6
    breaks sync_acquire W6 --case n=9,dst=8 --rule W6
    breaks sync_rmb W6 --case n=9,dst=8 --rule W6
    breaks sync_code W6 --case n=9,dst=8 --rule W6
}

check_i386() {
    breaks streamed W7 --case n=17 --rule W7
    breaks streamed_vex W7 --case n=17 --rule W7
    breaks streamed_masked W7 --case n=17 --rule W7
}

check_mistakes() {
    local mistake
    for mistake in drop narrow shift widen; do
        MEMBUS_AUDIT_MISTAKE=$mistake run 2 --arch "$arch" --check --rule RUNS --json \
            --symbol libc.a:memcpy --case n=64,dst=8,src=8 --case n=100,dst=8,src=8 &&
            jq -e '.routines[0].not_recorded == 2' "$tmp/out" >/dev/null
        ok $? "$arch: the check finds a recorder that is wrong: $mistake"
    done
}

check_s390x() {
    run 1 --arch s390x --check --symbol libc.a:memcpy --trace --case n=300,dst=5,src=3 &&
        said out "store     256 bytes  dst+0..+255" && said out "store      44 bytes  dst+256..+299"
    ok $? "s390x: MVC is recorded by its effect"
}

check_membus() {
    if ! build_membus "$arch" "$triple" "$folder" >"$tmp/build.log" 2>&1; then
        sed 's/^/# /' "$tmp/build.log" | head -5
        ok 1 "$arch: membus compiles"
        return
    fi
    run 1 --arch "$arch" --check --quick --library "$tmp/$arch/libmembus.a" --json
    jq -r '.routines[] | select(.symbol | startswith("membus")) | .name as $n | .rules |
        to_entries[] | select(.value.violations > 0) |
        "# \($n) \(.key): \(.value.violations), \(.value.first.why)"' "$tmp/out"
    jq -e '[.routines[] | select(.symbol | startswith("membus"))] | length >= 2 and
        all(.calls > 7000 and .not_recorded == 0 and all(.rules[]; .violations == 0))' \
        "$tmp/out" >/dev/null
    ok $? "$arch: membus keeps every rule in the quick set"
    jq -e --arg a "$arch" '.engine == "qemu" and .host.arch == $a and ([.routines[] |
        select(.object == "libc.a")] | length >= 2 and all(.not_recorded == 0 and .calls > 7000 and
        .rules.RESULT.violations == 0 and any(.rules[]; .violations > 0)))' "$tmp/out" >/dev/null
    ok $? "$arch: the C library copies right and breaks rules"
}

pieces() { # WHAT ARGUMENT... : these routines of transfers.c keep every rule in these cases
    local what=$1
    shift
    run 0 --arch "$arch" "$@"
    ok $? "$arch: $what"
}

symbols() { # NAME... : as arguments
    printf -- "--symbol $tmp/transfers-$arch.o:%s " "$@"
}

# What is copied in pieces: its last one may be a single element (W6). An unaligned device need not
# take that in one access (W2).
check_transfers() {
    "$triple-gcc" -O2 -fno-tree-loop-distribute-patterns -Iinclude -nostdlib -r \
        tests/audit/transfers.c -Wl,--whole-archive "$tmp/$arch/libmembus.a" \
        -o "$tmp/transfers-$arch.o" 2>"$tmp/err"
    ok $? "$arch: transfers compile" || return
    local size rule cases= moves= rules=
    for size in 15 16 31 257 258 260 264 272 512 513 776; do
        cases+=" --case n=$size --case n=$size,dst=8,src=8 --case n=$size,dst=6,src=3"
        moves+=" --case n=$size,dst=4,distance=8 --case n=$size,dst=1,distance=3"
    done
    for size in 1 2 4 8 16; do
        moves+=" --case n=$((4096 + size)),distance=4096 --case n=$((8192 + size)),distance=8"
        moves+=" --case n=$((5000 + size)),dst=8,distance=5000"
    done
    for rule in W1 W3 W4 W5 W6 W7 L1 L3 RESULT RUNS; do rules+=" --rule $rule"; done
    pieces "strict copies and transfers keep every rule" $cases $(symbols copy_strict transfer_strict)
    case $arch in
    s390x) ;; # a device is reached by system calls
    armhf | i386 | mips) # no access of 8 bytes to a device (L3)
        pieces "what is read of a device keeps every rule" $cases ${rules/--rule L3/} \
            $(symbols read_device read_device_strict guard_read_device guard_read_device_strict)
        ;;
    *)
        pieces "transfers with devices keep every rule" $cases $rules $(symbols read_device \
            read_device_strict write_device between_devices guard_read_device \
            guard_read_device_strict guard_write_device)
        ;;
    esac
    pieces "transfers and guarded moves that overlap keep every rule" $moves $(symbols \
        transfer_move strict_move guard_move guard_transfer_move)
}

# In strict order a store follows a barrier or is a release, each one, where stores are not seen in
# program order anyway.
strict_stores() { # NAME CASE
    run 0 --arch "$arch" --rule W4 --trace --case "$2" $(symbols "$1") &&
        awk '$2 == "fence" { fence = 1 }
            $2 == "store" { stores++; bad += !fence && !/ release /; fence = 0 }
            END { exit bad || !stores }' "$tmp/out"
    ok $? "$arch: $1 $2: a barrier before each store"
}

check_strict() {
    local routine
    for routine in copy_strict transfer_strict strict_move; do
        strict_stores $routine n=27,dst=1,src=1
        strict_stores $routine n=8,dst=1,src=1
        strict_stores $routine n=4,dst=3
    done
    strict_stores strict_move n=8,dst=1,distance=3
    strict_stores read_device_strict n=272
    strict_stores guard_read_device_strict n=272
}

# What cannot be audited.
refused() { # NAME TEXT ARGUMENT...
    local name=$1 text=$2
    shift 2
    run 2 "$@" && said err "$text"
    ok $? "refused: $name"
}
refused "unknown architecture" "no architecture 'vax'" --arch vax
refused "--library alone" "goes with --arch" --library x.a
refused "another engine" "not for --arch" --arch arm64 --engine slots

for arch; do
    read -r triple folder <<<"$(triple_of "$arch")"
    if ! command -v "$triple-gcc" >/dev/null || [ ! -e "/usr/$triple/lib/libc.a" ]; then
        ok 0 "$arch" "no $triple-gcc or libc6-dev-$arch-cross"
        continue
    fi
    if ! command -v qemu-i386 >/dev/null; then
        ok 0 "$arch" "no qemu-user"
        continue
    fi
    weak=1
    case $arch in i386 | s390x) weak= ;; esac
    check_known
    case $arch in
    arm64) check_endless; check_arm64; check_mistakes ;;
    ppc64el | riscv64) check_mistakes ;;
    s390x) check_s390x ;;
    mips64el) check_mips ;;
    i386) check_i386 ;;
    esac
    check_membus
    check_transfers
    [ -z "$weak" ] || check_strict
    refused "$arch: no such function" "has no function no_such" --arch "$arch" \
        --symbol libc.a:no_such
    refused "$arch: no such file" "nowhere.a" --arch "$arch" --symbol "$tmp/nowhere.a:memcpy"
    echo "not an object" >"$tmp/text.a"
    refused "$arch: a text file" "cannot link" --arch "$arch" --symbol "$tmp/text.a:memcpy"
    refused "$arch: no name" "no function's name" --arch "$arch" --symbol "libc.a:a=b -x"
    timeout 20 env PATH=/nowhere "$membus" audit --arch "$arch" --symbol libc.a:memcpy --case n=1 \
        >"$tmp/out" 2>"$tmp/err"
    [ $? = 2 ] && said err "apt install"
    ok $? "refused: $arch: no tools, and what to install"
    run 2 --arch "$arch" --library "$tmp/no/libmembus.a"
    ok $? "refused: $arch: no such library"
done
tap_end
