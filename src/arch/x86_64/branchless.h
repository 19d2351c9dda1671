/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_BRANCHLESS_H
#define MEMBUS_X86_64_BRANCHLESS_H

/*
 * The choices of straight.h as conditional moves. One comparison serves both addresses.
 */

#ifdef MEMBUS_STRAIGHT_H
#error "to be included before straight.h"
#endif

#include <stddef.h>

#include <membus/arch.h>

#define MEMBUS_STRAIGHT_PICK

struct membus_sink;
static const char membus_nowhere[256] __attribute__((aligned(64)));

MEMBUS_INLINE char *membus_pick(char *dst, size_t bits, unsigned bit, struct membus_sink *sink)
{
    __asm__("testb %b1, %b2\n\t"
            "cmovz %3, %0"
            : "+&r"(dst)
            : "qi"(bit), "q"(bits), "r"(sink)
            : "cc");
    return dst;
}

MEMBUS_INLINE void membus_pick_both(char **dst, const char **src, size_t bits, unsigned bit,
                                    struct membus_sink *sink)
{
    __asm__("testb %b2, %b3\n\t"
            "cmovz %4, %0\n\t"
            "cmovz %5, %1"
            : "+&r"(*dst), "+&r"(*src)
            : "qi"(bit), "q"(bits), "r"(sink), "r"(membus_nowhere)
            : "cc");
}

MEMBUS_INLINE void membus_pick_above(char **dst, const char **src, size_t n, unsigned limit,
                                     struct membus_sink *sink)
{
    __asm__("cmp %2, %3\n\t"
            "cmovbe %4, %0\n\t"
            "cmovbe %5, %1"
            : "+&r"(*dst), "+&r"(*src)
            : "ri"((size_t)limit), "r"(n), "r"(sink), "r"(membus_nowhere)
            : "cc");
}

#include "straight.h"

#endif
