/* SPDX-License-Identifier: MIT */

/*
 * `generic`: portable C, complete on its own, and the oracle the other kernels are compared with.
 * Built with MEMBUS_FORCE_GENERIC on every architecture, so what is tested on one is the code
 * that an architecture without a folder of its own gets.
 */

#include "kernel.h"
#include "move.h"
#include "words.h"

static bool usable(void)
{
    return true;
}

static void *copy(void *dst, const void *src, size_t n)
{
    return membus_words_copy(dst, src, n, MEMBUS_WORDS_LOOSE);
}

static void *copy_strict(void *dst, const void *src, size_t n)
{
    return membus_words_copy(dst, src, n, MEMBUS_WORDS_STRICT);
}

static void *fill(void *dst, int value, size_t n)
{
    return membus_words_fill(dst, value, n);
}

static void *move(void *dst, const void *src, size_t n)
{
    return membus_move_windowed(dst, src, n, copy);
}

const struct membus_kernel membus_kernel_generic = {
    .name = "generic",
    .usable = usable,
    .copy = copy,
    .copy_strict = copy_strict,
    .fill = fill,
    .move = move,
};
