/* SPDX-License-Identifier: MIT */
#include "move.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "words.h"

/*
 * Chunks end where the destination is aligned to a line, so that no element is torn between two
 * chunks and wide stores stay aligned. A small one always has room; three of the largest, of
 * source, destination and window, fit a first-level cache.
 */
#define LINE       64u
#define CHUNK      1024u
#define CHUNK_MOST 8192u

#define MOVERS_MAX 64u

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t round_down(size_t n)
{
    return n & ~(size_t)(LINE - 1);
}

/* Bytes from `p` up to the next line. */
static size_t to_line(const char *p)
{
    return -(uintptr_t)p & (LINE - 1);
}

/*
 * A window's whole lines, aligned; two lines of stack make up for what is cut off at both ends.
 * Everything kept lies as its source does relative to words, so that what is mutually aligned is
 * loaded whole (L3): kept bytes start at a line of the destination, or where the source starts.
 */
static struct membus_window whole_lines(const struct membus_window *window)
{
    const size_t cut = lesser(to_line((const char *)window->addr), window->size);
    const struct membus_window lines = {(char *)window->addr + cut, round_down(window->size - cut)};

    return lines;
}

size_t membus_move_need(const struct membus_mover *mover, uintptr_t d, size_t n)
{
    return mover->load_once ? d : lesser(d, n - d);
}

/* A ring of lines in two pieces: the window, and some of the stack, so that a window of exactly d
 * bytes does, and there is always room for one more chunk than is held. */
struct ring {
    char *piece[2];
    size_t size[2];
};

struct place {
    unsigned in;
    size_t at;
};

static size_t ring_room(const struct ring *ring, const struct place *place)
{
    return ring->size[place->in] - place->at;
}

/* The `n` bytes at `place`, at most ring_room(); advances past them. */
static char *ring_take(const struct ring *ring, struct place *place, size_t n)
{
    char *p = ring->piece[place->in] + place->at;

    place->at += n;
    if (place->at == ring->size[place->in]) {
        place->at = 0;
        place->in = place->in == 0 || ring->size[0] == 0 ? 1 : 0;
    }
    return p;
}

/* Loads src[0, n) into the ring. */
static void ring_load(const struct membus_mover *mover, const struct ring *ring,
                      struct place *place, const char *src, size_t n)
{
    for (size_t done = 0, b; done < n; done += b) {
        b = lesser(n - done, ring_room(ring, place));
        mover->load(mover, ring_take(ring, place, b), src + done, b);
    }
}

/*
 * A move on its way: dst[0, stored) is done, src[from, loaded) went into the ring. Before
 * dst[i, i + b) is stored, which is src[i + d, i + d + b), all up to i + b + ahead is loaded:
 * `ahead` is d up to whole lines.
 */
struct moving {
    const struct membus_mover *mover;
    char *dst;
    const char *src;
    size_t n, ahead, stored, loaded;
    struct ring ring;
    struct place in, out;
};

/* What must be loaded before dst[stored, end) is stored. */
static void moving_load(struct moving *m, size_t end)
{
    const size_t n = lesser(m->n - end, m->ahead) + end - m->loaded;

    ring_load(m->mover, &m->ring, &m->in, m->src + m->loaded, n);
    m->loaded += n;
}

/*
 * dst[0, from) comes from bytes that nothing has overwritten yet. What a chunk overwrites goes
 * into the ring just before, so it is in the cache for both.
 */
static void moving_direct(struct moving *m, size_t from)
{
    for (size_t b; m->stored < from; m->stored += b) {
        b = lesser(from - m->stored, CHUNK_MOST - ((uintptr_t)(m->dst + m->stored) & (LINE - 1)));
        moving_load(m, m->stored + b);
        m->mover->direct(m->mover, m->dst + m->stored, m->src + m->stored, b);
    }
}

