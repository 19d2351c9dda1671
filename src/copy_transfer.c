/* SPDX-License-Identifier: MIT */

/*
 * Transfers between two mappings. Each has a *side*: how its memory may be touched. RAM goes
 * through the kernels; a device goes element by element, each as wide as the mapping, the policy
 * and the address allow, and by aligned vectors where those are allowed. What is loaded from a
 * device passes through a stage, so that each side keeps widths of its own.
 */

#include <membus/copy.h>

#include <errno.h>

#include "kernel.h"
#include "move.h"
#include "side.h"
#include "words.h"

/* A transfer's two sides, as a mover for the overlapping ones. */
struct transfer {
    struct membus_mover mover;
    struct membus_side dst, src;
};

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* One load of an element of the mapping. */
static void load_element(const struct membus_side *side, char *ram, const char *src, unsigned width)
{
    membus_side_order(side);
    if (side->rule->direct)
        membus_word_copy(ram, src, width);
    else
        side->host->device_load(ram, src, width);
}

static void store_element(const struct membus_side *side, char *dst, const char *ram,
                          unsigned width)
{
    membus_side_order(side);
    if (side->rule->direct)
        membus_word_copy(dst, ram, width);
    else
        side->host->device_store(dst, ram, width);
}

/* Loads [src, src + n) of the mapping into RAM, each byte once, ascending (L2). */
static void side_load(const struct membus_side *side, char *ram, const char *src, size_t n)
{
    if (side->ram) {
        side->kernel->copy(ram, src, n);
        return;
    }
    while (n) {
        size_t blocks = membus_side_blocks(side, (uintptr_t)src, n);
        size_t b = blocks ? blocks * side->block : membus_side_width(side, (uintptr_t)src, n);

        if (blocks)
            side->kernel->load_blocks(ram, src, blocks);
        else
            load_element(side, ram, src, (unsigned)b);
        ram += b;
        src += b;
        n -= b;
    }
}

/* Stores n bytes of RAM into the mapping, ascending, the last element last (W4, W5). */
static void side_store(const struct membus_side *side, char *dst, const char *ram, size_t n)
{
    if (side->ram) {
        if (side->strict)
            membus_copy_part(side->kernel->copy_strict, dst, ram, n);
        else
            membus_copy_part(side->kernel->copy, dst, ram, n);
        return;
    }
    while (n) {
        size_t blocks = membus_side_blocks(side, (uintptr_t)dst, n);
        size_t b = blocks ? blocks * side->block : membus_side_width(side, (uintptr_t)dst, n);

        if (side->strict || b == n)
            membus_side_publish(side);
        if (blocks)
            side->kernel->store_blocks(dst, ram, blocks);
        else
            store_element(side, dst, ram, (unsigned)b);
        dst += b;
        ram += b;
        n -= b;
    }
}

/*
 * From a device: through a stage. Stores end where the destination is at a line, loads where the
 * source is, so that neither tears an element at a chunk's end; what was loaded beyond the store
 * stays in the stage.
 */
static void staged(const struct transfer *t, char *dst, const char *src, size_t n)
{
    char stage[MEMBUS_STAGE + 2 * MEMBUS_LINE];
    size_t stored = 0, loaded = 0;

    while (stored < n) {
        size_t edge = n;
        size_t past;

        if (n - stored > MEMBUS_STAGE)
            edge =
                stored + MEMBUS_STAGE - membus_side_past_line(&t->dst, dst, stored + MEMBUS_STAGE);
        past = membus_side_aligned(&t->src, (uintptr_t)src) ? (uintptr_t)(src + edge) : edge;

        size_t want = lesser(n, edge + (-past & (MEMBUS_LINE - 1)));

        if (want > loaded)
            side_load(&t->src, stage + (loaded - stored), src + loaded, want - loaded);
        loaded = want > loaded ? want : loaded;
        side_store(&t->dst, dst + stored, stage, edge - stored);
        membus_words_copy(stage, stage + (edge - stored), loaded - edge, MEMBUS_WORDS_LOOSE);
        stored = edge;
    }
}

static void transfer_direct(const struct membus_mover *mover, void *dst, const void *src, size_t n)
{
    const struct transfer *t = (const struct transfer *)mover;

    if (t->src.ram)
        side_store(&t->dst, dst, src, n);
    else
        staged(t, dst, src, n);
}

static void transfer_load(const struct membus_mover *mover, void *ram, const void *src, size_t n)
{
    side_load(&((const struct transfer *)mover)->src, ram, src, n);
}

static void transfer_store(const struct membus_mover *mover, void *dst, const void *ram, size_t n)
{
    side_store(&((const struct transfer *)mover)->dst, dst, ram, n);
}

static void transfer_init(struct transfer *t, const struct membus_mapping *dst,
                          const struct membus_mapping *src, bool strict)
{
    membus_side_init(&t->dst, dst, strict);
    membus_side_init(&t->src, src, false);
    t->mover.direct = transfer_direct;
    t->mover.load = transfer_load;
    t->mover.store = transfer_store;
    t->mover.load_once = !t->src.ram;
}

