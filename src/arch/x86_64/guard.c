/* SPDX-License-Identifier: MIT */

/*
 * Guarded copies for x86-64: every load and store that may fault is listed in the section
 * membus_guard_table with the bytes that its step had stored before it.
 *
 * Why the count is exact. A page fault leaves an instruction without effect (SDM volume 3, 6.5:
 * faults restart with the state before the instruction), and a step's stores are aligned to their
 * width, so that none lies in two pages, one of them gone. The exceptions are a copy of 2, 4 or 8
 * bytes, one store at any alignment (W2), which stores all or nothing, and the masked store, which
 * is used only where it lies in one page. So neither the fault's address nor the memory has to
 * be asked how far a step got: the faulting instruction alone says it.
 *
 * RAM is copied by guard_avx512.S or guard_avx2.S, where their kernel is chosen. Their tables have
 * how to work the same out from the registers.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* REG_RIP */
#endif
#include <ucontext.h>

#include "entries.h"
#include "guard.h"
#include "guard_rows.h"
#include "kernel.h"
#include "masks_avx512.h"

GUARD_TABLE(table, row);
GUARD_TABLE(avx2, row_avx2);
GUARD_TABLE(avx512, row_avx512);

void membus_avx2_guard_fault(void);
size_t membus_avx2_guard_copy(void *dst, const void *src, size_t n, struct membus_fault *fault);
size_t membus_avx512_guard_copy(void *dst, const void *src, size_t n, struct membus_fault *fault);
void membus_avx512_guard_fault(void);
size_t membus_guard_copy_chosen(void *dst, const void *src, size_t n, struct membus_fault *fault);
size_t membus_guard_copy_rest(char *dst, const char *src, size_t n, struct membus_fault *fault,
                              uint64_t outcome, void *addr);

/* What the handler gives membus_guard_copy_rest(), as bits. */
#define OUTCOME_DONE  ((UINT64_C(1) << 48) - 1)
#define OUTCOME_CODE  48
#define OUTCOME_BUS   56
#define OUTCOME_STORE 57

#define ROW(label, stored, store)              \
    ".pushsection membus_guard_table, \"a\"\n" \
    ".balign 4\n"                              \
    ".long " label "b - .\n"                   \
    ".long %l[fault] - .\n"                    \
    ".short " #stored "\n"                     \
    ".short " #store "\n"                      \
    ".popsection\n"
#define LOAD(label, insn)          label ": " insn "\n" ROW(label, 0, 0)
#define STORE(label, insn, stored) label ": " insn "\n" ROW(label, stored, 1)

/* Steps: the loads, then the stores, of one piece. `trap` is in rdx, where the handler looks. Each
 * jumps to the label `fault` of the function it is used in. */
#define STEP(text, ...) \
    __asm__ goto(text : : [d] "r"(d), [s] "r"(s), "d"(trap) : "memory", __VA_ARGS__ : fault)

#define COPY_8()  STEP(LOAD("1", "movb (%[s]), %%al") STORE("2", "movb %%al, (%[d])", 0), "rax")
#define COPY_16() STEP(LOAD("1", "movw (%[s]), %%ax") STORE("2", "movw %%ax, (%[d])", 0), "rax")
#define COPY_32() STEP(LOAD("1", "movl (%[s]), %%eax") STORE("2", "movl %%eax, (%[d])", 0), "rax")
#define COPY_64() STEP(LOAD("1", "movq (%[s]), %%rax") STORE("2", "movq %%rax, (%[d])", 0), "rax")

/* One instruction a line. */
/* clang-format off */

/* Four words to an aligned destination; every x86-64. */
#define COPY_4_WORDS()                              \
    STEP(LOAD("1", "movq (%[s]), %%rax")            \
         LOAD("2", "movq 8(%[s]), %%rcx")           \
         LOAD("3", "movq 16(%[s]), %%r8")           \
         LOAD("4", "movq 24(%[s]), %%r9")           \
         STORE("5", "movq %%rax, (%[d])", 0)        \
         STORE("6", "movq %%rcx, 8(%[d])", 8)       \
         STORE("7", "movq %%r8, 16(%[d])", 16)      \
         STORE("8", "movq %%r9, 24(%[d])", 24),     \
         "rax", "rcx", "r8", "r9")

/* 32 bytes to a 32-byte aligned destination; AVX2. */
#define COPY_32_BYTES()                             \
    STEP(LOAD("1", "vmovdqu (%[s]), %%ymm0")        \
         STORE("2", "vmovdqa %%ymm0, (%[d])", 0),   \
         "xmm0")

/* 64 bytes to a 64-byte aligned destination; AVX-512. */
#define COPY_64_BYTES()                                 \
    STEP(LOAD("1", "vmovdqu64 (%[s]), %%zmm16")         \
         STORE("2", "vmovdqa64 %%zmm16, (%[d])", 0),    \
         "xmm16")

