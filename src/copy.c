/* SPDX-License-Identifier: MIT */
#include <membus/copy.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "words.h"

/* The functions themselves are defined here, not their inlined forms. */
#undef membus_copy
#undef membus_move

static void *first_copy(void *dst, const void *src, size_t n);
static void *first_strict(void *dst, const void *src, size_t n);
static void *first_move(void *dst, const void *src, size_t n);
static void *first_fill(void *dst, int value, size_t n);

/*
 * The kernel in use and its functions, so that a copy is one indirect jump away. The first call
 * of any of them chooses; a race is harmless, because all come to the same choice, and no
 * constructor has to have run.
 */
const struct membus_kernel *_Atomic membus_kernel_active;
#ifdef MEMBUS_ARCH_ENTRIES
_Atomic unsigned char membus_kernel_entry;
#endif
static void *(*_Atomic active_copy)(void *, const void *, size_t) = first_copy;
static void *(*_Atomic active_strict)(void *, const void *, size_t) = first_strict;
static void *(*_Atomic active_move)(void *, const void *, size_t) = first_move;
static void *(*_Atomic active_fill)(void *, int, size_t) = first_fill;

static void activate(const struct membus_kernel *kernel)
{
    atomic_store_explicit(&active_copy, kernel->copy, memory_order_relaxed);
    atomic_store_explicit(&active_strict, kernel->copy_strict, memory_order_relaxed);
    atomic_store_explicit(&active_move, kernel->move, memory_order_relaxed);
    atomic_store_explicit(&active_fill, kernel->fill, memory_order_relaxed);
    atomic_store_explicit(&membus_kernel_active, kernel, memory_order_relaxed);
#ifdef MEMBUS_ARCH_ENTRIES
    atomic_store_explicit(&membus_kernel_entry, kernel->entry, memory_order_relaxed);
#endif
}

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

    while (!membus_arch_kernels[i]->usable())
        i++; /* the last one, generic, always is */
    return membus_arch_kernels[i];
}

static const struct membus_kernel *choose(void)
{
    const char *name = getenv("MEMBUS_KERNEL");

    if (!name || !*name)
        return best();

    const struct membus_kernel *kernel = find(name);

    if (kernel && kernel->usable())
        return kernel;
    fprintf(stderr, "membus: MEMBUS_KERNEL=%s: %s; using %s\n", name,
            kernel ? "this CPU cannot run it" : "no such kernel", best()->name);
    return best();
}

const struct membus_kernel *membus_kernel_first(void)
{
    const struct membus_kernel *kernel = choose();

    activate(kernel);
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
    return atomic_load_explicit(&active_copy, memory_order_relaxed)(dst, src, n);
}

void *ENTRY(membus_move)(void *dst, const void *src, size_t n)
{
    return atomic_load_explicit(&active_move, memory_order_relaxed)(dst, src, n);
}

void *membus_copy_strict(void *dst, const void *src, size_t n)
{
    membus_words_order(true);
    return atomic_load_explicit(&active_strict, memory_order_relaxed)(dst, src, n);
}

void *membus_fill(void *dst, int value, size_t n)
{
    return atomic_load_explicit(&active_fill, memory_order_relaxed)(dst, value, n);
}

const char *membus_kernel_name(void)
{
    return membus_kernel_get()->name;
}

const char *membus_kernel_usable(unsigned i)
{
    for (unsigned k = 0; membus_arch_kernels[k]; k++) {
        if (membus_arch_kernels[k]->usable() && i-- == 0)
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
    activate(kernel);
    return 0;
}
