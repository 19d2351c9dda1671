/* SPDX-License-Identifier: MIT */
#include "move.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "words.h"

/* Chunks end where the destination is aligned to a line, so that no element is torn between two
 * chunks and wide stores stay aligned. */
#define LINE  64u
#define CHUNK 1024u

#define MOVERS_MAX 64u

/*
 * W6 between pieces: a piece of one access has no barrier of its own before it, so what was stored
 * before must be visible before the last piece is. Pairs with the reader's acquire after it saw
 * the last word.
 */
static void order_last_piece(void)
{
    atomic_thread_fence(memory_order_release);
}

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
 * The ring holds src[i, i + ahead), ahead >= d. Before src[i, i + b) is stored, over
 * src[i + d, i + d + b), the b bytes at i + ahead are loaded behind it.
 */
static void move_ring(const struct membus_mover *mover, char *dst, const char *src, size_t n,
                      const struct membus_window *window)
{
    char stack[3 * LINE + CHUNK] __attribute__((aligned(LINE)));
    char start[2 * LINE] __attribute__((aligned(LINE)));
    char *head = start + ((uintptr_t)src & (LINE - 1));
    const struct membus_window lines = whole_lines(window);
    const size_t d = (uintptr_t)dst - (uintptr_t)src, ahead = round_down(d + LINE - 1);
    const struct ring ring = {{(char *)lines.addr, stack},
                              {lesser(lines.size, ahead), sizeof(stack)}};
    struct place in = {ring.size[0] ? 0 : 1, 0}, out = in;
    size_t i = lesser(to_line(dst), n);

    if (i)
        mover->load(mover, head, src, i);
    ring_load(mover, &ring, &in, src + i, lesser(ahead, n - i));
    if (i)
        mover->store(mover, dst, head, i);

    for (size_t b; i < n; i += b) {
        b = lesser(lesser(n - i, CHUNK), ring_room(&ring, &out));
        if (n - i > ahead)
            ring_load(mover, &ring, &in, src + i + ahead, lesser(b, n - i - ahead));
        if (i + b == n)
            order_last_piece();
        mover->store(mover, dst + i, ring_take(&ring, &out, b), b);
    }
}

/* The overlap, src[d, n), is kept from the line of dst below it; the bytes before do not overlap
 * with where they go. The first lines of what is kept lie on the stack. */
static void move_split(const struct membus_mover *mover, char *dst, const char *src, size_t n,
                       const struct membus_window *window)
{
    char stack[3 * LINE] __attribute__((aligned(LINE)));
    const struct membus_window lines = whole_lines(window);
    size_t d = (uintptr_t)dst - (uintptr_t)src;
    size_t keep = d - ((uintptr_t)(dst + d) & (LINE - 1));
    size_t first = lesser(sizeof(stack), n - keep);
    size_t rest = n - keep - first;

    mover->load(mover, stack, src + keep, first);
    if (rest)
        mover->load(mover, lines.addr, src + keep + first, rest);
    mover->direct(mover, dst, src, keep);
    order_last_piece();
    mover->store(mover, dst + keep, stack, first);
    if (!rest)
        return;
    order_last_piece();
    mover->store(mover, dst + keep + first, lines.addr, rest);
}

void membus_move_exact(const struct membus_mover *mover, char *dst, const char *src, size_t n,
                       const struct membus_window *window)
{
    size_t d = (uintptr_t)dst - (uintptr_t)src;

    if (n <= CHUNK) {
        char memory[CHUNK + LINE] __attribute__((aligned(LINE)));
        char *all = memory + ((uintptr_t)src & (LINE - 1));

        mover->load(mover, all, src, n);
        mover->store(mover, dst, all, n);
    } else if (mover->load_once || d < LINE || n - d > window->size) {
        move_ring(mover, dst, src, n, window);
    } else {
        move_split(mover, dst, src, n, window);
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
    order_last_piece();
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
    if (!reserve_take_all())
        return -EBUSY;
    if (reserve.movers)
        munmap(reserve.memory, reserve.size * reserve.movers);
    reserve.movers = 0;
    if (bytes == 0)
        return 0;

    void *memory = mmap(NULL, bytes * movers, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (memory == MAP_FAILED)
        return -ENOMEM;
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
