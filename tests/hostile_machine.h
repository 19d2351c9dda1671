/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TESTS_HOSTILE_MACHINE_H
#define MEMBUS_TESTS_HOSTILE_MACHINE_H

/*
 * A small machine for hostile guests, and the tools of an attacker.
 *
 *   0            RAM, 1 MiB, a memfd
 *   1 MiB        nothing
 *   0x10000000   a register file of 4 KiB whose DMA register starts a copy (`engine`)
 *   0x20000000   a BAR: device memory of 64 KiB, a memfd, guarded
 *   0x30000000   callbacks that take 64 KiB and nothing else: DMA there bounces
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <membus/access.h>
#include <membus/dma.h>
#include <membus/guard.h>
#include <membus/region.h>
#include <membus/space.h>

#include "harness.h"

#define RAM_SIZE    0x100000u
#define ENGINE_AT   0x10000000u
#define ENGINE_SIZE 0x1000u
#define BAR_AT      0x20000000u
#define BAR_SIZE    0x10000u
#define SLOW_AT     0x30000000u
#define SLOW_SIZE   0x10000u

static const struct membus_attrs no_attrs = {0};

struct machine {
    struct membus_region *root, *ram, *engine, *bar, *slow;
    struct membus_space *space;
    char *ram_memory, *bar_memory;
    int bar_fd;
    uint8_t slow_bytes[SLOW_SIZE];
    /* the engine's registers */
    uint64_t dma_to;
    _Atomic unsigned engine_calls, engine_denied;
    unsigned depth, depth_most;
};

static inline enum membus_status engine_read(void *data, uint64_t *value, uint64_t offset,
                                             unsigned size, struct membus_attrs attrs)
{
    (void)data, (void)size, (void)attrs;
    *value = offset;
    return MEMBUS_STATUS_OK;
}

/* Register 0: where to. Register 8: start; the device writes 64 bytes of status there. */
static inline enum membus_status engine_write(void *data, uint64_t offset, uint64_t value,
                                              unsigned size, struct membus_attrs attrs)
{
    struct machine *m = data;

    (void)size;
    atomic_fetch_add(&m->engine_calls, 1);
    m->depth++;
    m->depth_most = m->depth > m->depth_most ? m->depth : m->depth_most;
    if (offset == 0) {
        m->dma_to = value;
    } else if (offset == 8) {
        const uint8_t status[64] = {1};
        const struct membus_outcome r =
            membus_space_write(m->space, m->dma_to, status, sizeof(status), attrs);

        atomic_fetch_add(&m->engine_denied, r.status == MEMBUS_STATUS_DENIED);
    }
    m->depth--;
    return MEMBUS_STATUS_OK;
}

static inline enum membus_status slow_read(void *data, uint64_t *value, uint64_t offset,
                                           unsigned size, struct membus_attrs attrs)
{
    struct machine *m = data;

    (void)attrs;
    *value = 0;
    for (unsigned i = 0; i < size; i++)
        *value |= (uint64_t)__atomic_load_n(&m->slow_bytes[offset + i], __ATOMIC_RELAXED)
                  << (8 * i);
    return MEMBUS_STATUS_OK;
}

static inline enum membus_status slow_write(void *data, uint64_t offset, uint64_t value,
                                            unsigned size, struct membus_attrs attrs)
{
    struct machine *m = data;

    (void)attrs;
    for (unsigned i = 0; i < size; i++)
        __atomic_store_n(&m->slow_bytes[offset + i], (uint8_t)(value >> (8 * i)), __ATOMIC_RELAXED);
    return MEMBUS_STATUS_OK;
}

static const struct membus_region_ops engine_ops = {
    .read = engine_read,
    .write = engine_write,
    .valid = {.min = 1, .max = 8},
    .impl = {.min = 8, .max = 8},
};

static const struct membus_region_ops slow_ops = {
    .read = slow_read,
    .write = slow_write,
    .valid = {.min = 1, .max = 8, .unaligned = true},
    .impl = {.min = 1, .max = 8, .unaligned = true},
};

