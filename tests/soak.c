/* SPDX-License-Identifier: MIT */

/*
 * The soak: copies, commits, DMA and faults together, for the time given.
 *
 *   soak [SECONDS]
 *
 * Two threads of DMA write what they know into windows of RAM that are theirs alone, by all the
 * ways there are, and read it back by another: every byte that is not there is a byte lost. One
 * reads and writes a BAR that one truncates, and checks that what arrived is right and the rest
 * all ones; one changes the map of the machine under all of them; one floods the bounce budget.
 * Memory is measured after a warm-up and at the end. Ends with the counts; exit status 1 if a
 * byte was lost or memory grew.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <inttypes.h>
#include <sched.h>
#include <malloc.h>
#include <signal.h>

#include "hostile_machine.h"
#include "rcu.h"

#define WINDOW     0x10000u
#define WARM_UP_MS 2000u
#define GROWTH_MAX (16u << 20) /* bytes of resident memory */

static struct machine machine;

static struct {
    _Atomic uint64_t accesses, bytes, lost, faults, wrong, bounced, waits, commits;
} count;

static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* DMA. */

struct dma {
    struct attacker thread;
    uint64_t at;
    uint32_t random;
    uint8_t wrote[WINDOW], read[WINDOW];
    struct membus_ring *ring;
};

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Sizes as devices have them: mostly small. */
static size_t next_size(uint32_t *state)
{
    const uint32_t r = next_random(state);

    return r % 8 < 5 ? 1 + r / 8 % 64 : r % 8 < 7 ? 1 + r / 8 % 2000 : 1 + r / 8 % (WINDOW / 2);
}

static void write_by(struct dma *d, unsigned way, uint64_t offset, size_t n)
{
    struct membus_outcome o;
    struct membus_map map;

    switch (way) {
    case 0:
        o = membus_space_write(machine.space, d->at + offset, d->wrote + offset, n, no_attrs);
        break;
    case 1:
        o = membus_ring_write(d->ring, offset, d->wrote + offset, n);
        break;
    case 2:
        o = membus_map_open(&map, machine.space, d->at + offset, n, MEMBUS_MAP_WRITE, no_attrs);
        if (o.status == MEMBUS_STATUS_OK) {
            membus_mapping_write(&map.mapping, 0, d->wrote + offset, o.bytes);
            o = membus_map_close(&map, n);
        }
        break;
    default: /* in pieces */
        o = membus_space_write(machine.space, d->at + offset, d->wrote + offset, n / 2, no_attrs);
        if (o.status == MEMBUS_STATUS_OK)
            o = membus_space_write(machine.space, d->at + offset + n / 2, d->wrote + offset + n / 2,
                                   n - n / 2, no_attrs);
    }
    if (o.status != MEMBUS_STATUS_OK)
        add(&count.lost, n);
}

static void read_by(struct dma *d, unsigned way, uint64_t offset, size_t n)
{
    if (way == 1)
        membus_ring_read(d->ring, d->read + offset, n, offset);
    else
        membus_space_read(machine.space, d->read + offset, n, d->at + offset, no_attrs);
}

static void dma_turn(void *data, unsigned turn)
{
    struct dma *d = data;
    const size_t n = next_size(&d->random), offset = next_random(&d->random) % (WINDOW - n + 1);
    uint64_t lost = 0;

    for (size_t i = 0; i < n; i++)
        d->wrote[offset + i] = (uint8_t)(turn * 31 + i * 7 + 1);
    write_by(d, turn % 4, offset, n);
    read_by(d, turn / 4 % 2, offset, n);
    for (size_t i = 0; i < n; i++)
        lost += d->read[offset + i] != d->wrote[offset + i];
    add(&count.lost, lost);
    add(&count.accesses, 2);
    add(&count.bytes, 2 * n);
}

/* The BAR that goes and comes. Its bytes are all BAR_BYTE while they are there. */

#define BAR_BYTE 0x21

static void bar_owner(void *data, unsigned turn)
{
    struct machine *m = data;

    if (ftruncate(m->bar_fd, (off_t)(turn & 1 ? BAR_SIZE : turn / 2 % 16 * 4096)) != 0)
        abort();
    usleep(50);
}

struct bar_user {
    struct attacker thread;
    uint32_t random;
    uint8_t buf[BAR_SIZE];
};

static void bar_turn(void *data, unsigned turn)
{
    struct bar_user *u = data;
    const size_t n = next_size(&u->random) % BAR_SIZE + 1;
    const uint64_t offset = next_random(&u->random) % (BAR_SIZE - n + 1);
    struct membus_outcome o;

    (void)turn;
    /* Directly, not through the view, so that a moved BAR does not come in between. */
    const struct membus_mapping bar = membus_region_mapping(machine.bar);
    const struct membus_mapping ram = membus_mapping_ram(u->buf, sizeof(u->buf));
    struct membus_fault fault;
    struct membus_result r = membus_guard_transfer(&ram, 0, &bar, offset, n, 0, &fault);

    add(&count.faults, r.error != 0);
    for (size_t i = r.bytes; i < n; i++)
        add(&count.wrong, u->buf[i] != 0xff);
    for (size_t i = 0; i < r.bytes; i++) /* fresh pages read as zero */
        add(&count.wrong, u->buf[i] != BAR_BYTE && u->buf[i] != 0);
    memset(u->buf, BAR_BYTE, n);
    r = membus_guard_transfer(&bar, offset, &ram, 0, n, 0, &fault);
    add(&count.faults, r.error != 0);
    o = membus_space_read(machine.space, u->buf, n, BAR_AT + offset, no_attrs);
    add(&count.faults, o.status == MEMBUS_STATUS_DEVICE);
    add(&count.accesses, 3);
    add(&count.bytes, 3 * n);
}

