/* SPDX-License-Identifier: MIT */

/*
 * An NVMe-like queue pair on shared memory, a guest thread and a device thread.
 *
 * The guest writes 64-byte commands and rings a doorbell; the device answers each with a 16-byte
 * completion whose last word carries the phase bit, which changes each time around the ring. The
 * guest polls only that word. Nothing else orders the two: no lock, no flag, no other fence.
 *
 *     ring [COMMANDS [COPY]]      COPY: membus (the default), or bytes: one byte after the other
 *                                 with the phase first, to see the checks fail
 *
 * Prints what it counted; exit status 1 when a completion was seen whose parts did not belong
 * together.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* affinity */
#endif
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <membus/access.h>
#include <membus/copy.h>

#define ENTRIES 64u
#define SPINS   1000 /* polls before the other thread gets the CPU */

struct command {
    uint16_t opcode, id;
    uint32_t length;
    uint64_t words[6];
    uint64_t sum; /* of words: what the device must find */
};

struct completion {
    uint32_t result; /* hash of the command's sum */
    uint32_t echo;   /* low half of the command's number */
    uint16_t sq_head, sq_id;
    uint16_t id;
    uint16_t status; /* bit 0: the phase; the others: 0x5a00, or 0xbad0 for a broken command */
};

/* What both see. Each index is on a cache line of its own. */
struct shared {
    _Alignas(64) struct command sq[ENTRIES];
    _Alignas(64) struct completion cq[ENTRIES];
    _Alignas(64) uint32_t sq_tail; /* doorbells: counters that wrap at 2^32 */
    _Alignas(64) uint32_t cq_head;
};

struct counts {
    uint64_t completed, wraps, polls;
    uint64_t broken_commands, stale;
};

struct queue {
    struct shared *shared;
    uint64_t commands;
    bool bytes;
    struct counts counts;
};

static uint32_t hash(uint64_t v)
{
    v *= UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(v >> 32) | 1;
}

/* What the checks are there to catch: bytes, the end before the rest; with fences, as slow as a
 * bus. */
static void copy_badly(void *dst, const void *src, size_t n)
{
    for (size_t i = n; i-- > 0;) {
        membus_ram_store_8((char *)dst + i, ((const unsigned char *)src)[i]);
        membus_barrier_full();
    }
}

static void publish(const struct queue *q, void *dst, const void *src, size_t n)
{
    if (q->bytes)
        copy_badly(dst, src, n);
    else
        membus_copy(dst, src, n);
}

/* Waits until the counter at `p` is no longer `old`. On one CPU the other must be let run. */
static uint32_t wait_for(const uint32_t *p, uint32_t old)
{
    for (unsigned spin = 1;; spin++) {
        uint32_t now = membus_ram_load_le32(p);

        if (now != old)
            return now;
        if (spin % SPINS == 0)
            sched_yield();
    }
}

/* The device. */

static struct completion complete(const struct command *c, uint64_t number)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < 6; i++)
        sum += c->words[i];
    return (struct completion){
        .result = hash(c->sum),
        .echo = (uint32_t)number,
        .sq_head = (uint16_t)(number + 1),
        .id = c->id,
        .status = (uint16_t)((sum == c->sum ? 0x5a00 : 0xbad0) | !(number / ENTRIES & 1)),
    };
}

static void *device(void *arg)
{
    struct queue *q = arg;
    struct shared *s = q->shared;
    uint32_t tail = 0;

    for (uint64_t n = 0; n < q->commands; n++) {
        struct command c;
        struct completion done;

        if (tail == (uint32_t)n)
            tail = wait_for(&s->sq_tail, tail);
        membus_barrier_consume(); /* the doorbell before the command; pairs with the guest's */
        membus_copy(&c, &s->sq[n % ENTRIES], sizeof(c));
        while ((uint32_t)n - membus_ram_load_le32(&s->cq_head) >= ENTRIES)
            sched_yield();
        done = complete(&c, n);
        publish(q, &s->cq[n % ENTRIES], &done, sizeof(done));
    }
    return NULL;
}

