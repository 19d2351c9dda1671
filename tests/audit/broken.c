/* SPDX-License-Identifier: MIT */

/*
 * Copy routines that break one rule each, as far as the rules are independent, and right ones. The
 * auditor's tests demand that exactly the broken rule is found. Every access is one asm statement,
 * so the compiler can neither merge nor add any. x86-64 only.
 *
 * Each broken routine does its mischief in some calls and copies right in all others.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define EXPORT __attribute__((visibility("default")))

typedef unsigned char byte;

/* One load and one store of `size` bytes: 1, 2, 4 or 8. */
static inline __attribute__((always_inline)) uint64_t load(const byte *p, size_t size)
{
    uint64_t v = 0;

    if (size == 8)
        __asm__ volatile("movq (%1), %0" : "=r"(v) : "r"(p) : "memory");
    else if (size == 4)
        __asm__ volatile("movl (%1), %k0" : "=r"(v) : "r"(p) : "memory");
    else if (size == 2)
        __asm__ volatile("movzwl (%1), %k0" : "=r"(v) : "r"(p) : "memory");
    else
        __asm__ volatile("movzbl (%1), %k0" : "=r"(v) : "r"(p) : "memory");
    return v;
}

static inline __attribute__((always_inline)) void store(byte *p, uint64_t v, size_t size)
{
    if (size == 8)
        __asm__ volatile("movq %0, (%1)" ::"r"(v), "r"(p) : "memory");
    else if (size == 4)
        __asm__ volatile("movl %k0, (%1)" ::"r"(v), "r"(p) : "memory");
    else if (size == 2)
        __asm__ volatile("movw %w0, (%1)" ::"r"(v), "r"(p) : "memory");
    else
        __asm__ volatile("movb %b0, (%1)" ::"q"(v), "r"(p) : "memory");
}

/* The largest element at `p` with `room` bytes left. */
static size_t element(const byte *p, size_t room)
{
    size_t size = 8;

    while (size > 1 && ((uintptr_t)p % size != 0 || size > room))
        size /= 2;
    return size;
}

/* Copies [at, n) by the destination's elements. */
static void *copy_from(byte *dst, const byte *src, size_t at, size_t n)
{
    if (at == 0 && (n == 1 || n == 2 || n == 4 || n == 8)) {
        store(dst, load(src, n), n);
        return dst;
    }
    while (at < n) {
        size_t size = element(dst + at, n - at);

        store(dst + at, load(src + at, size), size);
        at += size;
    }
    return dst;
}

/* Copies up to the first 8-byte word that is followed by two more; returns where it is, or n. */
static size_t copy_to_words(byte *dst, const byte *src, size_t n)
{
    size_t head = (size_t)(-(uintptr_t)dst & 7), at = 0;

    if (n < head + 24)
        return n;
    while (at < head) {
        size_t size = element(dst + at, head - at);

        store(dst + at, load(src + at, size), size);
        at += size;
    }
    return at;
}

EXPORT void *right(byte *dst, const byte *src, size_t n)
{
    return copy_from(dst, src, 0, n);
}

/* As large as the largest case, so every overlap is exact. */
static byte window[1 << 20];

EXPORT void *right_move(byte *dst, const byte *src, size_t n)
{
    if (dst > src && dst < src + n) {
        /* Loaded by the destination's elements, so whole ones where both are aligned alike. */
        for (size_t at = 0, size; at < n; at += size) {
            size = n == 1 || n == 2 || n == 4 || n == 8 ? n : element(dst + at, n - at);
            store(window + at, load(src + at, size), size);
        }
        src = window;
    }
    return copy_from(dst, src, 0, n);
}

/* The upper half of a word again, in its right place. */
EXPORT void *w1_twice(byte *dst, const byte *src, size_t n)
{
    size_t at = copy_to_words(dst, src, n);

    if (at == n)
        return copy_from(dst, src, 0, n);
    store(dst + at, load(src + at, 8), 8);
    store(dst + at + 4, load(src + at + 4, 4), 4);
    copy_from(dst, src, at + 8, n);
    return dst;
}

