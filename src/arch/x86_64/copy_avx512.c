/* SPDX-License-Identifier: MIT */

/*
 * `avx512`: masked 64-byte accesses for what is short or ragged, plain ones for the body.
 *
 * Everything is seen from the aligned word or line that the destination starts in, with the source
 * shifted alike: so every store, masked or not, is issued from an 8-byte boundary and tears no
 * element (W3); the last word has a store of its own (W5). zmm16 to zmm31 need no vzeroupper.
 *
 * membus_avx512_copy() itself is written out, because a compiler saves registers on the way that
 * it could do without, and that costs a tenth.
 */

#include <stddef.h>

#include "avx512.h"
#include "cpu.h"
#include "kernels.h"
#include "strict.h"
#include "words.h"

void *membus_avx512_descriptor(char *dst, const char *src, size_t n);
void *membus_avx512_copy_at_page(char *to, const char *from, size_t n);

/* 16 bytes to a 16-byte boundary: one access (SDM 9.1.1). */
MEMBUS_INLINE void element_16(char *dst, const char *src)
{
    __asm__ volatile("vmovdqu64 %1, %%xmm16\n\t"
                     "vmovdqu64 %%xmm16, %0"
                     : "=m"(*(struct membus_block16 *)dst)
                     : "m"(*(const struct membus_block16 *)src)
                     : "xmm16");
}

/*
 * Descriptors: a multiple of 4 bytes, up to 64, at a word boundary. Plain stores, because what was
 * stored masked is not forwarded to the load that parses it a moment later; the size is known to
 * each line, the last word is on its own. All loads first, for overlaps.
 */
MEMBUS_INLINE void descriptor_line(char *dst, const char *src, const unsigned n)
{
    const unsigned body = (n - 1) & ~7u, at16 = body & 32, at8 = body & 48;
    __m128i a, b, c;
    uint64_t word = 0, last;

    if (body & 32) {
        a = membus_load_16(src);
        b = membus_load_16(src + 16);
    }
    if (body & 16)
        c = membus_load_16(src + at16);
    if (body & 8)
        word = membus_ram_load_64(src + at8);
    last = n - body == 8 ? membus_ram_load_64(src + body) : membus_ram_load_32(src + body);

    if (body & 32) {
        membus_store_16(dst, a);
        membus_store_16(dst + 16, b);
    }
    if (body & 16)
        membus_store_16(dst + at16, c);
    if (body & 8)
        membus_ram_store_64(dst + at8, word);
    if (n - body == 8)
        membus_ram_store_64(dst + body, last);
    else
        membus_ram_store_32(dst + body, (uint32_t)last);
}

__attribute__((used)) void *membus_avx512_descriptor(char *dst, const char *src, size_t n)
{
#define DESCRIPTOR(n)                 \
    case n:                           \
        descriptor_line(dst, src, n); \
        break;

    switch (n) {
        DESCRIPTOR(4)
        DESCRIPTOR(8)
        DESCRIPTOR(12)
    case 16:
        if (((uintptr_t)dst & 15) == 0)
            element_16(dst, src);
        else
            descriptor_line(dst, src, 16);
        break;
        DESCRIPTOR(20)
        DESCRIPTOR(24)
        DESCRIPTOR(28)
        DESCRIPTOR(32)
        DESCRIPTOR(36)
        DESCRIPTOR(40)
        DESCRIPTOR(44)
        DESCRIPTOR(48)
        DESCRIPTOR(52)
        DESCRIPTOR(56)
        DESCRIPTOR(60)
        DESCRIPTOR(64)
    }
#undef DESCRIPTOR
    return dst;
}

#define LIKELY(x)   __builtin_expect((x) != 0, 1)
#define UNLIKELY(x) __builtin_expect((x) != 0, 0)
#define NOINLINE    __attribute__((noinline, aligned(64)))
#define COLD        __attribute__((noinline, cold))

/* Masks that are loaded: to move one from a general register takes twice as long. */
#define ALL_64  255, 255, 255, 255, 255, 255, 255, 255
#define NONE_64 0, 0, 0, 0, 0, 0, 0, 0

extern const struct masks {
    uint64_t from[8];        /* the bytes of a block from 0 to 7 on */
    unsigned char words[88]; /* a bit a byte of 3 blocks: none; of 4: all; of 4: none */
    uint16_t last[9];        /* the first 0 to 8 bytes of the second word */
} membus_avx512_masks;