/*
 * 64 bytes in one page on both sides: one load, then the masked stores of the body and of the last
 * word (W5); AVX-512.
 */
#define COPY_LAST_64_BYTES(body)                                    \
    __asm__ goto("kmovq %[k], %%k1\n"                               \
                 "knotq %%k1, %%k2\n"                               \
                 LOAD("1", "vmovdqu64 (%[s]), %%zmm16")             \
                 STORE("2", "vmovdqu8 %%zmm16, (%[d])%{%%k1%}", 0)  \
                 STORE("3", "vmovdqu8 %%zmm16, (%[d])%{%%k2%}", 56) \
                 :                                                  \
                 : [d] "r"(d), [s] "r"(s), "d"(trap), [k] "r"(body) \
                 : "memory", "xmm16", "k1", "k2"                    \
                 : fault)

/* clang-format on */

/* Kept out of the way of the short copies, which then save no registers. */
#define NOINLINE __attribute__((noinline))

/* A whole function fails alike: what went before, and what the step had stored. */
#define FAULT(begin) ((size_t)(d - (const char *)(begin)) + trap->stored)
#define ADVANCE(n)   (d += (n), s += (n), left -= (n))

/* The sizes of one element, as bits. */
#define ELEMENTS ((UINT64_C(1) << 1) | (UINT64_C(1) << 2) | (UINT64_C(1) << 4) | (UINT64_C(1) << 8))

/* Elements up to a word boundary, words and elements again: up to `left` bytes in all, which need
 * not end a copy. */
static NOINLINE size_t copy_words(char *dst, const char *src, size_t left,
                                  struct membus_guard_trap *trap)
{
    char *d = dst;
    const char *s = src;

    if (((uintptr_t)d & 1) && left >= 1) {
        COPY_8();
        ADVANCE(1);
    }
    if (((uintptr_t)d & 2) && left >= 2) {
        COPY_16();
        ADVANCE(2);
    }
    if (((uintptr_t)d & 4) && left >= 4) {
        COPY_32();
        ADVANCE(4);
    }
    while (left >= 32) {
        COPY_4_WORDS();
        ADVANCE(32);
    }
    while (left >= 8) {
        COPY_64();
        ADVANCE(8);
    }
    if (left & 4) {
        COPY_32();
        ADVANCE(4);
    }
    if (left & 2) {
        COPY_16();
        ADVANCE(2);
    }
    if (left & 1) {
        COPY_8();
        ADVANCE(1);
    }
    return (size_t)(d - dst);
fault:
    return FAULT(dst);
}

/* 1, 2, 4 and 8 bytes at any alignment: one load, one store (W2). */
static size_t copy_element(char *d, const char *s, size_t n, struct membus_guard_trap *trap)
{
    switch (n) {
    case 1:
        COPY_8();
        break;
    case 2:
        COPY_16();
        break;
    case 4:
        COPY_32();
        break;
    default:
        COPY_64();
    }
    return n;
fault:
    return 0;
}

static inline bool is_element(size_t n)
{
    return n <= 8 && (ELEMENTS >> n & 1);
}

/* Whole vectors to an aligned destination, one by one: of device memory. */
static NOINLINE size_t copy_vectors_avx2(char *dst, const char *src, size_t n,
                                         struct membus_guard_trap *trap)
{
    char *d = dst;
    const char *s = src;
    size_t left = n;

    while (left) {
        COPY_32_BYTES();
        ADVANCE(32);
    }
    __asm__ volatile("vzeroupper" ::: "xmm0"); /* SDM volume 1, 14.1.1 */
    return n;
fault:
    __asm__ volatile("vzeroupper" ::: "xmm0");
    return FAULT(dst);
}

/* Whole vectors to an aligned destination: of device memory. RAM is guard_avx512.S's. Called only
 * where the CPU has the registers, of which the attribute lets the compiler know. */
__attribute__((target("avx512f,avx512bw,avx512vl"))) static NOINLINE size_t
copy_vectors_avx512(char *dst, const char *src, size_t n, struct membus_guard_trap *trap)
{
    char *d = dst;
    const char *s = src;
    size_t left = n;

    while (left > 64) {
        COPY_64_BYTES();
        ADVANCE(64);
    }
    if (((uintptr_t)s & 4095) > 4096 - 64)
        return n - left + copy_words(d, s, left, trap);
    COPY_LAST_64_BYTES((UINT64_C(1) << 56) - 1);
    return n;
fault:
    return FAULT(dst);
}

size_t membus_arch_guard_copy(void *to, const void *from, size_t n, bool strict,
                              struct membus_guard_trap *trap)
{
    (void)strict; /* words in any case */
    if (n == 0)
        return 0;
    return is_element(n) ? copy_element(to, from, n, trap) : copy_words(to, from, n, trap);
}