/* The map of the machine, away from the windows of RAM. */

static void commit_turn(void *data, unsigned turn)
{
    static struct membus_region *extra;
    struct machine *m = data;

    switch (turn % 5) {
    case 0:
        membus_region_set_offset(m->bar, turn / 5 % 2 ? BAR_AT : BAR_AT + 0x8000);
        break;
    case 1:
        if (membus_region_new_ram(&extra, "extra", 0x4000) == 0)
            membus_region_add(m->root, BAR_AT + 0x4000, extra, 7);
        break;
    case 2:
        membus_region_set_enabled(m->slow, turn / 5 % 3 != 0);
        break;
    case 3:
        if (extra)
            membus_region_delete(extra);
        extra = NULL;
        break;
    default:
        membus_region_set_priority(m->bar, turn / 5 % 2 ? 1 : -1);
    }
    add(&count.commits, 1);
}

static void woken(void *data)
{
    atomic_store((atomic_bool *)data, true);
}

static void bounce_turn(void *data, unsigned turn)
{
    struct machine *m = data;
    struct membus_map map[16];
    unsigned open = 0;
    enum membus_status status = MEMBUS_STATUS_OK;

    for (unsigned i = 0; i < 16; i++) {
        status = membus_map_open(&map[open], m->space, SLOW_AT, 1 + turn * 977 % SLOW_SIZE,
                                 MEMBUS_MAP_READ, no_attrs)
                     .status;
        open += status == MEMBUS_STATUS_OK;
    }
    add(&count.bounced, open);
    while (open)
        membus_map_close(&map[--open], 0);
    if (status == MEMBUS_STATUS_BUDGET) {
        atomic_bool now = false;
        struct membus_waiter *waiter;

        if (membus_waiter_new(&waiter, m->space, 0x1000, woken, &now) == 0) {
            while (!atomic_load(&now))
                sched_yield();
            add(&count.waits, 1);
        }
    }
}

/* Bytes of this process in memory: proc(5), statm. */
static uint64_t resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long size = 0, pages = 0;

    if (!file || fscanf(file, "%lu %lu", &size, &pages) != 2)
        pages = 0;
    if (file)
        fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static void sleep_until(uint64_t end)
{
    while (now_ms() < end && !interrupted)
        usleep(20000);
}

static int report(uint64_t begin, uint64_t before, uint64_t after)
{
    const int64_t grown = (int64_t)(after - before);

    printf("soak: %" PRIu64 " s, kernel %s\n", (now_ms() - begin) / 1000, membus_kernel_name());
    printf("  accesses        %" PRIu64 ", %" PRIu64 " bytes\n", count.accesses, count.bytes);
    printf("  commits         %" PRIu64 "\n", count.commits);
    printf("  bounced maps    %" PRIu64 ", %" PRIu64 " waits for the budget\n", count.bounced,
           count.waits);
    printf("  faults survived %" PRIu64 "\n", count.faults);
    printf("  bytes wrong     %" PRIu64 "\n", count.wrong);
    printf("  bytes lost      %" PRIu64 "\n", count.lost);
    printf("  memory          %" PRIu64 " KiB, %+" PRId64 " KiB since the warm-up\n", after / 1024,
           grown / 1024);

    const bool lost = count.lost || count.wrong;

    printf("%sok 1 - no byte lost or wrong\n", lost ? "not " : "");
#ifdef __SANITIZE_ADDRESS__
    printf("ok 2 - memory is bounded # SKIP the sanitizer keeps what was freed\n");
    return lost;
#else
    const bool grew = grown > (int64_t)GROWTH_MAX;

    printf("%sok 2 - memory is bounded\n", grew ? "not " : "");
    return lost || grew;
#endif
}

int main(int argc, char **argv)
{
    static struct dma dma[2];
    static struct bar_user bar_user = {.random = 77};
    struct attacker owner, commits, bounces;
    const uint64_t ms = 1000 * (argc > 1 ? strtoull(argv[1], NULL, 0) : 60), begin = now_ms();
    const uint64_t warm_up = ms / 4 < WARM_UP_MS ? ms / 4 : WARM_UP_MS;
    uint64_t before;

    signal(SIGINT, interrupt); /* ends early, with the counts */
    signal(SIGTERM, interrupt);
    machine_start(&machine);
    membus_space_set_budget(machine.space, 0x40000);
    for (unsigned i = 0; i < 2; i++) {
        dma[i].at = 0x40000u + i * 2 * WINDOW;
        dma[i].random = 4711 + i;
        if (membus_ring_new(&dma[i].ring, machine.space, dma[i].at, WINDOW, no_attrs) != 0)
            return 2;
        attacker_start(&dma[i].thread, dma_turn, &dma[i]);
    }
    attacker_start(&bar_user.thread, bar_turn, &bar_user);
    attacker_start(&owner, bar_owner, &machine);
    attacker_start(&commits, commit_turn, &machine);
    attacker_start(&bounces, bounce_turn, &machine);

    sleep_until(begin + warm_up);
    before = resident();
    sleep_until(begin + ms);

    attacker_stop(&bounces);
    attacker_stop(&commits);
    attacker_stop(&bar_user.thread);
    attacker_stop(&owner);
    for (unsigned i = 0; i < 2; i++) {
        attacker_stop(&dma[i].thread);
        membus_ring_delete(dma[i].ring);
    }
    membus_rcu_wait(); /* what commits replaced is freed behind the readers */
    malloc_trim(0);
    return report(begin, before, resident());
}