static void transfer_whole(const struct transfer *t, char *dst, const char *src, size_t n)
{
    if (!t->dst.rule->direct || !t->src.rule->direct) {
        transfer_direct(&t->mover, dst, src, n);
        return;
    }
    if ((t->dst.device || t->src.device) && t->dst.host->device_order)
        t->dst.host->device_order();
    membus_word_copy(dst, src, (unsigned)n);
}

/* The overlap, if any: O1, O2, O3. Sets what was delivered. */
static int transfer_overlapping(const struct transfer *t, char *dst, const char *src, size_t n,
                                const struct membus_window *window, unsigned flags,
                                unsigned *delivered)
{
    char memory[MEMBUS_MOVE_EXACT];
    const struct membus_window stack = {memory, sizeof(memory)};
    const size_t need = membus_move_need(&t->mover, (uintptr_t)dst - (uintptr_t)src, n);

    if (flags & MEMBUS_OVERLAP_REFUSE)
        return -ENOBUFS;
    /* The window's chunks end at lines of the destination. */
    if (!membus_side_aligned(&t->dst, (uintptr_t)dst) ||
        !membus_side_aligned(&t->src, (uintptr_t)src) ||
        !membus_side_aligned(&t->src, (uintptr_t)dst))
        return -EOPNOTSUPP;
    if (!window || window->size < stack.size)
        window = &stack;
    if (need <= window->size) {
        membus_move_exact(&t->mover, dst, src, n, window);
        *delivered |= MEMBUS_DELIVERED_EXACT;
    } else if (flags & MEMBUS_OVERLAP_TAIL) {
        membus_move_tail(&t->mover, dst, src, n, window);
        *delivered |= MEMBUS_DELIVERED_TAIL;
    } else {
        return -ENOBUFS;
    }
    return 0;
}

static struct membus_result failed(int error)
{
    return (struct membus_result){error, 0, 0};
}

/* One access of n bytes on each side (W2), where no policy has a say. Returns what was delivered,
 * or 0: it was not done. */
static unsigned transfer_single(const struct membus_mapping *dst, char *to,
                                const struct membus_mapping *src, const char *from, size_t n,
                                bool strict)
{
    const struct membus_host *host = membus_arch_host();
    const struct membus_rule *store = membus_host_rule(host, dst->mode);
    const struct membus_rule *load = membus_host_rule(host, src->mode);

    if (!membus_is_power(n) || !membus_policy_zero(&dst->policy) ||
        !membus_policy_zero(&src->policy) || !membus_rule_whole(store, (uintptr_t)to, n) ||
        !membus_rule_whole(load, (uintptr_t)from, n))
        return 0;
    if (strict)
        membus_rule_publish(store);
    if (host->device_order && (membus_rule_device(store) || membus_rule_device(load)))
        host->device_order();
    membus_word_copy(to, from, (unsigned)n);
    if (store->weak)
        membus_barrier_flush_wc();
    return MEMBUS_DELIVERED_WHOLE | (strict ? MEMBUS_DELIVERED_STRICT : 0);
}

/* By the sides; n is not 0. */
static __attribute__((noinline)) struct membus_result
transfer_sides(const struct membus_mapping *dst, size_t dst_offset,
               const struct membus_mapping *src, size_t src_offset, size_t n,
               const struct membus_window *window, unsigned flags)
{
    const bool strict = flags & MEMBUS_ORDER_STRICT;
    char *to = (char *)dst->addr + dst_offset;
    const char *from = (const char *)src->addr + src_offset;
    unsigned delivered = strict ? MEMBUS_DELIVERED_STRICT : 0;
    int error = 0;
    struct transfer t;

    transfer_init(&t, dst, src, strict);
    if (!membus_side_takes(&t.dst, (uintptr_t)to, n) ||
        !membus_side_takes(&t.src, (uintptr_t)from, n))
        return failed(-EOPNOTSUPP);
    if (membus_side_tears(&t.dst, (uintptr_t)to, n))
        delivered |= MEMBUS_DELIVERED_TORN;

    if (membus_is_power(n) && membus_sides_whole(&t.dst, dst_offset, &t.src, src_offset, n)) {
        if (strict)
            membus_side_publish(&t.dst);
        transfer_whole(&t, to, from, n);
        delivered |= MEMBUS_DELIVERED_WHOLE;
    } else {
        if (membus_is_power(n))
            delivered |= MEMBUS_DELIVERED_SPLIT;
        if (membus_move_needs_window(to, from, n))
            error = transfer_overlapping(&t, to, from, n, window, flags, &delivered);
        else
            transfer_direct(&t.mover, to, from, n);
    }
    if (error)
        return failed(error);
    if (t.dst.rule->weak)
        membus_barrier_flush_wc();
    return (struct membus_result){0, delivered, n};
}