/* dst[0, head), up to its first line. */
static void moving_head(struct moving *m, size_t head)
{
    char start[2 * LINE] __attribute__((aligned(LINE)));
    char *at = start + ((uintptr_t)m->src & (LINE - 1));

    if (head)
        m->mover->load(m->mover, at, m->src, head);
    moving_load(m, head);
    if (head)
        m->mover->store(m->mover, m->dst, at, head);
    m->stored = head;
}

/* Out of the ring, in chunks for which it has room. */
static void moving_rest(struct moving *m, size_t chunk)
{
    for (size_t b; m->stored < m->n; m->stored += b) {
        b = lesser(m->n - m->stored, ring_room(&m->ring, &m->out));
        if (m->loaded < m->n)
            b = lesser(b, chunk);
        moving_load(m, m->stored + b);
        m->mover->store(m->mover, m->dst + m->stored, ring_take(&m->ring, &m->out, b), b);
    }
}

/*
 * The bytes from `from` on go through the ring: those that bytes before them overwrite, from a
 * line of dst; or all but the head, where loads must ascend too.
 */
static void move_exact(const struct membus_mover *mover, char *dst, const char *src, size_t n,
                       const struct membus_window *window)
{
    char stack[3 * LINE + CHUNK] __attribute__((aligned(LINE)));
    const struct membus_window lines = whole_lines(window);
    const size_t d = (uintptr_t)dst - (uintptr_t)src, ahead = round_down(d + LINE - 1);
    const bool direct = !mover->load_once && d >= LINE;
    const size_t from = direct ? d - ((uintptr_t)(dst + d) & (LINE - 1)) : lesser(to_line(dst), n);
    const size_t size = lesser(lines.size, round_down(ahead + CHUNK_MOST));
    const size_t room = size + sizeof(stack) - lesser(ahead, n - from);
    struct moving m = {.mover = mover,
                       .dst = dst,
                       .src = src,
                       .n = n,
                       .ahead = ahead,
                       .loaded = from,
                       .ring = {{(char *)lines.addr, stack}, {size, sizeof(stack)}},
                       .in = {size ? 0 : 1, 0},
                       .out = {size ? 0 : 1, 0}};

    if (direct)
        moving_direct(&m, from);
    else
        moving_head(&m, from);
    moving_rest(&m, round_down(lesser(room, CHUNK_MOST)));
}

void membus_move_exact(const struct membus_mover *mover, char *dst, const char *src, size_t n,
                       const struct membus_window *window)
{
    if (n <= CHUNK) {
        char memory[CHUNK + LINE] __attribute__((aligned(LINE)));
        char *all = memory + ((uintptr_t)src & (LINE - 1));

        mover->load(mover, all, src, n);
        mover->store(mover, dst, all, n);
    } else {
        move_exact(mover, dst, src, n, window);
    }
}

void membus_move_tail(const struct membus_mover *mover, char *dst, const char *src, size_t n,
                      const struct membus_window *window)
{
    size_t d = (uintptr_t)dst - (uintptr_t)src;
    size_t tail = n - lesser(window->size, n);
    size_t block = d >= LINE ? round_down(d) : d;

    tail += to_line(dst + tail);
    if (tail > n)
        tail = n;
    if (tail < n)
        mover->load(mover, window->addr, src + tail, n - tail);
    for (size_t end = tail; end;) {
        size_t start = end > block ? end - block : 0;

        mover->direct(mover, dst + start, src + start, end - start);
        end = start;
    }
    if (tail == n)
        return;
    mover->store(mover, dst + tail, window->addr, n - tail);
}

/*
 * Buffers of membus_move_reserve(), taken and given back by an atomic flag each: one byte is
 * lock-free on every host, which a word of 64 bits is not.
 */
static struct {
    char *memory;
    size_t size;
    unsigned movers;
    _Atomic bool idle[MOVERS_MAX];
} reserve;

