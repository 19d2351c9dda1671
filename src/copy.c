/* SPDX-License-Identifier: MIT */
#include <membus/copy.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kernel.h"
#include "words.h"

/* The functions themselves are defined here, not their inlined forms. */
#undef membus_copy
#undef membus_move

static void *first_copy(void *dst, const void *src, size_t n);
static void *first_strict(void *dst, const void *src, size_t n);
static void *first_move(void *dst, const void *src, size_t n);
static void *first_fill(void *dst, int value, size_t n);

/* Each chooses, at the first call of any of them. No constructor has to have run. */
const struct membus_kernel membus_kernel_unchosen = {
    .copy = first_copy,
    .copy_strict = first_strict,
    .fill = first_fill,
    .move = first_move,
};

const struct membus_kernel *_Atomic membus_kernel_active = &membus_kernel_unchosen;

static const struct membus_kernel *find(const char *name)
{
    for (unsigned i = 0; membus_arch_kernels[i]; i++) {
        if (strcmp(membus_arch_kernels[i]->name, name) == 0)
            return membus_arch_kernels[i];
    }
    return NULL;
}

static const struct membus_kernel *best(void)
{
    unsigned i = 0;

    while (!membus_arch_kernels[i]->usable() ||
           (membus_arch_kernels[i]->is_second && membus_arch_kernels[i]->is_second()))
        i++; /* the last one, generic, always is, and never second */
    return membus_arch_kernels[i];
}

/* Without stdio, whose lock another thread may hold, or this one below a signal handler. */
static void complain(const char *name, const char *what, const char *instead)
{
    const char *const parts[] = {
        "membus: MEMBUS_KERNEL=", name, ": ", what, "; using ", instead, "\n"};
    struct iovec line[sizeof(parts) / sizeof(*parts)];

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        line[i] = (struct iovec){(void *)(uintptr_t)parts[i], strlen(parts[i])};
    if (writev(STDERR_FILENO, line, sizeof(parts) / sizeof(*parts)) < 0)
        return; /* nowhere to say it */
}

const struct membus_kernel *membus_kernel_first(void)
{
    const char *const name = getenv("MEMBUS_KERNEL");
    const struct membus_kernel *const wanted = name && *name ? find(name) : NULL;
    const struct membus_kernel *const kernel = wanted && wanted->usable() ? wanted : best();
    const struct membus_kernel *was = &membus_kernel_unchosen;

    /* Another thread, or membus_kernel_select(), may have been faster: theirs stays. */
    if (!atomic_compare_exchange_strong_explicit(&membus_kernel_active, &was, kernel,
                                                 memory_order_relaxed, memory_order_relaxed))
        return was;
    if (name && *name && kernel != wanted)
        complain(name, wanted ? "this CPU cannot run it" : "no such kernel", kernel->name);
    return kernel;
}

static void *first_copy(void *dst, const void *src, size_t n)
{
    return membus_kernel_get()->copy(dst, src, n);
}

static void *first_strict(void *dst, const void *src, size_t n)
{
    return membus_kernel_get()->copy_strict(dst, src, n);
}

static void *first_move(void *dst, const void *src, size_t n)
{
    return membus_kernel_get()->move(dst, src, n);
}

static void *first_fill(void *dst, int value, size_t n)
{
    return membus_kernel_get()->fill(dst, value, n);
}

#ifdef MEMBUS_ARCH_ENTRIES
#define ENTRY(name) name##_chosen
#else
#define ENTRY(name) name
#endif

void *ENTRY(membus_copy)(void *dst, const void *src, size_t n)
{
    return membus_kernel_in_use()->copy(dst, src, n);
}

void *ENTRY(membus_move)(void *dst, const void *src, size_t n)
{
    return membus_kernel_in_use()->move(dst, src, n);
}

void *membus_copy_strict(void *dst, const void *src, size_t n)
{
    membus_words_order(true);
    return membus_kernel_in_use()->copy_strict(dst, src, n);
}

void *membus_fill(void *dst, int value, size_t n)
{
    return membus_kernel_in_use()->fill(dst, value, n);
}

const char *membus_kernel_name(void)
{
    return membus_kernel_get()->name;
}

const char *membus_kernel_usable(unsigned i)
{
    const struct membus_kernel *const first = best();

    if (i == 0)
        return first->name;
    for (unsigned k = 0; membus_arch_kernels[k]; k++) {
        if (membus_arch_kernels[k]->usable() && membus_arch_kernels[k] != first && --i == 0)
            return membus_arch_kernels[k]->name;
    }
    return NULL;
}

int membus_kernel_select(const char *name)
{
    const struct membus_kernel *kernel = find(name);

    if (!kernel)
        return -ENOENT;
    if (!kernel->usable())
        return -EOPNOTSUPP;
    atomic_store_explicit(&membus_kernel_active, kernel, memory_order_relaxed);
    return 0;
}