static inline void machine_start(struct machine *m)
{
    struct membus_mapping bar;

    memset(m, 0, sizeof(*m));
    m->bar_fd = memfd_create("bar", MFD_CLOEXEC);
    assert_true(m->bar_fd >= 0 && ftruncate(m->bar_fd, BAR_SIZE) == 0);
    m->bar_memory = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, m->bar_fd, 0);
    assert_true(m->bar_memory != MAP_FAILED);
    bar = membus_mapping_device(m->bar_memory, BAR_SIZE, MEMBUS_CACHE_NONCACHED);

    assert_int_equal(membus_region_new_container(&m->root, "system", MEMBUS_SIZE_ALL), 0);
    assert_int_equal(membus_region_new_ram_memfd(&m->ram, "ram", RAM_SIZE), 0);
    assert_int_equal(membus_region_new_io(&m->engine, "engine", ENGINE_SIZE, &engine_ops, m), 0);
    assert_int_equal(membus_region_new_device(&m->bar, "bar", &bar), 0);
    assert_int_equal(membus_region_new_io(&m->slow, "slow", SLOW_SIZE, &slow_ops, m), 0);
    assert_int_equal(membus_region_set_guarded(m->bar, true), 0);
    assert_int_equal(membus_transaction_begin(), 0);
    assert_int_equal(membus_region_add(m->root, 0, m->ram, 0), 0);
    assert_int_equal(membus_region_add(m->root, ENGINE_AT, m->engine, 0), 0);
    assert_int_equal(membus_region_add(m->root, BAR_AT, m->bar, 0), 0);
    assert_int_equal(membus_region_add(m->root, SLOW_AT, m->slow, 0), 0);
    assert_int_equal(membus_transaction_commit(), 0);
    assert_int_equal(membus_space_new(&m->space, "memory", m->root), 0);
    m->ram_memory = membus_region_mapping(m->ram).addr;
}

static inline void machine_stop(struct machine *m)
{
    assert_int_equal(membus_space_delete(m->space), 0);
    membus_region_delete(m->ram);
    membus_region_delete(m->engine);
    membus_region_delete(m->bar);
    membus_region_delete(m->slow);
    membus_region_delete(m->root);
    assert_int_equal(membus_synchronize(), 0);
    munmap(m->bar_memory, BAR_SIZE);
    close(m->bar_fd);
}

/* An attacker: a thread that calls `act` until it is stopped. */
struct attacker {
    pthread_t thread;
    void (*act)(void *data, unsigned turn);
    void *data;
    atomic_bool stop;
    _Atomic unsigned turns;
};

static inline void *attacker_run(void *argument)
{
    struct attacker *a = argument;

    for (; !atomic_load_explicit(&a->stop, memory_order_relaxed); a->turns++)
        a->act(a->data, a->turns);
    return NULL;
}

static inline void attacker_start(struct attacker *a, void (*act)(void *, unsigned), void *data)
{
    a->act = act;
    a->data = data;
    a->turns = 0;
    atomic_store(&a->stop, false);
    assert_int_equal(pthread_create(&a->thread, NULL, attacker_run, a), 0);
}

static inline void attacker_stop(struct attacker *a)
{
    atomic_store(&a->stop, true);
    pthread_join(a->thread, NULL);
}

/* Milliseconds of a clock that only goes forward. */
static inline uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

/* The bound of a scenario: MEMBUS_HOSTILE_MS milliseconds, or 300; and until the attacker has
 * `met` once, ten seconds, for a machine that has other things to do. */
static inline bool time_left(uint64_t begin, bool met)
{
    const char *text = getenv("MEMBUS_HOSTILE_MS");
    const uint64_t ms = text ? strtoull(text, NULL, 0) : 300, spent = now_ms() - begin;

    return spent < ms || (!met && spent < 10000);
}

#endif
