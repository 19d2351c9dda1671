/* SPDX-License-Identifier: MIT */

/*
 * Guarded transfers between two mappings. RAM goes through the guarded copies; where either side
 * is a device, what is loaded passes through a stage of this function's own, so that each side
 * keeps its widths, and every byte of a device is loaded once (L2).
 *
 * A device that faults on a load has no more bytes to give: from there on all ones are stored, as
 * a PCI host bridge would answer (G3). RAM that faults ends the transfer there.
 */

#include <string.h>

#include "guard.h"
#include "guard_move.h"
#include "move.h"
#include "side.h"
#include "words.h"

/* A transfer under way. */
struct course {
    struct membus_side dst, src;
    struct membus_guard_trap trap; /* of the first fault */
    bool ended;                    /* the source gives no more bytes */
    size_t arrived;                /* bytes the source gave */
};

static uint64_t load_native(const char *ram, unsigned width)
{
    switch (width) {
    case 1:
        return membus_ram_load_8(ram);
    case 2:
        return membus_ram_load_16(ram);
    case 4:
        return membus_ram_load_32(ram);
    default:
        return membus_ram_load_64(ram);
    }
}

static void store_native(char *ram, uint64_t value, unsigned width)
{
    membus_word_fill(ram, value, width); /* the value's low bytes, whatever they are */
}

/* Loads into RAM that is aligned as src is modulo a line; returns the bytes loaded. */
static size_t side_load(const struct membus_side *side, char *ram, const char *src, size_t n,
                        struct membus_guard_trap *trap)
{
    size_t done = 0;

    if (side->ram)
        return membus_guard_ram(ram, src, n, false, trap);
    while (done < n) {
        const size_t blocks = membus_side_blocks(side, (uintptr_t)src + done, n - done);
        unsigned width;
        uint64_t value;

        if (blocks) {
            const size_t part = blocks * side->block;
            const size_t got =
                membus_arch_guard_blocks(ram + done, src + done, part, side->block, trap);

            done += got;
            if (got < part)
                return done;
            continue;
        }
        width = membus_side_width(side, (uintptr_t)src + done, n - done);
        membus_side_order(side);
        if (!membus_arch_guard_load(src + done, width, &value, trap))
            return done;
        store_native(ram + done, value, width);
        done += width;
    }
    return done;
}

/* Stores from RAM, the last element last, behind `before` bytes of the same transfer; returns the
 * bytes stored. */
static size_t side_store(const struct membus_side *side, char *dst, const char *ram, size_t n,
                         size_t before, struct membus_guard_trap *trap)
{
    size_t done = 0;

    if (side->ram)
        return membus_guard_part(dst, ram, n, before, side->strict, trap);
    while (done < n) {
        const size_t blocks = membus_side_blocks(side, (uintptr_t)dst + done, n - done);
        const unsigned width = membus_side_width(side, (uintptr_t)dst + done, n - done);
        const size_t part = blocks ? blocks * side->block : width;
        size_t put;

        if (side->strict || part == n - done)
            membus_side_publish(side);
        membus_side_order(side);
        if (blocks)
            put = membus_arch_guard_blocks(dst + done, ram + done, part, side->block, trap);
        else
            put = membus_arch_guard_store(dst + done, width, load_native(ram + done, width), trap)
                      ? width
                      : 0;
        done += put;
        if (put < part)
            return done;
    }
    return done;
}

/* The next n bytes of the source into RAM: its own, then all ones after a device's fault. Returns
 * the bytes that may be stored. */
static size_t fetch(struct course *c, char *ram, const char *src, size_t n)
{
    size_t got = 0;

    if (!c->ended) {
        got = side_load(&c->src, ram, src, n, &c->trap);
        c->ended = got < n;
        c->arrived += got;
    }
    if (c->src.mapping->mode == MEMBUS_CACHE_NORMAL)
        return got - got % c->dst.least;
    memset(ram + got, 0xff, n - got); /* the stage is nobody else's */
    return n;
}

/* Through the stage: stores end where the destination is at a line, loads where the source is, so
 * that neither tears an element at a chunk's end. Returns the bytes stored. */
static size_t staged(struct course *c, char *dst, const char *src, size_t n)
{
    char memory[MEMBUS_STAGE + 4 * MEMBUS_LINE];
    char *const line = memory + (-(uintptr_t)memory & (MEMBUS_LINE - 1));
    size_t stored = 0, loaded = 0;

    while (stored < n) {
        char *const stage = line + ((uintptr_t)(src + stored) & (MEMBUS_LINE - 1));
        size_t edge = n, want;

        if (n - stored > MEMBUS_STAGE)
            edge =
                stored + MEMBUS_STAGE - membus_side_past_line(&c->dst, dst, stored + MEMBUS_STAGE);
        want = membus_side_aligned(&c->src, (uintptr_t)src) ? (uintptr_t)(src + edge) : edge;
        want = edge + (-want & (MEMBUS_LINE - 1));
        want = want < n ? want : n;
        if (want > loaded)
            loaded += fetch(c, stage + (loaded - stored), src + loaded, want - loaded);
        if (loaded < edge) {
            n = loaded; /* RAM that ended */
            edge = loaded;
        }

        struct membus_guard_trap trap;
        const size_t put = side_store(&c->dst, dst + stored, stage, edge - stored, stored, &trap);

        if (put < edge - stored) {
            c->trap = trap;
            return stored + put;
        }
        stored = edge;
        memmove(line + ((uintptr_t)(src + stored) & (MEMBUS_LINE - 1)), stage + put,
                loaded > stored ? loaded - stored : 0);
    }
    return stored;
}

