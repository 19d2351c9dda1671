/* SPDX-License-Identifier: MIT */
#include "audit/arena.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Slack for the margins and the offsets inside a page. */
#define WINDOW      (2 * MEMBUS_AUDIT_N_MAX + ((size_t)1 << 20))
#define GUARD       ((size_t)64 << 10)
#define STACK       ((size_t)256 << 10)
#define RESERVATION (2 * WINDOW + STACK + 5 * GUARD)

/* Far from the heap, from where the kernel maps by itself, and from the sanitizers' shadows. */
#define WHERE ((uintptr_t)0x200000000000)
#define STEP  ((uintptr_t)0x1000000000)
#define TRIES 64

#define CHUNK ((size_t)32 << 10)

static const unsigned periods[] = {251, 241, 239};
#define PERIODS (sizeof(periods) / sizeof(periods[0]))

/* tables[i][0] is T, tables[i][1] is its complement. */
static unsigned char tables[PERIODS][2][CHUNK + 256];

static void fill_tables(void)
{
    for (unsigned p = 0; p < PERIODS; p++) {
        for (size_t i = 0; i < sizeof(tables[p][0]); i++) {
            /* 97 is coprime to the periods: neighbours differ in more than one bit. */
            tables[p][0][i] = (unsigned char)(i * 97 % periods[p] + 1);
            tables[p][1][i] = (unsigned char)~tables[p][0][i];
        }
    }
}

static void *reserve(int fd)
{
    const int flags = MAP_SHARED | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0);

    for (unsigned i = 0; i < TRIES; i++) {
        void *p = mmap((void *)(WHERE + i * STEP), RESERVATION, PROT_NONE,
                       flags | MAP_FIXED_NOREPLACE, fd, 0);
        if (p == (void *)(WHERE + i * STEP))
            return p;
        if (p != MAP_FAILED)
            munmap(p, RESERVATION);
    }
    return mmap(NULL, RESERVATION, PROT_NONE, flags, fd, 0);
}

int audit_arena_open(struct audit_arena *a, int fd)
{
    unsigned char *p;

    if (fd >= 0 && ftruncate(fd, RESERVATION))
        return -errno;
    p = reserve(fd);
    if (p == MAP_FAILED)
        return -errno;
    if (!tables[0][0][0])
        fill_tables();
    memset(a, 0, sizeof(*a));
    a->base = p;
    a->size = RESERVATION;
    a->window = WINDOW;
    a->src_window = p + GUARD;
    a->dst_window = a->src_window + WINDOW + GUARD;
    a->data_end = a->dst_window + WINDOW + GUARD;
    a->stack_top = a->data_end + GUARD + STACK;
    if (mprotect(a->src_window, WINDOW, PROT_READ | PROT_WRITE) ||
        mprotect(a->dst_window, WINDOW, PROT_READ | PROT_WRITE) ||
        mprotect(a->stack_top - STACK, STACK, PROT_READ | PROT_WRITE)) {
        int error = -errno;

        audit_arena_close(a);
        return error;
    }
    return 0;
}

void audit_arena_close(struct audit_arena *a)
{
    if (a->base)
        munmap(a->base, a->size);
    a->base = NULL;
}

static size_t distance_of(const struct membus_audit_case *c)
{
    return c->distance < 0 ? -(size_t)c->distance : (size_t)c->distance;
}

int audit_arena_check_case(const struct membus_audit_case *c)
{
    if (c->n > MEMBUS_AUDIT_N_MAX || c->dst_align > 63 || c->src_align > 63)
        return -EINVAL;
    if (c->overlapping && distance_of(c) > MEMBUS_AUDIT_N_MAX)
        return -EINVAL;
    return 0;
}

/* Where `size` bytes of that alignment lie in a window; see the top of arena.h. */
static unsigned char *place(unsigned char *window, size_t align, size_t size, size_t page_offset)
{
    if ((align + size) % 64 == 0)
        return window + WINDOW - size;
    if (align == 0)
        return window;
    return window + 8192 + page_offset + align;
}

static struct audit_region region_of(unsigned char *window, unsigned char *start, size_t size)
{
    unsigned char *end = start + size;
    unsigned char *low = start - window < AUDIT_MARGIN ? window : start - AUDIT_MARGIN;
    unsigned char *high =
        window + WINDOW - end < AUDIT_MARGIN ? window + WINDOW : end + AUDIT_MARGIN;
    struct audit_region r = {low, (size_t)(high - low)};

