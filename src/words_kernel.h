/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_WORDS_KERNEL_H
#define MEMBUS_WORDS_KERNEL_H

/*
 * A kernel of words.h and straight.h alone, from whichever accessors the file that includes this
 * was built with: `generic` from portable C, `word` (and x86-64's `scalar`) from the architecture's
 * own.
 */

#include "kernel.h"
#include "move.h"
#include "straight.h"
#include "words.h"

MEMBUS_INLINE bool membus_words_kernel_usable(void)
{
    return true;
}

static void *membus_words_kernel_copy(void *dst, const void *src, size_t n)
{
#if MEMBUS_STRAIGHT
    return membus_straight_copy(dst, src, n);
#else
    return membus_words_copy(dst, src, n, MEMBUS_WORDS_LOOSE);
#endif
}

static void *membus_words_kernel_copy_strict(void *dst, const void *src, size_t n)
{
#if MEMBUS_STRAIGHT
    return membus_straight_copy(dst, src, n); /* by words, in program order */
#else
    return membus_words_copy(dst, src, n, MEMBUS_WORDS_STRICT);
#endif
}

static void *membus_words_kernel_fill(void *dst, int value, size_t n)
{
    return membus_words_fill(dst, value, n);
}

static void *membus_words_kernel_move(void *dst, const void *src, size_t n)
{
    return membus_move_windowed(dst, src, n, membus_words_kernel_copy);
}

#define MEMBUS_WORDS_KERNEL(kernel_name, kernel_usable, kernel_needs)                     \
    {                                                                                     \
        .name = (kernel_name), .usable = (kernel_usable), .needs = (kernel_needs),        \
        .copy = membus_words_kernel_copy, .copy_strict = membus_words_kernel_copy_strict, \
        .fill = membus_words_kernel_fill, .move = membus_words_kernel_move,               \
    }

#endif
