/* SPDX-License-Identifier: MIT */

/*
 * Records a program's calls of memcpy, memmove and memset, in order, for bench_preload:
 *
 *   LD_PRELOAD=libpreload_trace.so TRACE=FILE PROGRAM...
 *
 * Sizes alone do not say what a program asks for: the order decides what branch prediction learns,
 * and the addresses what lies aligned. The copies themselves are made by single accesses, from the
 * first instruction of the dynamic loader on.
 */

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "preload_trace.h"
#include "words.h"

#define EXPORT __attribute__((visibility("default")))

static struct trace_call *calls; /* NULL: not recording */
static _Atomic uint32_t used;

static __attribute__((constructor)) void begin(void)
{
    const size_t size = TRACE_CALLS * sizeof(*calls);
    const char *path = getenv("TRACE");
    const int fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    void *map;

    if (fd < 0)
        return;
    if (ftruncate(fd, (off_t)size) == 0) {
        map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        calls = map == MAP_FAILED ? NULL : map;
    }
    close(fd);
}

static void record(uint32_t function, size_t n, const void *dst, const void *src)
{
    uint32_t i;

    if (!calls || n > UINT32_MAX)
        return;
    i = atomic_fetch_add_explicit(&used, 1, memory_order_relaxed);
    if (i < TRACE_CALLS)
        calls[i] = (struct trace_call){(uint32_t)n, function, (uintptr_t)dst, (uintptr_t)src};
}

EXPORT void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    record(TRACE_MEMCPY, n, dst, src);
    return membus_words_copy(dst, src, n, MEMBUS_WORDS_LOOSE);
}

EXPORT void *memmove(void *dst, const void *src, size_t n)
{
    record(TRACE_MEMMOVE, n, dst, src);
    if ((uintptr_t)dst - (uintptr_t)src >= n)
        return membus_words_copy(dst, src, n, MEMBUS_WORDS_LOOSE);
    while (n--)
        membus_ram_store_8((char *)dst + n, membus_ram_load_8((const char *)src + n));
    return dst;
}

EXPORT void *memset(void *dst, int value, size_t n)
{
    record(TRACE_MEMSET, n, dst, NULL);
    return membus_words_fill(dst, value, n);
}