    return r;
}

static void place_overlapping(struct audit_arena *a, struct membus_audit_case *c)
{
    size_t d = distance_of(c), span = c->n + d;
    size_t low_align = c->distance < 0 ? c->dst_align : (c->dst_align - d) % 64;
    unsigned char *low = place(a->dst_window, low_align, span, 3072);

    a->dst = c->distance < 0 ? low : low + d;
    a->src = c->distance < 0 ? low + d : low;
    c->src_align = (uintptr_t)a->src % 64;
    a->regions = 1;
    a->region[0] = region_of(a->dst_window, low, span);
    a->period = 0;
    while (a->period < PERIODS - 1 && d % periods[a->period] == 0)
        a->period++;
}

void audit_arena_place(struct audit_arena *a, struct membus_audit_case *c)
{
    a->n = c->n;
    a->overlapping = c->overlapping;
    if (c->overlapping) {
        place_overlapping(a, c);
        return;
    }
    a->period = 0;
    a->src = place(a->src_window, c->src_align, c->n, 1024);
    a->dst = place(a->dst_window, c->dst_align, c->n, 3072);
    a->regions = 2;
    a->region[0] = region_of(a->src_window, a->src, c->n);
    a->region[1] = region_of(a->dst_window, a->dst, c->n);
}

/* T's index, modulo the period, of a byte that lies `offset` bytes from where T[0] is. */
static size_t index_of(const struct audit_arena *a, ptrdiff_t offset)
{
    ptrdiff_t period = (ptrdiff_t)periods[a->period];

    return (size_t)((offset % period + period) % period);
}

/* Writes T (or its complement) to [p, p + n), where T's index at p is `offset`. */
static void put(const struct audit_arena *a, unsigned char *p, size_t n, ptrdiff_t offset,
                bool complement)
{
    while (n) {
        size_t part = n < CHUNK ? n : CHUNK;

        memcpy(p, tables[a->period][complement] + index_of(a, offset), part);
        p += part;
        n -= part;
        offset += (ptrdiff_t)part;
    }
}

static bool holds(const struct audit_arena *a, const unsigned char *p, size_t n, ptrdiff_t offset,
                  bool complement)
{
    while (n) {
        size_t part = n < CHUNK ? n : CHUNK;

        if (memcmp(p, tables[a->period][complement] + index_of(a, offset), part))
            return false;
        p += part;
        n -= part;
        offset += (ptrdiff_t)part;
    }
    return true;
}

/* The destination alone holds the complement, counted from dst. */
static bool is_poisoned(const struct audit_arena *a, unsigned r)
{
    return !a->overlapping && r == 1;
}

static const unsigned char *origin(const struct audit_arena *a, unsigned r)
{
    return is_poisoned(a, r) ? a->dst : a->src;
}

void audit_arena_before(const struct audit_arena *a, unsigned r, unsigned char *bytes)
{
    put(a, bytes, a->region[r].size, a->region[r].start - origin(a, r), is_poisoned(a, r));
}

void audit_arena_after(const struct audit_arena *a, unsigned r, unsigned char *bytes)
{
    audit_arena_before(a, r, bytes);
    if (a->overlapping || r == 1)
        put(a, bytes + (a->dst - a->region[r].start), a->n, 0, false);
}

void audit_arena_fill(const struct audit_arena *a)
{
    for (unsigned r = 0; r < a->regions; r++)
        audit_arena_before(a, r, a->region[r].start);
}

bool audit_arena_right(const struct audit_arena *a)
{
    const struct audit_region *d = &a->region[a->regions - 1];
    bool poisoned = is_poisoned(a, a->regions - 1);
    const unsigned char *from = origin(a, a->regions - 1);
    const unsigned char *end = a->dst + a->n;

    if (a->regions == 2 &&
        !holds(a, a->region[0].start, a->region[0].size, a->region[0].start - a->src, false))
        return false;
    return holds(a, d->start, (size_t)(a->dst - d->start), d->start - from, poisoned) &&
           holds(a, a->dst, a->n, 0, false) &&
           holds(a, end, (size_t)(d->start + d->size - end), end - from, poisoned);
}