static bool reserve_take_one(unsigned mover)
{
    return atomic_load_explicit(&reserve.idle[mover], memory_order_relaxed) &&
           atomic_exchange_explicit(&reserve.idle[mover], false, memory_order_acquire);
}

static void reserve_give(unsigned mover)
{
    atomic_store_explicit(&reserve.idle[mover], true, memory_order_release);
}

/* Takes a reserved buffer: its number, or -1. Lock-free; safe in a signal handler. */
static int reserve_take(void)
{
    for (unsigned mover = 0; mover < MOVERS_MAX; mover++) {
        if (reserve_take_one(mover))
            return (int)mover;
    }
    return -1;
}

/* All of them, or none and false. */
static bool reserve_take_all(void)
{
    for (unsigned mover = 0; mover < reserve.movers; mover++) {
        if (reserve_take_one(mover))
            continue;
        while (mover-- > 0)
            reserve_give(mover);
        return false;
    }
    return true;
}

int membus_move_reserve(size_t bytes, unsigned movers)
{
    if (movers == 0 || movers > MOVERS_MAX || bytes > SIZE_MAX / MOVERS_MAX)
        return -EINVAL;

    void *memory = NULL;

    if (bytes) {
        memory =
            mmap(NULL, bytes * movers, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            return -ENOMEM;
    }
    if (!reserve_take_all()) {
        if (memory)
            munmap(memory, bytes * movers);
        return -EBUSY;
    }
    if (reserve.movers)
        munmap(reserve.memory, reserve.size * reserve.movers);
    reserve.movers = 0;
    if (!memory)
        return 0;
    madvise(memory, bytes * movers, MADV_HUGEPAGE); /* less to look up; if not, nothing is lost */
    memset(memory, 0, bytes * movers);              /* no page fault on the way */
    reserve.memory = (char *)memory;
    reserve.size = bytes;
    reserve.movers = movers;
    for (unsigned mover = 0; mover < movers; mover++)
        reserve_give(mover);
    return 0;
}

/* A mover between RAM and RAM, by one copy function. */
struct ram_mover {
    struct membus_mover mover;
    membus_copy_function *copy;
};

static void ram_copy(const struct membus_mover *mover, void *dst, const void *src, size_t n)
{
    membus_copy_part(((const struct ram_mover *)mover)->copy, dst, src, n);
}

static void move_large(const struct membus_mover *mover, char *dst, const char *src, size_t n,
                       const struct membus_window *stack)
{
    int mover_id = reserve_take();

    if (mover_id >= 0) {
        struct membus_window window = {reserve.memory + (size_t)mover_id * reserve.size,
                                       reserve.size};

        if (membus_move_need(mover, (uintptr_t)dst - (uintptr_t)src, n) <= window.size)
            membus_move_exact(mover, dst, src, n, &window);
        else
            membus_move_tail(mover, dst, src, n, &window);
        reserve_give((unsigned)mover_id);
    } else {
        membus_move_tail(mover, dst, src, n, stack);
    }
}

void *membus_move_windowed(void *dst, const void *src, size_t n, membus_copy_function *copy)
{
    if (!membus_move_needs_window(dst, src, n))
        return copy(dst, src, n);
    if (membus_is_element(n)) { /* loaded whole before it is stored, even where it is split */
        membus_word_copy((char *)dst, (const char *)src, (unsigned)n);
        return dst;
    }

    char memory[MEMBUS_MOVE_EXACT] __attribute__((aligned(LINE)));
    const struct membus_window stack = {memory, sizeof(memory)};
    const struct ram_mover ram = {{ram_copy, ram_copy, ram_copy, false}, copy};

    if (membus_move_need(&ram.mover, (uintptr_t)dst - (uintptr_t)src, n) <= stack.size)
        membus_move_exact(&ram.mover, (char *)dst, (const char *)src, n, &stack);
    else
        move_large(&ram.mover, (char *)dst, (const char *)src, n, &stack);
    return dst;
}
