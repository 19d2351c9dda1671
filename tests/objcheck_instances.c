/* SPDX-License-Identifier: MIT */

/*
 * Every accessor of membus/access.h and membus/arch.h out of line, under a name of its own: what
 * `membus objcheck` reads, for each architecture, compiler and level of optimization.
 */

#include <membus/access.h>

#define LOAD(family, verb, width, suffix)                                  \
    uint##width##_t check_membus_##family##_##verb##suffix(const void *p); \
    uint##width##_t check_membus_##family##_##verb##suffix(const void *p)  \
    {                                                                      \
        return membus_##family##_##verb##suffix(p);                        \
    }

#define STORE(family, verb, width, suffix)                                   \
    void check_membus_##family##_##verb##suffix(void *p, uint##width##_t v); \
    void check_membus_##family##_##verb##suffix(void *p, uint##width##_t v)  \
    {                                                                        \
        membus_##family##_##verb##suffix(p, v);                              \
    }

#define BOTH(family, load, store, width, suffix) \
    LOAD(family, load, width, suffix)            \
    STORE(family, store, width, suffix)

#define RAM(width)                         \
    BOTH(ram, load_, store_, width, width) \
    BOTH(arch, load_, store_, width, width)
#define RAM_ENDIAN(width)                      \
    BOTH(ram, load_, store_, width, le##width) \
    BOTH(ram, load_, store_, width, be##width)
#define MMIO(width)                         \
    BOTH(mmio, read_, write_, width, width) \
    BOTH(mmio, read_, write_, width, width##_relaxed)
#define MMIO_ENDIAN(width)                                \
    BOTH(mmio, read_, write_, width, le##width)           \
    BOTH(mmio, read_, write_, width, be##width)           \
    BOTH(mmio, read_, write_, width, le##width##_relaxed) \
    BOTH(mmio, read_, write_, width, be##width##_relaxed)

RAM(8)
RAM(16)
RAM(32)
RAM_ENDIAN(16)
RAM_ENDIAN(32)
#if MEMBUS_ARCH_WORD >= 8
RAM(64)
RAM_ENDIAN(64)
#endif

#if MEMBUS_ARCH_MMIO_WIDTH > 0
MMIO(8)
MMIO(16)
MMIO(32)
MMIO_ENDIAN(16)
MMIO_ENDIAN(32)
#endif
#if MEMBUS_ARCH_MMIO_WIDTH >= 8
MMIO(64)
MMIO_ENDIAN(64)
#endif