static __attribute__((noinline)) struct membus_result
transfer_other(const struct membus_mapping *dst, size_t dst_offset,
               const struct membus_mapping *src, size_t src_offset, size_t n,
               const struct membus_window *window, unsigned flags)
{
    const int error = membus_transfer_check(dst, dst_offset, src, src_offset, n, flags);
    char *to = (char *)dst->addr + dst_offset;
    const char *from = (const char *)src->addr + src_offset;

    if (error || n == 0)
        return failed(error);

    const unsigned delivered = transfer_single(dst, to, src, from, n, flags & MEMBUS_ORDER_STRICT);

    if (delivered)
        return (struct membus_result){0, delivered, n};
    return transfer_sides(dst, dst_offset, src, src_offset, n, window, flags);
}

/* Does the kernel's copy keep all that can be promised for n bytes of RAM? Where an access of any
 * alignment is one instruction, the sizes of W2 too; elsewhere these are for the sides, and so are
 * elements that the host cannot keep whole. */
MEMBUS_INLINE bool is_promised(size_t n)
{
    return (MEMBUS_ARCH_RAM_UNALIGNED && MEMBUS_WORD == 8) ||
           (!membus_is_power(n) && membus_mapping_rule(MEMBUS_CACHE_NORMAL)->width_scalar == 8);
}

/* RAM to RAM with nothing to decide: the kernel's own copy. Its arguments are membus_transfer()'s,
 * where they are. */
static __attribute__((noinline)) struct membus_result
transfer_plain(const struct membus_mapping *dst, size_t dst_offset,
               const struct membus_mapping *src, size_t src_offset, size_t n,
               const struct membus_window *window, unsigned flags)
{
    const struct membus_kernel *kernel = membus_kernel_in_use();
    struct membus_result result = {
        0, flags * MEMBUS_DELIVERED_STRICT | membus_power_bit(n) * MEMBUS_DELIVERED_WHOLE, n};

    (void)window;
    /* It waits in memory, not in saved registers: see MEMBUS_STRAIGHT_HERE in straight.h. */
    __asm__ volatile("" : "+m"(result));
    membus_words_order(flags);
    (flags ? kernel->copy_strict : kernel->copy)((char *)dst->addr + dst_offset,
                                                 (const char *)src->addr + src_offset, n);
    return result;
}

/* No overlap that needs a window. (A copy onto itself is not looked for.) */
MEMBUS_INLINE bool is_apart(const struct membus_mapping *dst, size_t dst_offset,
                            const struct membus_mapping *src, size_t src_offset, size_t n)
{
    return (uintptr_t)dst->addr + dst_offset - (uintptr_t)src->addr - src_offset >= n;
}

struct membus_result membus_transfer(const struct membus_mapping *dst, size_t dst_offset,
                                     const struct membus_mapping *src, size_t src_offset, size_t n,
                                     const struct membus_window *window, unsigned flags)
{
    /* First what would cost more than a short copy to find out later. */
    if (membus_mapping_plain(dst) && membus_mapping_plain(src) &&
        membus_mapping_holds_some(dst, dst_offset, n) &&
        membus_mapping_holds_some(src, src_offset, n) && is_promised(n) &&
        is_apart(dst, dst_offset, src, src_offset, n) && flags <= MEMBUS_ORDER_STRICT)
        return transfer_plain(dst, dst_offset, src, src_offset, n, window, flags);
    return transfer_other(dst, dst_offset, src, src_offset, n, window, flags);
}

struct membus_result membus_mapping_write(const struct membus_mapping *dst, size_t dst_offset,
                                          const void *src, size_t n)
{
    const struct membus_mapping ram = membus_mapping_ram((void *)(uintptr_t)src, n);

    return membus_transfer(dst, dst_offset, &ram, 0, n, NULL, 0);
}

struct membus_result membus_mapping_read(const struct membus_mapping *src, size_t src_offset,
                                         void *dst, size_t n)
{
    const struct membus_mapping ram = membus_mapping_ram(dst, n);

    return membus_transfer(&ram, 0, src, src_offset, n, NULL, 0);
}

struct membus_result membus_mapping_fill(const struct membus_mapping *dst, size_t dst_offset,
                                         int value, size_t n)
{
    char line[MEMBUS_STAGE] __attribute__((aligned(8))); /* an element of it is one load */
    char *to = (char *)dst->addr + dst_offset;
    struct membus_side side;

    membus_side_init(&side, dst, false);
    if (membus_mapping_check(dst, dst_offset, n))
        return failed(-ERANGE);
    if (n == 0)
        return failed(0);
    if (!membus_side_takes(&side, (uintptr_t)to, n))
        return failed(-EOPNOTSUPP);
    membus_words_fill(line, value, sizeof(line));
    if (membus_is_power(n)) /* W2, and what became of it */
        return membus_mapping_write(dst, dst_offset, line, n);
    if (side.ram) {
        side.kernel->fill(to, value, n);
        return (struct membus_result){0, 0, n};
    }
    for (size_t done = 0, b; done < n; done += b) {
        b = n - done > MEMBUS_STAGE
                ? MEMBUS_STAGE - membus_side_past_line(&side, to, done + MEMBUS_STAGE)
                : n - done;
        side_store(&side, to + done, line, b);
    }
    if (side.rule->weak)
        membus_barrier_flush_wc();
    return (struct membus_result){
        0, membus_side_tears(&side, (uintptr_t)to, n) ? MEMBUS_DELIVERED_TORN : 0, n};
}
