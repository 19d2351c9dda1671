/* SPDX-License-Identifier: MIT */

/*
 * Counts of calls, by function, size class and calling library.
 *
 * A call is counted under the page that its caller's code is in: a page belongs to one library,
 * and finding out which can wait until the end. The table is fixed, open-addressed, and zero at
 * the start; a slot, once taken, keeps its key.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr, program_invocation_name */
#endif
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <membus/copy.h>

#include "preload.h"

#define SLOTS     4096u /* a power of two: pages of code that call, times functions they call */
#define CLASSES   22u   /* 0, 1, 2, 3-4, 5-8, ... over 512 KiB */
#define LIBRARIES 128u

struct slot {
    _Atomic uintptr_t key; /* page and function; 0: free */
    const void *_Atomic caller;
    _Atomic uint64_t calls[CLASSES];
    _Atomic uint64_t bytes;
};

static struct slot slots[SLOTS];
static struct slot overflow[PRELOAD_FUNCTIONS]; /* calls that found the table full */

/* The class of n: 0 and 1 for themselves, then by powers of two, upper ends included. */
static unsigned class_of(size_t n)
{
    const unsigned c = n <= 1 ? (unsigned)n : 65u - (unsigned)__builtin_clzll(n - 1);

    return c < CLASSES ? c : CLASSES - 1;
}

static struct slot *find_slot(enum preload_function function, const void *caller)
{
    const uintptr_t key = ((uintptr_t)caller >> 12) * PRELOAD_FUNCTIONS + (uintptr_t)function + 1;
    size_t at = (key * UINT64_C(0x9e3779b97f4a7c15)) >> 52;

    for (unsigned tries = 0; tries < SLOTS; tries++, at = (at + 1) & (SLOTS - 1)) {
        uintptr_t found = atomic_load_explicit(&slots[at].key, memory_order_relaxed);

        if (found == 0 && atomic_compare_exchange_strong(&slots[at].key, &found, key)) {
            atomic_store_explicit(&slots[at].caller, caller, memory_order_relaxed);
            return &slots[at];
        }
        if (found == key)
            return &slots[at];
    }
    return &overflow[function];
}

void preload_count(enum preload_function function, size_t n, const void *caller)
{
    struct slot *slot = find_slot(function, caller);

    atomic_fetch_add_explicit(&slot->calls[class_of(n)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&slot->bytes, n, memory_order_relaxed);
}

/* The sums. */

struct library {
    const char *name;
    uint64_t calls, bytes;
};

struct sums {
    uint64_t by_class[CLASSES][PRELOAD_FUNCTIONS];
    uint64_t by_function[PRELOAD_FUNCTIONS];
    uint64_t calls, bytes;
    struct library library[LIBRARIES];
    unsigned libraries;
};

static const char *library_name(const void *caller)
{
    Dl_info info;

    if (!caller || !dladdr(caller, &info) || !info.dli_fname || !*info.dli_fname)
        return "(unknown)";

    const char *slash = strrchr(info.dli_fname, '/');

    return slash ? slash + 1 : info.dli_fname;
}

static struct library *library_of(struct sums *sums, const char *name)
{
    for (unsigned i = 0; i < sums->libraries; i++) {
        if (strcmp(sums->library[i].name, name) == 0)
            return &sums->library[i];
    }
    if (sums->libraries == LIBRARIES)
        return &sums->library[LIBRARIES - 1];
    sums->library[sums->libraries].name = name;
    return &sums->library[sums->libraries++];
}

static void add_slot(struct sums *sums, const struct slot *slot, unsigned function)
{
    struct library *library = library_of(sums, library_name(slot->caller));

    for (unsigned c = 0; c < CLASSES; c++) {
        const uint64_t calls = slot->calls[c];

        sums->by_class[c][function] += calls;
        sums->by_function[function] += calls;
        sums->calls += calls;
        library->calls += calls;
    }
    sums->bytes += slot->bytes;
    library->bytes += slot->bytes;
}

static void add_all(struct sums *sums)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].key)
            add_slot(sums, &slots[i], (unsigned)((slots[i].key - 1) % PRELOAD_FUNCTIONS));
    }
    for (unsigned f = 0; f < PRELOAD_FUNCTIONS; f++) {
        if (overflow[f].bytes)
            add_slot(sums, &overflow[f], f);
    }
}

static void sort_libraries(struct sums *sums)
{
    for (unsigned i = 1; i < sums->libraries; i++) {
        const struct library moved = sums->library[i];
        unsigned j = i;

        for (; j > 0 && sums->library[j - 1].calls < moved.calls; j--)
            sums->library[j] = sums->library[j - 1];
        sums->library[j] = moved;
    }
}

/* "1", "3-4", "513-1K": the sizes in a class. */
static void class_name(char *name, size_t size, unsigned c)
{
    static const char *const unit[] = {"", "K"};
    const uint64_t last = c <= 1 ? c : UINT64_C(1) << (c - 1), k = last >= 1024;

    if (c == CLASSES - 1)
        snprintf(name, size, "over %" PRIu64 "K", (UINT64_C(1) << (c - 2)) / 1024);
    else if (c <= 2)
        snprintf(name, size, "%" PRIu64, last);
    else
        snprintf(name, size, "%" PRIu64 "-%" PRIu64 "%s", last / 2 + 1, k ? last / 1024 : last,
                 unit[k]);
}

static void print_classes(FILE *to, const struct sums *sums)
{
    fprintf(to, "  %-14s %12s %12s %12s %12s %12s\n", "bytes", "memcpy", "memmove", "mempcpy",
            "memset", "bcopy");
    for (unsigned c = 0; c < CLASSES; c++) {
        uint64_t all = 0;
        char name[32];

        for (unsigned f = 0; f < PRELOAD_FUNCTIONS; f++)
            all += sums->by_class[c][f];
        if (all == 0)
            continue;
        class_name(name, sizeof(name), c);
        fprintf(to, "  %-14s", name);
        for (unsigned f = 0; f < PRELOAD_FUNCTIONS; f++)
            fprintf(to, " %12" PRIu64, sums->by_class[c][f]);
        fprintf(to, "\n");
    }
    fprintf(to, "  %-14s", "all");
    for (unsigned f = 0; f < PRELOAD_FUNCTIONS; f++)
        fprintf(to, " %12" PRIu64, sums->by_function[f]);
    fprintf(to, "\n");
}

static void print_libraries(FILE *to, const struct sums *sums)
{
    fprintf(to, "  %-32s %12s %7s %16s\n", "called from", "calls", "share", "bytes");
    for (unsigned i = 0; i < sums->libraries; i++) {
        const struct library *l = &sums->library[i];

        fprintf(to, "  %-32s %12" PRIu64 " %5.1f %% %16" PRIu64 "\n", l->name, l->calls,
                100.0 * (double)l->calls / (double)(sums->calls ? sums->calls : 1), l->bytes);
    }
}

void preload_print(int fd)
{
    static struct sums sums;
    char *text = NULL;
    size_t size = 0;
    FILE *const to = open_memstream(&text, &size);

    if (!to)
        return;
    add_all(&sums);
    sort_libraries(&sums);
    fprintf(to, "membus-preload: %s (pid %d): %" PRIu64 " calls, %" PRIu64 " bytes, kernel %s\n",
            program_invocation_short_name, (int)getpid(), sums.calls, sums.bytes,
            membus_kernel_name());
    print_classes(to, &sums);
    print_libraries(to, &sums);
    /* One write: programs that share the file or the terminal may end at the same time. */
    if (fclose(to) == 0 && write(fd, text, size) < 0) {
        /* nowhere to say it */
    }
    free(text);
}