const struct masks membus_avx512_masks __attribute__((used, aligned(64))) = {
    {UINT64_MAX, UINT64_MAX << 1, UINT64_MAX << 2, UINT64_MAX << 3, UINT64_MAX << 4,
     UINT64_MAX << 5, UINT64_MAX << 6, UINT64_MAX << 7},
    {NONE_64, NONE_64, NONE_64, ALL_64, ALL_64, ALL_64, ALL_64},
    {0, 0x100, 0x300, 0x700, 0xf00, 0x1f00, 0x3f00, 0x7f00, 0xff00},
};

/*
 * The same in assembly. FIRST_WORDS less bytes / 8 has the masks of blocks of which the first
 * `bytes`, a multiple of 8, are meant; WORD is `last` less one, indexed by an offset in a word.
 */
#define MASKS       "membus_avx512_masks(%rip)"
#define FIRST_WORDS "120"
#define WORD        "154"

_Static_assert(offsetof(struct masks, words) + 56 == 120, "FIRST_WORDS");
_Static_assert(offsetof(struct masks, last) + sizeof(uint16_t) == 154, "WORD");

/* Of three blocks the last `bytes`, a multiple of 8. */
MEMBUS_INLINE const unsigned char *last_words(size_t bytes)
{
    return membus_avx512_masks.words + bytes / 8;
}

/* The bytes up to a word boundary of dst, which is not at one, from a range of over 8. */
MEMBUS_INLINE void first_word(char *dst, const char *src)
{
    const unsigned lead = (uintptr_t)dst & 7;

    __asm__ volatile("vmovq %2, %%xmm16\n\t"
                     "vmovdqu8 %%xmm16, %0%{%1%}"
                     : "+m"(*(struct membus_block16 *)(dst - lead))
                     : "Yk"((__mmask16)(0xffu << lead & 0xff)),
                       "r"(membus_ram_load_64(src) << 8 * lead)
                     : "xmm16");
}

/*
 * A masked access whose idle lanes lie in a page that is not there, or was never touched, takes
 * some 400 ns: the processor finds out in microcode that nothing is wrong. Large copies whose ends
 * are a page's, as whole pages' always are, come here: no idle lane is beyond what is copied.
 */
__attribute__((used)) void *membus_avx512_copy_at_page(char *to, const char *from, size_t n)
{
    const size_t lead = (uintptr_t)to & 7, head = 64 - ((uintptr_t)to & 63);
    char *const last = (char *)(((uintptr_t)to + n - 1) & ~(uintptr_t)7); /* the word it is in */
    char *dst = to + head;
    const char *src = from + head;
    size_t to_word = 0, body;

    if (lead) {
        first_word(to, from);
        to_word += 8 - lead;
    }
    masked(to + to_word, from + to_word, low_bits(head - to_word));
    while ((body = (size_t)(last - dst)) > 192) {
        lines(dst, src);
        dst += 192;
        src += 192;
    }
    src += body;
    __asm__ volatile("kmovq (%2), %%k1\n\t"
                     "kmovq 8(%2), %%k2\n\t"
                     "kmovq 16(%2), %%k3\n\t"
                     "kmovw %3, %%k4\n\t"
                     "vmovdqu8 -192(%1), %%zmm16%{%%k1%}%{z%}\n\t"
                     "vmovdqu8 -128(%1), %%zmm17%{%%k2%}%{z%}\n\t"
                     "vmovdqu8 -64(%1), %%zmm18%{%%k3%}%{z%}\n\t"
                     "vmovdqu8 -8(%1), %%xmm19%{%%k4%}%{z%}\n\t"
                     "vmovdqu8 %%zmm16, -192(%0)%{%%k1%}\n\t"
                     "vmovdqu8 %%zmm17, -128(%0)%{%%k2%}\n\t"
                     "vmovdqu8 %%zmm18, -64(%0)%{%%k3%}\n\t"
                     "vmovdqu8 %%xmm19, -8(%0)%{%%k4%}"
                     :
                     : "r"(last), "r"(src), "r"(last_words(body)),
                       "m"(membus_avx512_masks.last[to + n - last])
                     : "xmm16", "xmm17", "xmm18", "xmm19", "k1", "k2", "k3", "k4", "memory");
    return to;
}