/* The byte before the range, with its old value: it is read to be known, so L1 is broken too. */
EXPORT void *w1_l1_outside(byte *dst, const byte *src, size_t n)
{
    if (n == 24 && (uintptr_t)dst % 64 != 0)
        __asm__ volatile("orb $0, -1(%0)" ::"r"(dst) : "memory", "cc");
    return copy_from(dst, src, 0, n);
}

/* Two bytes at an odd address as two stores: no element is torn. */
EXPORT void *w2(byte *dst, const byte *src, size_t n)
{
    uint64_t v;

    if (n != 2 || (uintptr_t)dst % 2 == 0)
        return copy_from(dst, src, 0, n);
    v = load(src, 2);
    store(dst, v, 1);
    store(dst + 1, v >> 8, 1);
    return dst;
}

/* A word as two halves. */
EXPORT void *w3(byte *dst, const byte *src, size_t n)
{
    size_t at = copy_to_words(dst, src, n);
    uint64_t v;

    if (at == n)
        return copy_from(dst, src, 0, n);
    v = load(src + at, 8);
    store(dst + at, v, 4);
    store(dst + at + 4, v >> 32, 4);
    copy_from(dst, src, at + 8, n);
    return dst;
}

/* 51 bytes in one masked 64-byte store whose operand is not 8-aligned: torn in its middle alone. */
EXPORT __attribute__((target("avx512f,avx512bw"))) void *w3_wide(byte *dst, const byte *src,
                                                                 size_t n)
{
    if (n < 64 || (uintptr_t)dst % 8 != 5)
        return copy_from(dst, src, 0, n);
    __asm__ volatile("kmovq %2, %%k1\n\t"
                     "vmovdqu8 (%1), %%zmm16%{%%k1%}%{z%}\n\t"
                     "vmovdqu8 %%zmm16, (%0)%{%%k1%}"
                     :
                     : "r"(dst), "r"(src), "r"((UINT64_C(1) << 51) - 1)
                     : "memory", "k1", "xmm16");
    copy_from(dst, src, 51, n);
    return dst;
}

/* Two words in the wrong order. */
EXPORT void *w4(byte *dst, const byte *src, size_t n)
{
    size_t at = copy_to_words(dst, src, n);

    if (at == n)
        return copy_from(dst, src, 0, n);
    store(dst + at + 8, load(src + at + 8, 8), 8);
    store(dst + at, load(src + at, 8), 8);
    copy_from(dst, src, at + 16, n);
    return dst;
}

/* The last two words in one 16-byte store. */
EXPORT void *w5(byte *dst, const byte *src, size_t n)
{
    size_t at = copy_to_words(dst, src, n);

    if (at == n)
        return copy_from(dst, src, 0, n);
    if ((uintptr_t)(dst + n) % 8 != 0)
        return copy_from(dst, src, at, n);
    for (; at < n - 16; at += 8)
        store(dst + at, load(src + at, 8), 8);
    __asm__ volatile("movups (%1), %%xmm0\n\tmovups %%xmm0, (%0)" ::"r"(dst + at), "r"(src + at)
                     : "memory", "xmm0");
    return dst;
}

static void *with_nontemporal(byte *dst, const byte *src, size_t n, int fence)
{
    size_t at = copy_to_words(dst, src, n);

    if (at == n)
        return copy_from(dst, src, 0, n);
    __asm__ volatile("movnti %0, (%1)" ::"r"(load(src + at, 8)), "r"(dst + at) : "memory");
    if (fence)
        __asm__ volatile("sfence" ::: "memory");
    copy_from(dst, src, at + 8, n);
    return dst;
}

/* A non-temporal word that nothing orders before the last store. */
EXPORT void *w6_w7(byte *dst, const byte *src, size_t n)
{
    return with_nontemporal(dst, src, n, 0);
}

/* The same, fenced: in order, and still no store for memory that someone else is watching. */
EXPORT void *w7(byte *dst, const byte *src, size_t n)
{
    return with_nontemporal(dst, src, n, 1);
}

/* One string instruction for all of it. */
EXPORT void *string(byte *dst, const byte *src, size_t n)
{
    void *to = dst;

    __asm__ volatile("rep movsb" : "+D"(to), "+S"(src), "+c"(n)::"memory");
    return dst;
}

