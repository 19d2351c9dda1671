/* SPDX-License-Identifier: MIT */

/* Overlapping moves by the kernel `avx512`, the window in registers where it fits. */

#include "avx512.h"
#include "move.h"

/*
 * Overlaps of src < dst < src + n with the window in COUNT registers: a register is stored, over
 * source bytes at least d further on, and takes the block 64 * COUNT further on. So for
 * d <= 64 * (COUNT - 1), and n of at least 64 * COUNT beyond the head. What the registers hold at
 * the end goes to `spill`, src[i, i + 64 * COUNT); i, counted from a line of dst, is returned.
 *
 * One asm statement, so that nothing between keeps or touches the registers. `head` is a mask of
 * the first, ragged block at dst - 64: loaded before anything is stored, stored first.
 */
#define RING(name, count, registers, ending)                                                       \
    static size_t name(char *dst, const char *src, size_t n, uint64_t head, char *spill)           \
    {                                                                                              \
        const char *start = dst;                                                                   \
                                                                                                   \
        __asm__ volatile("kmovq %[head], %%k1\n\t"                                                 \
                         "vmovdqu8 -64(%[src]), %%zmm0%{%%k1%}%{z%}\n\t"                           \
                         ".set membus_at, 0\n\t"                                                   \
                         ".irp r, " registers "\n\t"                                               \
                         "vmovdqu64 membus_at(%[src]), %%zmm\\r\n\t"                               \
                         ".set membus_at, membus_at + 64\n\t"                                      \
                         ".endr\n\t"                                                               \
                         "vmovdqu8 %%zmm0, -64(%[dst])%{%%k1%}\n"                                  \
                         "1:\n\t"                                                                  \
                         "cmpq %[two], %[n]\n\t"                                                   \
                         "jb 2f\n\t"                                                               \
                         ".set membus_at, 0\n\t"                                                   \
                         ".irp r, " registers "\n\t"                                               \
                         "vmovdqu64 %%zmm\\r, membus_at(%[dst])\n\t"                               \
                         "vmovdqu64 membus_at + 64 * " #count "(%[src]), %%zmm\\r\n\t"             \
                         ".set membus_at, membus_at + 64\n\t"                                      \
                         ".endr\n\t"                                                               \
                         "addq %[one], %[dst]\n\t"                                                 \
                         "addq %[one], %[src]\n\t"                                                 \
                         "subq %[one], %[n]\n\t"                                                   \
                         "jmp 1b\n"                                                                \
                         "2:\n\t"                                                                  \
                         ".set membus_at, 0\n\t"                                                   \
                         ".irp r, " registers "\n\t"                                               \
                         "vmovdqu64 %%zmm\\r, membus_at(%[spill])\n\t"                             \
                         ".set membus_at, membus_at + 64\n\t"                                      \
                         ".endr\n\t" ending                                                        \
                         : [dst] "+r"(dst), [src] "+r"(src), [n] "+r"(n)                           \
                         : [head] "r"(head), [spill] "r"(spill), [one] "i"(64 * (count)),          \
                           [two] "i"(128 * (count))                                                \
                         : "k1", "memory", "cc", "xmm0", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",   \
                           "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16",  \
                           "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", \
                           "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");         \
        return (size_t)(dst - start);                                                              \
    }

#define SIXTEEN "16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31"

RING(ring_4, 4, "16, 17, 18, 19", "vzeroupper")
RING(ring_8, 8, "16, 17, 18, 19, 20, 21, 22, 23", "vzeroupper")
RING(ring_16, 16, SIXTEEN, "vzeroupper")
RING(ring_28, 28, "4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, " SIXTEEN, "vzeroupper")

#define RING_MOST 28u

/* Registers for a window of d bytes: 4, 8, 16, 28, or 0. */
static unsigned ring_registers(size_t d)
{
    return d <= 64 * 3 ? 4 : d <= 64 * 7 ? 8 : d <= 64 * 15 ? 16 : d <= 64 * 27 ? 28 : 0;
}

static size_t ring(unsigned registers, char *dst, const char *src, size_t n, uint64_t head,
                   char *spill)
{
    switch (registers) {
    case 4:
        return ring_4(dst, src, n, head, spill);
    case 8:
        return ring_8(dst, src, n, head, spill);
    case 16:
        return ring_16(dst, src, n, head, spill);
    default:
        return ring_28(dst, src, n, head, spill);
    }
}

/* A move that needs a window, in registers; n is at least 64 * (registers + 1). */
static void move_in_registers(unsigned registers, char *dst, const char *src, size_t n)
{
    char spill[2 * 64 * RING_MOST] __attribute__((aligned(64)));
    const size_t lead = -(uintptr_t)dst & 63;
    const uint64_t head = ~low_bits(64 - lead); /* the last `lead` bytes of the block before */
    char *line = dst + lead;
    const char *from = src + lead;
    const size_t held = 64 * (size_t)registers;
    const size_t done = ring(registers, line, from, n - lead, head, spill);
    const size_t rest = n - lead - done - held;

    membus_avx512_copy(spill + held, from + done + held, rest);
    membus_avx512_copy(line + done, spill, held + rest);
}

void *membus_avx512_move(void *to, const void *from, size_t n)
{
    const size_t d = (uintptr_t)to - (uintptr_t)from;
    const unsigned registers = ring_registers(d);

    /* Up to 256 bytes a copy loads everything before it stores anything. */
    if (((uintptr_t)to & 7) + n <= 256 || !membus_move_needs_window(to, from, n))
        return membus_avx512_copy(to, from, n);
    if (registers == 0 || n < 64 * ((size_t)registers + 1))
        return membus_move_windowed(to, from, n, membus_avx512_copy);
    move_in_registers(registers, (char *)to, (const char *)from, n);
    return to;
}