/* An overlap of devices: all of it through one window. */
static size_t windowed(struct course *c, char *dst, const char *src, size_t n)
{
    char memory[MEMBUS_MOVE_EXACT + 2 * MEMBUS_LINE];
    char *window = memory + (-(uintptr_t)memory & (MEMBUS_LINE - 1));
    struct membus_guard_trap trap;

    window += (uintptr_t)src & (MEMBUS_LINE - 1);
    n = fetch(c, window, src, n);

    const size_t put = side_store(&c->dst, dst, window, n, 0, &trap);

    if (put < n)
        c->trap = trap;
    return put;
}

/* One access on each side (W2); a device's fault is all ones here too. */
static size_t whole(struct course *c, char *dst, const char *src, unsigned width)
{
    struct membus_guard_trap trap;
    uint64_t value;

    if (c->dst.strict)
        membus_side_publish(&c->dst);
    membus_side_order(&c->src);
    if (membus_arch_guard_load(src, width, &value, &c->trap)) {
        c->arrived = width;
    } else {
        c->ended = true;
        if (c->src.mapping->mode == MEMBUS_CACHE_NORMAL)
            return 0;
        value = UINT64_MAX;
    }
    membus_side_order(&c->dst);
    if (membus_arch_guard_store(dst, width, value, &trap))
        return width;
    c->trap = trap;
    return 0;
}

/* What the result says beside the bytes. */
static unsigned describe(const struct course *c, uintptr_t to, size_t n, bool is_whole,
                         bool overlapping)
{
    return (c->dst.strict ? MEMBUS_DELIVERED_STRICT : 0) |
           (membus_side_tears(&c->dst, to, n) ? MEMBUS_DELIVERED_TORN : 0) |
           (is_whole ? MEMBUS_DELIVERED_WHOLE : 0) |
           (!is_whole && membus_is_power(n) ? MEMBUS_DELIVERED_SPLIT : 0) |
           (!is_whole && overlapping ? MEMBUS_DELIVERED_EXACT : 0);
}

static struct membus_result failed(int error)
{
    return (struct membus_result){error, 0, 0};
}

struct membus_result membus_guard_transfer(const struct membus_mapping *dst, size_t dst_offset,
                                           const struct membus_mapping *src, size_t src_offset,
                                           size_t n, unsigned flags, struct membus_fault *fault)
{
    const bool strict = flags & MEMBUS_ORDER_STRICT;
    const int error = membus_transfer_check(dst, dst_offset, src, src_offset, n, flags);

    if (error || n == 0)
        return failed(error);

    struct course c = {.ended = false};

    membus_side_init(&c.dst, dst, strict);
    membus_side_init(&c.src, src, false);

    char *to = (char *)dst->addr + dst_offset;
    const char *from = (const char *)src->addr + src_offset;
    const bool ram = c.dst.ram && c.src.ram, overlapping = membus_move_needs_window(to, from, n);
    const bool is_whole =
        membus_is_element(n) && membus_sides_whole(&c.dst, dst_offset, &c.src, src_offset, n);

    /* Memory that only system calls reach (s390x PCI) faults in the kernel, which says so. */
    if (!c.dst.rule->direct || !c.src.rule->direct ||
        !membus_side_takes(&c.dst, (uintptr_t)to, n) ||
        !membus_side_takes(&c.src, (uintptr_t)from, n))
        return failed(-EOPNOTSUPP);
    if (overlapping && !is_whole &&
        ((flags & MEMBUS_OVERLAP_REFUSE) ||
         (ram ? membus_guard_move_need(to, from, n) : n) > MEMBUS_MOVE_EXACT))
        return failed(-ENOBUFS);

    const size_t stored = is_whole      ? whole(&c, to, from, (unsigned)n)
                          : ram         ? membus_guard_move_ram(to, from, n, strict, &c.trap)
                          : overlapping ? windowed(&c, to, from, n)
                                        : staged(&c, to, from, n);
    const bool short_of = stored < n || c.ended;

    if (c.dst.rule->weak)
        membus_barrier_flush_wc();
    if (short_of && fault)
        *fault = c.trap.fault;
    return (struct membus_result){
        short_of ? -EFAULT : 0,
        describe(&c, (uintptr_t)to, n, is_whole, overlapping),
        c.ended && c.arrived < stored ? c.arrived : stored,
    };
}