/* A byte past the end, where that is sure to be mapped. */
EXPORT void *l1(byte *dst, const byte *src, size_t n)
{
    if (n == 24 && (uintptr_t)(src + n) % 64 != 0)
        load(src + n, 1);
    return copy_from(dst, src, 0, n);
}

/* The first byte is loaded twice: harmless from RAM. */
EXPORT void *l2(byte *dst, const byte *src, size_t n)
{
    if (n == 24)
        load(src, 1);
    return copy_from(dst, src, 0, n);
}

/* A word of an aligned source loaded as two halves. */
EXPORT void *l3(byte *dst, const byte *src, size_t n)
{
    size_t at = copy_to_words(dst, src, n);

    if (at == n)
        return copy_from(dst, src, 0, n);
    store(dst + at, load(src + at, 4) | load(src + at + 4, 4) << 32, 8);
    copy_from(dst, src, at + 8, n);
    return dst;
}

/* As every memmove does it: from the end down. */
EXPORT void *o1_w4_w5_move(byte *dst, const byte *src, size_t n)
{
    if (dst <= src || dst >= src + n)
        return copy_from(dst, src, 0, n);
    if (n == 1 || n == 2 || n == 4 || n == 8)
        return copy_from(dst, src, 0, n);
    while (n > 0) {
        size_t size = 8;

        while (size > n || (uintptr_t)(dst + n) % size != 0)
            size /= 2;
        n -= size;
        store(dst + n, load(src + n, size), size);
    }
    return dst;
}

/* Ascending, in order and whole, and wrong: what it has yet to read it has overwritten. */
EXPORT void *o1_result_move(byte *dst, const byte *src, size_t n)
{
    return copy_from(dst, src, 0, n);
}

EXPORT void *result_wrong_bytes(byte *dst, const byte *src, size_t n)
{
    if (n != 1)
        return copy_from(dst, src, 0, n);
    store(dst, load(src, 1) ^ 1, 1);
    return dst;
}

EXPORT void *result_garbage(byte *dst, const byte *src, size_t n)
{
    copy_from(dst, src, 0, n);
    return (void *)(n == 5 ? (uintptr_t)0x1234 : (uintptr_t)dst);
}

EXPORT void *runs_crash(byte *dst, const byte *src, size_t n)
{
    if (n == 13)
        __asm__ volatile("movb $1, 0" ::: "memory");
    return copy_from(dst, src, 0, n);
}

EXPORT void *runs_illegal(byte *dst, const byte *src, size_t n)
{
    if (n == 13)
        __asm__ volatile("ud2");
    return copy_from(dst, src, 0, n);
}

EXPORT void *runs_for_ever(byte *dst, const byte *src, size_t n)
{
    if (n == 13)
        __asm__ volatile("0: jmp 0b");
    return copy_from(dst, src, 0, n);
}

EXPORT void *runs_syscall(byte *dst, const byte *src, size_t n)
{
    long number = 39; /* getpid */

    if (n == 13)
        __asm__ volatile("syscall" : "+a"(number)::"rcx", "r11", "memory");
    return copy_from(dst, src, 0, n);
}

/* A jump into data that is no code. */
EXPORT void *runs_wild(byte *dst, const byte *src, size_t n)
{
    if (n == 13)
        return ((void *(*)(void))(uintptr_t)window)();
    return copy_from(dst, src, 0, n);
}

/* A load outside the source by an address that is not recorded; then all is well. */
EXPORT void *by_xlat(byte *dst, const byte *src, size_t n)
{
    uintptr_t index = 200;

    __asm__ volatile("xlatb" : "+a"(index) : "b"(src) : "memory");
    return copy_from(dst, src, 0, n);
}

/* Code that a program writes, and may write anew. */
static void *(*written)(byte *, const byte *, size_t);

static __attribute__((constructor)) void write_code(void)
{
    static const byte returns_dst[] = {0x48, 0x89, 0xf8, 0xc3}; /* mov %rdi, %rax; ret */
    byte *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return;
    for (size_t i = 0; i < sizeof(returns_dst); i++)
        page[i] = returns_dst[i];
    written = (void *(*)(byte *, const byte *, size_t))(uintptr_t)page;
}

EXPORT void *rewritten(byte *dst, const byte *src, size_t n)
{
    copy_from(dst, src, 0, n);
    return written(dst, src, n);
}

EXPORT byte no_function[16];