size_t membus_arch_guard_blocks(void *to, const void *from, size_t n, unsigned block,
                                struct membus_guard_trap *trap)
{
    return block == 64 ? copy_vectors_avx512(to, from, n, trap)
                       : copy_vectors_avx2(to, from, n, trap);
}

/* With a kernel that has no entry; and the first call, before one is chosen. */
size_t membus_guard_copy_chosen(void *dst, const void *src, size_t n, struct membus_fault *fault)
{
    const unsigned char entry = membus_kernel_get()->entry;
    struct membus_guard_trap trap;

    if (entry)
        return (entry == ENTRY_AVX2 ? membus_avx2_guard_copy : membus_avx512_guard_copy)(dst, src,
                                                                                         n, fault);

    const size_t done = membus_arch_guard_copy(dst, src, n, false, &trap);

    if (__builtin_expect(done < n, 0) && fault)
        *fault = trap.fault;
    return done;
}

/*
 * After a fault: `outcome` has the bytes stored, and of the fault all but its address. A store that
 * reached into a page that is gone stored nothing: what lies before that page follows word by word,
 * less than a store of 64 bytes, but for a single element, which is whole or not at all (W2). After
 * a load nothing is loaded again (L2).
 */
size_t membus_guard_copy_rest(char *dst, const char *src, size_t n, struct membus_fault *fault,
                              uint64_t outcome, void *addr)
{
    struct membus_guard_trap trap = {
        .fault = {.addr = addr,
                  .signal = outcome >> OUTCOME_BUS & 1 ? SIGBUS : SIGSEGV,
                  .code = (int)(outcome >> OUTCOME_CODE & 0xff),
                  .store = outcome >> OUTCOME_STORE & 1},
    };
    const uintptr_t page = (uintptr_t)addr & ~(uintptr_t)4095;
    size_t done = outcome & OUTCOME_DONE;
    const uintptr_t before = page - (uintptr_t)(dst + done);

    if (trap.fault.store && before < 64 && !is_element(n))
        done += copy_words(dst + done, src + done, before, &trap);
    if (fault)
        *fault = trap.fault;
    return done;
}

/* Fills take their pattern in rax. */
#define FILL(text) __asm__ goto(text : : [d] "r"(d), "a"(pattern), "d"(trap) : "memory" : fault)

static size_t fill_element(char *d, uint64_t pattern, size_t n, struct membus_guard_trap *trap)
{
    switch (n) {
    case 1:
        FILL(STORE("1", "movb %%al, (%[d])", 0));
        break;
    case 2:
        FILL(STORE("1", "movw %%ax, (%[d])", 0));
        break;
    case 4:
        FILL(STORE("1", "movl %%eax, (%[d])", 0));
        break;
    default:
        FILL(STORE("1", "movq %%rax, (%[d])", 0));
    }
    return n;
fault:
    return 0;
}

/* Four words. */
static size_t fill_words(char *d, uint64_t pattern, struct membus_guard_trap *trap)
{
    FILL(STORE("1", "movq %%rax, (%[d])", 0) STORE("2", "movq %%rax, 8(%[d])", 8)
             STORE("3", "movq %%rax, 16(%[d])", 16) STORE("4", "movq %%rax, 24(%[d])", 24));
    return 32;
fault:
    return trap->stored;
}

size_t membus_arch_guard_fill(void *to, int value, size_t n, struct membus_guard_trap *trap)
{
    const uint64_t pattern = (unsigned char)value * UINT64_C(0x0101010101010101);
    char *dst = to;
    size_t done = 0;

    if (is_element(n))
        return fill_element(dst, pattern, n, trap);
    while (done < n) {
        const uintptr_t at = (uintptr_t)(dst + done);
        size_t width = 8, part;

        while ((at & (width - 1)) || width > n - done)
            width /= 2;
        if (width == 8 && n - done >= 32) {
            width = 32;
            part = fill_words(dst + done, pattern, trap);
        } else {
            part = fill_element(dst + done, pattern, width, trap);
        }
        done += part;
        if (part < width)
            break;
    }
    return done;
}

/* Straight into a register. */
#define READ(insn)                                                                      \
    __asm__ goto(LOAD("1", insn) : "=a"(v) : [s] "r"(p), "d"(trap) : "memory" : fault); \
    break

bool membus_arch_guard_load(const void *p, unsigned width, uint64_t *value,
                            struct membus_guard_trap *trap)
{
    uint64_t v;

    switch (width) {
    case 1:
        READ("movzbl (%[s]), %%eax");
    case 2:
        READ("movzwl (%[s]), %%eax");
    case 4:
        READ("movl (%[s]), %%eax");
    default:
        READ("movq (%[s]), %%rax");
    }
    *value = v;
    return true;
fault:
    return false;
}

