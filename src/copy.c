/* SPDX-License-Identifier: MIT */
#include <membus/copy.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

/* The functions themselves are defined here, not their inlined forms. */
#undef membus_copy
#undef membus_move

/* The kernel in use; NULL until the first call. Written with the same value by whoever comes
 * first, so a race is harmless, and no constructor has to have run. */
static const struct membus_kernel *_Atomic active;

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

/* Out of line, so that the hot path is a load, a test and an indirect jump. */
static __attribute__((noinline, cold)) const struct membus_kernel *first_use(void)
{
    const struct membus_kernel *none = NULL;

    atomic_compare_exchange_strong(&active, &none, choose());
    return atomic_load(&active);
}

const struct membus_kernel *membus_kernel_get(void)
{
    const struct membus_kernel *kernel = atomic_load_explicit(&active, memory_order_acquire);

    return __builtin_expect(kernel != NULL, 1) ? kernel : first_use();
}

void *membus_copy(void *dst, const void *src, size_t n)
{
    return membus_kernel_get()->copy(dst, src, n);
}

void *membus_move(void *dst, const void *src, size_t n)
{
    return membus_kernel_get()->move(dst, src, n);
}

void *membus_fill(void *dst, int value, size_t n)
{
    return membus_kernel_get()->fill(dst, value, n);
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
    atomic_store(&active, kernel);
    return 0;
}