/* The guest. */

static void submit(struct queue *q, uint64_t n)
{
    struct command c = {.opcode = 1, .id = (uint16_t)n, .length = 4096};

    for (unsigned i = 0; i < 6; i++) {
        c.words[i] = (n + 1) * (i + 3) * UINT64_C(0x100000001b3);
        c.sum += c.words[i];
    }
    membus_copy(&q->shared->sq[n % ENTRIES], &c, sizeof(c));
    membus_barrier_publish(); /* the command before the doorbell; pairs with the device's consume */
    membus_ram_store_le32(&q->shared->sq_tail, (uint32_t)(n + 1));
}

static bool belongs(const struct completion *c, uint64_t n)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < 6; i++)
        sum += (n + 1) * (i + 3) * UINT64_C(0x100000001b3);
    return c->result == hash(sum) && c->echo == (uint32_t)n && c->id == (uint16_t)n &&
           c->sq_head == (uint16_t)(n + 1);
}

/* Polls the word with the phase, then takes the rest. */
static void reap(struct queue *q, uint64_t n)
{
    struct completion *slot = &q->shared->cq[n % ENTRIES], c;
    unsigned phase = !(n / ENTRIES & 1);

    for (unsigned spin = 1; (membus_ram_load_le16(&slot->status) & 1) != phase; spin++) {
        q->counts.polls++;
        if (spin % SPINS == 0)
            sched_yield();
    }
    membus_barrier_device_read(); /* the phase before the rest */
    membus_copy(&c, slot, sizeof(c));
    q->counts.completed++;
    q->counts.wraps += n % ENTRIES == ENTRIES - 1;
    q->counts.stale += !belongs(&c, n);
    q->counts.broken_commands += (c.status & 0xfff0) == 0xbad0;
    membus_ram_store_le32(&q->shared->cq_head, (uint32_t)(n + 1));
}

static void *guest(void *arg)
{
    struct queue *q = arg;
    uint64_t submitted = 0;

    for (uint64_t n = 0; n < q->commands; n++) {
        while (submitted < q->commands && submitted - n < ENTRIES)
            submit(q, submitted++);
        reap(q, n);
    }
    return NULL;
}

/* Puts the threads on CPUs of their own, if there are two: on one they would only take turns, and
 * see nothing of each other's copies. Returns how many CPUs they have. */
static int spread(pthread_t threads[2])
{
    cpu_set_t all, one;
    int n = 0;

    if (sched_getaffinity(0, sizeof(all), &all))
        return 1;
    for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        pthread_setaffinity_np(threads[n++], sizeof(one), &one);
    }
    return n;
}

int main(int argc, char **argv)
{
    int cpus;

    struct queue q = {.commands = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000000};
    pthread_t threads[2];

    q.bytes = argc > 2 && !strcmp(argv[2], "bytes");
    q.shared =
        mmap(NULL, sizeof(*q.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (q.shared == MAP_FAILED) {
        perror("mmap");
        return 2;
    }
    if (pthread_create(&threads[0], NULL, device, &q) ||
        pthread_create(&threads[1], NULL, guest, &q)) {
        fprintf(stderr, "ring: no threads\n");
        return 2;
    }
    cpus = spread(threads);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    printf("%s on %d CPUs: %llu completions, %llu times around, %llu polls; "
           "%llu stale or mixed, %llu broken commands\n",
           q.bytes ? "bytes, the last first" : membus_kernel_name(), cpus,
           (unsigned long long)q.counts.completed, (unsigned long long)q.counts.wraps,
           (unsigned long long)q.counts.polls, (unsigned long long)q.counts.stale,
           (unsigned long long)q.counts.broken_commands);
    return q.counts.stale || q.counts.broken_commands;
}