/*
 * dst is in rdi, src in rsi, n in rdx; dst is returned in rax.
 *
 * Up to 64 bytes: the body, then the last word, or an element that is whole where it lies (W2).
 * Either may be empty: a masked store of no bytes stores nothing, and costs less than a branch
 * that is hard to predict.
 *
 * Up to 256: four blocks, those beyond the body with empty masks, and the last word. As far as
 * this the loads come first, so any overlap is fine (membus_avx512_move).
 *
 * Over 256: by lines of the destination, three a turn. For sizes at random the last turn is what
 * the processor fails to predict: the longer a turn the fewer there are, and the more blocks of
 * the tail have empty masks.
 */
__attribute__((naked, aligned(64))) void *membus_avx512_copy(void *dst __attribute__((unused)),
                                                             const void *src
                                                             __attribute__((unused)),
                                                             size_t n __attribute__((unused)))
{
    __asm__("movl %edi, %ecx\n\t"
            "movq %rdi, %rax\n\t"
            "andl $7, %ecx\n\t" /* dst's place in its word */
            "cmpq $256, %rdx\n\t"
            "ja 3f\n\t"
            "cmpq $64, %rdx\n\t"
            "ja 2f\n\t"
            "movl %edx, %r8d\n\t"
            "andl $3, %r8d\n\t"
            "orl %ecx, %r8d\n\t"
            "jz membus_avx512_descriptor\n\t"

            "leaq (%rcx,%rdx), %r8\n\t" /* the end, from that word */
            "subq %rcx, %rsi\n\t"
            "subq %rcx, %rdi\n\t"
            "leaq -1(%r8), %r9\n\t"
            "movl $0x116, %r11d\n\t" /* 1, 2, 4, 8: elements */
            "xorl %r10d, %r10d\n\t"
            "andq $-8, %r9\n\t" /* the body's end */
            "btq %rdx, %r11\n\t"
            "cmovcq %r10, %r9\n\t" /* none */
            "decq %r10\n\t"
            "shlxq %rcx, %r10, %r11\n\t" /* all from dst on */
            "subl %r9d, %r8d\n\t"
            "bzhiq %r9, %r11, %rdx\n\t"
            "testq %r9, %r9\n\t"
            "kmovq %rdx, %k1\n\t"
            "cmovzq %r11, %r10\n\t"
            "bzhiq %r8, %r10, %r10\n\t"
            "kmovd %r10d, %k2\n\t"
            "vmovdqu8 (%rsi), %zmm16{%k1}{z}\n\t"
            "vmovdqu8 (%rsi,%r9), %xmm17{%k2}{z}\n\t"
            "vmovdqu8 %zmm16, (%rdi){%k1}\n\t"
            "vmovdqu8 %xmm17, (%rdi,%r9){%k2}\n\t"
            "ret\n\t"

            ".p2align 5\n"
            "2: leaq " MASKS ", %r8\n\t"
            "subq %rcx, %rdi\n\t"
            "subq %rcx, %rsi\n\t"
            "leaq -1(%rcx,%rdx), %r9\n\t"
            "kmovq (%r8,%rcx,8), %k1\n\t"
            "movl %r9d, %r10d\n\t"
            "leaq " FIRST_WORDS "(%r8), %r11\n\t"
            "andl $-8, %r9d\n\t" /* the body's end */
            "andl $7, %r10d\n\t"
            "movl %r9d, %ecx\n\t"
            "shrl $3, %ecx\n\t"
            "subq %rcx, %r11\n\t" /* the masks of the body */
            "kmovw " WORD "(%r8,%r10,2), %k5\n\t"
            "kmovq 8(%r11), %k2\n\t"
            "kmovq 16(%r11), %k3\n\t"
            "kmovq 24(%r11), %k4\n\t"
            "vmovdqu8 (%rsi), %zmm16{%k1}{z}\n\t"
            "vmovdqu8 64(%rsi), %zmm17{%k2}{z}\n\t"
            "vmovdqu8 128(%rsi), %zmm18{%k3}{z}\n\t"
            "vmovdqu8 192(%rsi), %zmm19{%k4}{z}\n\t"
            "vmovdqu8 -8(%rsi,%r9), %xmm20{%k5}{z}\n\t"
            "vmovdqu8 %zmm16, (%rdi){%k1}\n\t"
            "vmovdqu8 %zmm17, 64(%rdi){%k2}\n\t"
            "vmovdqu8 %zmm18, 128(%rdi){%k3}\n\t"
            "vmovdqu8 %zmm19, 192(%rdi){%k4}\n\t"
            "vmovdqu8 %xmm20, -8(%rdi,%r9){%k5}\n\t"
            "ret\n\t"

            ".p2align 5\n"
            "3: movl %edi, %ecx\n\t"
            "movl %esi, %r8d\n\t"
            "leaq (%rdi,%rdx), %r9\n\t"
            "andl $63, %ecx\n\t" /* dst's place in its line */
            "andl $4095, %r8d\n\t"
            "leaq (%rsi,%rdx), %r10\n\t"
            "cmpl %ecx, %r8d\n\t" /* does the source's start a page before? */
            "jb membus_avx512_copy_at_page\n\t"
            "testl $4095, %r9d\n\t"
            "jz membus_avx512_copy_at_page\n\t"
            "testl $4095, %r10d\n\t"
            "jz membus_avx512_copy_at_page\n\t"
            "movq $-1, %r8\n\t"
            "leaq " MASKS ", %r11\n\t"
            "shlxq %rcx, %r8, %r8\n\t"
            "subq %rcx, %rdi\n\t"
            "subq %rcx, %rsi\n\t"
            "kmovq %r8, %k1\n\t"
            "decq %r9\n\t"
            "movl %r9d, %r10d\n\t"
            "vmovdqu8 (%rsi), %zmm16{%k1}{z}\n\t"
            "andq $-8, %r9\n\t" /* the last word */
            "andl $7, %r10d\n\t"
            "vmovdqu8 %zmm16, (%rdi){%k1}\n\t"
            "addq $64, %rdi\n\t"
            "addq $64, %rsi\n\t"
            "kmovw " WORD "(%r11,%r10,2), %k5\n\t"
            "subq %rdi, %r9\n\t" /* what is left before it */
            "addq $" FIRST_WORDS ", %r11\n\t"
            "cmpq $192, %r9\n\t"
            "jbe 5f\n\t"
            ".p2align 5\n"
            "4: vmovdqu64 (%rsi), %zmm16\n\t"
            "vmovdqu64 64(%rsi), %zmm17\n\t"
            "vmovdqu64 128(%rsi), %zmm18\n\t"
            "vmovdqu64 %zmm16, (%rdi)\n\t"
            "vmovdqu64 %zmm17, 64(%rdi)\n\t"
            "vmovdqu64 %zmm18, 128(%rdi)\n\t"
            "addq $192, %rsi\n\t"
            "addq $192, %rdi\n\t"
            "subq $192, %r9\n\t"
            "cmpq $192, %r9\n\t"
            "ja 4b\n\t"
            "5: movl %r9d, %r10d\n\t"
            "shrl $3, %r10d\n\t"
            "subq %r10, %r11\n\t" /* the masks of the body */
            "kmovq (%r11), %k1\n\t"
            "kmovq 8(%r11), %k2\n\t"
            "kmovq 16(%r11), %k3\n\t"
            "vmovdqu8 (%rsi), %zmm16{%k1}{z}\n\t"
            "vmovdqu8 64(%rsi), %zmm17{%k2}{z}\n\t"
            "vmovdqu8 128(%rsi), %zmm18{%k3}{z}\n\t"
            "vmovdqu8 -8(%rsi,%r9), %xmm19{%k5}{z}\n\t"
            "vmovdqu8 %zmm16, (%rdi){%k1}\n\t"
            "vmovdqu8 %zmm17, 64(%rdi){%k2}\n\t"
            "vmovdqu8 %zmm18, 128(%rdi){%k3}\n\t"
            "vmovdqu8 %xmm19, -8(%rdi,%r9){%k5}\n\t"
            "ret");
}

/* Strict order: nothing wider than what the architecture keeps whole, 16 bytes aligned (SDM 9.1.1,
 * AVX enumerated), and stores are seen in program order (SDM 9.2.2). */
static void *copy_strict(void *to, const void *from, size_t n)
{
    return membus_strict_copy(to, from, n);
}

static bool usable(void)
{
    return membus_cpu_has(MEMBUS_CPU_AVX512);
}

static void load_blocks(void *dst, const void *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        block((char *)dst + 64 * i, (const char *)src + 64 * i);
}

const struct membus_kernel membus_kernel_avx512 = {
    .name = "avx512",
    .usable = usable,
    .needs = "AVX-512 F, BW and VL, and an operating system that saves their registers",
    .copy = membus_avx512_copy,
    .copy_strict = copy_strict,
    .fill = membus_avx512_fill,
    .move = membus_avx512_move,
    .block = 64,
    .load_blocks = load_blocks,
    .store_blocks = load_blocks,
};
