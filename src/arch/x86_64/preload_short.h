/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_PRELOAD_SHORT_H
#define MEMBUS_X86_64_PRELOAD_SHORT_H

/* What the preload library's functions do themselves, without the jump to the kernel. */

#include "arch/x86_64/entries.h"
#include "arch/x86_64/fill_short.h"
#include "kernel.h"

MEMBUS_INLINE size_t preload_short_end(const struct membus_kernel *kernel)
{
    return kernel->entry >= ENTRY_AVX512 ? MEMBUS_FILL_SHORT_END : 0;
}

#define preload_fill_is_short membus_fill_is_short
#define preload_fill_short    membus_fill_short

#endif
