/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_MAPPING_H
#define MEMBUS_MAPPING_H

/*
 * Mappings: what this host may do to a piece of memory.
 *
 * A *mapping* is a range of host virtual addresses and what is known of how the *host* maps it:
 * its *cache mode*. What a guest does with its own mapping of the same memory says nothing here.
 * User space never chooses a device's mode: the driver maps and reports (see membus/vfio.h).
 * Where nobody says, the mode is UNKNOWN and treated as the strictest of all.
 *
 * There is no "directly accessible" bit. The question is asked for every operation:
 * may *this* access (load or store, width, alignment, vector or scalar) be made *here*?
 * membus_mapping_permit() answers from one constant table per architecture, whose rows name the
 * manual they come from, narrowed by the mapping's own *policy* (a device may be pickier than
 * its bus: 32-bit registers only, say).
 *
 * Example:
 *
 *     struct membus_mapping bar = membus_mapping_device(ptr, size, MEMBUS_CACHE_NONCACHED);
 *     struct membus_permit may = membus_mapping_permit(&bar, 0x12, 4, MEMBUS_ACCESS_STORE);
 *     // x86-64: MEMBUS_WAY_INSTRUCTION (the bus may split it); arm64: MEMBUS_WAY_SPLIT, width 2
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the host maps a range. The values are those of VFIO_REGION_INFO_CAP_MMAP_CACHE_MODE. */
enum membus_cache_mode {
    MEMBUS_CACHE_UNKNOWN = 0,      /* nobody says: the strictest rules */
    MEMBUS_CACHE_NORMAL = 1,       /* write-back: RAM, memfd, a BAR the driver maps cacheable */
    MEMBUS_CACHE_WRITECOMBINE = 2, /* pgprot_writecombine */
    MEMBUS_CACHE_DEVICE = 3,       /* pgprot_device */
    MEMBUS_CACHE_NONCACHED = 4,    /* pgprot_noncached */
    MEMBUS_CACHE_MODES
};

/* A region's own limits, on top of the mapping's. All zero: no limit of its own. */
struct membus_policy {
    uint8_t width_min; /* least width of an access in bytes: 1, 2, 4, 8; 0 = 1 */
    uint8_t width_max; /* greatest width in bytes: 1, 2, 4, 8 (and 16, 32, 64); 0 = no limit */
    bool aligned;      /* every access aligned to its width */
    bool no_vector;    /* no vector access */
};

/* A range of host memory. Plain data: copy it freely. Valid while the memory stays mapped. */
struct membus_mapping {
    void *addr;
    size_t size; /* bytes; addr + size does not wrap */
    enum membus_cache_mode mode;
    struct membus_policy policy;
};

/* What an access is, for membus_mapping_permit(): one of LOAD and STORE, and VECTOR or not. */
#define MEMBUS_ACCESS_LOAD   0u
#define MEMBUS_ACCESS_STORE  1u
#define MEMBUS_ACCESS_VECTOR 2u

/* How an access may be made, worst first. */
enum membus_way {
    MEMBUS_WAY_REFUSED,     /* not at all */
    MEMBUS_WAY_SPLIT,       /* in several accesses, ascending (W2) */
    MEMBUS_WAY_INSTRUCTION, /* in one instruction, which the bus may split */
    MEMBUS_WAY_WHOLE        /* in one access: nobody sees half of it */
};

/* One row of an architecture's table. */
struct membus_rule {
    enum membus_cache_mode mode;
    bool direct;                /* loads and stores reach the memory at all */
    enum membus_way unaligned;  /* what an unaligned scalar access is */
    uint8_t width_scalar;       /* widest scalar access, bytes */
    uint8_t width_atomic;       /* widest aligned access that nobody sees half of, bytes */
    uint8_t width_vector;       /* widest vector access, bytes; 0 = vectors forbidden */
    uint8_t width_vector_least; /* a vector access must be wider than this, bytes */
    bool weak;                  /* stores may merge and pass each other until a flush_wc barrier */
    const char *source;         /* manual and section */
};

/* The answer: the way, and for SPLIT the widest piece. */
struct membus_permit {
    enum membus_way way;
    unsigned width;                 /* bytes of the widest access it takes; 0 when refused */
    int error;                      /* 0, or why it is refused: -ERANGE, -EINVAL, -EOPNOTSUPP */
    const struct membus_rule *rule; /* the row that decided */
};

/* RAM: `size` bytes at `addr`, mapped write-back (memfd, file, anonymous memory). */
MEMBUS_INLINE struct membus_mapping membus_mapping_ram(void *addr, size_t size)
{
    struct membus_mapping m = {addr, size, MEMBUS_CACHE_NORMAL, {0, 0, false, false}};

    return m;
}

/* Device memory: `size` bytes at `addr`, mapped as the driver reported. */
MEMBUS_INLINE struct membus_mapping membus_mapping_device(void *addr, size_t size,
                                                          enum membus_cache_mode mode)
{
    struct membus_mapping m = {addr, size, mode, {0, 0, false, false}};

    return m;
}

/*
 * May `n` bytes be accessed as one access at `offset` of `m`, and how?
 *
 * Args:    m       the mapping
 *          offset  bytes from its start; the alignment that counts is that of addr + offset
 *          width   bytes: 1, 2, 4, 8, and with MEMBUS_ACCESS_VECTOR 16, 32, 64
 *          access  MEMBUS_ACCESS_LOAD or _STORE, or-ed with MEMBUS_ACCESS_VECTOR
 * Returns: the permit. Refused with -ERANGE outside the mapping, -EINVAL when the width is not
 *          one of those, -EOPNOTSUPP when neither the access nor a split of it is allowed: the
 *          host has no such access there, or the policy's least width forbids the pieces.
 * Who:     any thread.
 */
MEMBUS_API struct membus_permit membus_mapping_permit(const struct membus_mapping *m, size_t offset,
                                                      unsigned width, unsigned access);

/* The row of this host's table for `mode`; never NULL (a value out of range reads as UNKNOWN). */
MEMBUS_API const struct membus_rule *membus_mapping_rule(enum membus_cache_mode mode);

/* 0 if [offset, offset + n) lies within the mapping, else -ERANGE. */
MEMBUS_API int membus_mapping_check(const struct membus_mapping *m, size_t offset, size_t n);

/* "NORMAL", "WRITECOMBINE", "DEVICE", "NONCACHED" or "UNKNOWN"; never NULL. */
MEMBUS_API const char *membus_cache_mode_name(enum membus_cache_mode mode);

/* The mode of that name (any case) into *mode; returns 0, or -EINVAL for no such name. */
MEMBUS_API int membus_cache_mode_parse(enum membus_cache_mode *mode, const char *name);

#ifdef __cplusplus
}
#endif

#endif