bool membus_arch_guard_store(void *p, unsigned width, uint64_t value,
                             struct membus_guard_trap *trap)
{
    return fill_element(p, value, width, trap) == width;
}

/* What guard_avx512.S has stored at an access of that kind. */
static size_t stored_avx512(unsigned kind, const greg_t *reg)
{
    const size_t lead = (size_t)reg[REG_RAX] & 7, words = (size_t)reg[REG_R9];
    const size_t lines = (size_t)(reg[REG_RDI] - reg[REG_RAX]); /* from dst to the line at rdi */
    size_t end = 64 * (size_t)kind;

    switch (kind) {
    case GUARD_START:
        return 0;
    case GUARD_BLOCK_1:
    case GUARD_BLOCK_2:
    case GUARD_BLOCK_3:
        return (end < words ? end : words) - lead;
    case GUARD_WORDS:
        return words > lead ? words - lead : 0;
    case GUARD_LAST_3:
    case GUARD_LAST_2:
    case GUARD_LAST_1:
        end = (size_t)(reg[REG_R8] - reg[REG_RDI]) + 64 * (size_t)(kind - GUARD_LAST_3 + 1);
        return lines + ((ptrdiff_t)end > 64 ? end : 64);
    case GUARD_LAST:
        return lines + words + MASKED_LARGE;
    default:
        return lines + 64 * (size_t)(kind - GUARD_LINE + 1);
    }
}

/* The row of the instruction at `pc`, or NULL. Every kind of row begins with where that is. */
static const void *find(const void *begin, const void *end, size_t size, uintptr_t pc)
{
    for (const char *row = begin; row < (const char *)end; row += size) {
        const int32_t distance = *(const int32_t *)(const void *)row;

        if ((uintptr_t)row + (uintptr_t)(intptr_t)distance == pc)
            return row;
    }
    return NULL;
}

#define FIND(table, pc) find(table##_begin, table##_end, sizeof(*table##_begin), (uintptr_t)(pc))

/* What membus_guard_copy_rest() is told. */
static uint64_t outcome_of(size_t stored, bool store, int signal, const siginfo_t *info)
{
    return stored | (uint64_t)(info->si_code & 0xff) << OUTCOME_CODE |
           (uint64_t)(signal == SIGBUS) << OUTCOME_BUS | (uint64_t)store << OUTCOME_STORE;
}

/* See guard_avx512.S. */
static bool resume_avx512(int signal, const siginfo_t *info, greg_t *reg)
{
    const struct row_avx512 *row = FIND(avx512, reg[REG_RIP]);

    if (!row)
        return false;
    reg[REG_R8] = (greg_t)outcome_of(stored_avx512((unsigned)row->kind & 15, reg),
                                     row->kind & GUARD_STORE, signal, info);
    reg[REG_R9] = (greg_t)(uintptr_t)info->si_addr;
    reg[REG_RSI] += reg[REG_RAX] - reg[REG_RDI];
    reg[REG_RDI] = reg[REG_RAX];
    reg[REG_RIP] = (greg_t)(uintptr_t)membus_avx512_guard_fault;
    return true;
}

/* See guard_avx2.S. */
static bool resume_avx2(int signal, const siginfo_t *info, greg_t *reg)
{
    const struct row_avx2 *row = FIND(avx2, reg[REG_RIP]);

    if (!row)
        return false;

    const greg_t done = reg[row->base] + (reg[row->index] & row->mask) + row->at;

    reg[REG_R8] = (greg_t)outcome_of((size_t)(done - reg[REG_RAX]), row->store, signal, info);
    reg[REG_R9] = (greg_t)(uintptr_t)info->si_addr;
    if (row->framed)
        reg[REG_RSP] = reg[REG_R11];
    reg[REG_RIP] = (greg_t)(uintptr_t)membus_avx2_guard_fault;
    return true;
}

bool membus_arch_guard_resume(int signal, const siginfo_t *info, void *context)
{
    greg_t *reg = ((ucontext_t *)context)->uc_mcontext.gregs;
    const struct row *row = FIND(table, reg[REG_RIP]);

    if (!row)
        return resume_avx2(signal, info, reg) || resume_avx512(signal, info, reg);

    struct membus_guard_trap *trap = (struct membus_guard_trap *)reg[REG_RDX];

    trap->fault.addr = info->si_addr;
    trap->fault.signal = signal;
    trap->fault.code = info->si_code;
    trap->fault.store = row->store != 0;
    trap->stored = row->stored;
    reg[REG_RIP] = (greg_t)((uintptr_t)&row->to + (uintptr_t)(intptr_t)row->to);
    return true;
}
