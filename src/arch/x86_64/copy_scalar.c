/* SPDX-License-Identifier: MIT */

/* `scalar`: general registers only. For a CPU without AVX2, and where vector state is not to be
 * touched. */

#include "kernels.h"
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

/* Stores are seen in program order (SDM 9.2.2): strict order costs nothing but width. */
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

const struct membus_kernel membus_kernel_scalar = {
    .name = "scalar",
    .usable = usable,
    .copy = copy,
    .copy_strict = copy_strict,
    .fill = fill,
    .move = move,
};
