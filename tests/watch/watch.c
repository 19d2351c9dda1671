/* SPDX-License-Identifier: MIT */

/*
 * Watches a stock QEMU's device writes arrive in guest RAM.
 *
 *   watch [--preload LIBRARY] [--rounds N] [--strict] QEMU
 *
 * The guest's RAM is shared memory. This process drives the devices; a second one polls the
 * destination of each DMA as a driver in the guest would, in one of three ways:
 *
 *   torn      one aligned 8-byte word: was it seen half old, half new? (W3)
 *   order     the last byte: when it is new, is a byte before it still old? (W5)
 *   repeated  one byte: the moment it is new, the old value is put back, as a driver that reuses
 *             its descriptor does. Does a second store take it away? (W1)
 *
 * Prints a table, and one TAP line; with --strict a single observation of any of the three fails.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "devices.h"

enum way { TORN, ORDER, REPEATED, WAYS };

/* What the two processes share beside the RAM. */
struct board {
    _Atomic uint32_t round; /* counts up: a DMA is about to start */
    _Atomic uint32_t seen;  /* the watcher is done with this round */
    _Atomic uint32_t over;  /* this round's DMA is over */
    enum way way;
    uint32_t at, n, pick; /* destination; the word or byte to watch */
    uint64_t polls;       /* of the watcher, all rounds */
    uint64_t caught;      /* rounds in which it saw what it watches for */
    uint64_t met;         /* rounds in which it saw the store happen, not only its result */
};

static struct board *board;
static struct qtest qemu;

/* A processor of its own for the watcher; the others for the driver and QEMU. */
static void pin(bool watcher)
{
    const int all = (int)sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;

    if (all < 2)
        return;
    CPU_ZERO(&set);
    for (int i = 0; i < all; i++) {
        if ((i == all - 1) == watcher)
            CPU_SET(i, &set);
    }
    sched_setaffinity(0, sizeof(set), &set);
}

/* The watcher. */

static uint64_t load_64(const char *p)
{
    return *(const volatile uint64_t *)(const void *)p;
}

static char load_8(const char *p)
{
    return *(const volatile char *)p;
}

static bool is_old(const char *p)
{
    return load_8(p) == (char)OLD_BYTE;
}

static bool over(void)
{
    return atomic_load_explicit(&board->over, memory_order_acquire) == board->round;
}

static unsigned old_bytes(uint64_t word)
{
    unsigned count = 0;

    for (unsigned i = 0; i < 8; i++)
        count += (word >> (8 * i) & 0xff) == OLD_BYTE;
    return count;
}

static bool watch_torn(const char *word)
{
    bool torn = false, met = false;

    for (;;) {
        const unsigned old = old_bytes(load_64(word));

        board->polls++;
        if (old == 0)
            break;
        if (over())
            return torn;
        met = true;
        torn |= old < 8;
    }
    board->met += met;
    return torn;
}

static bool watch_order(const char *first, size_t n)
{
    bool met = false;

    while (is_old(first + n - 1)) {
        board->polls++;
        if (over())
            return false;
        met = true;
    }
    board->met += met;
    for (size_t i = 0; i < n - 1; i++) {
        if (is_old(first + i))
            return true;
    }
    return false;
}

static bool watch_repeated(char *byte)
{
    bool met = false;

    while (is_old(byte)) {
        board->polls++;
        if (over())
            return false;
        met = true;
    }
    *(volatile char *)byte = (char)OLD_BYTE;
    board->met += met;
    for (unsigned i = 0; i < 2000 || !over(); i++) {
        if (!is_old(byte))
            return true;
    }
    return false;
}

static __attribute__((noreturn)) void watcher(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(true);
    for (uint32_t round = 0;; round++) {
        while (atomic_load_explicit(&board->round, memory_order_acquire) == round)
            sched_yield();

        char *const first = qemu.ram + board->at;
        bool caught = false;

        if (board->way == TORN)
            caught = watch_torn(first + board->pick);
        else if (board->way == ORDER)
            caught = watch_order(first, board->n);
        else
            caught = watch_repeated(first + board->pick);
        board->caught += caught;
        atomic_store_explicit(&board->seen, round + 1, memory_order_release);
    }
}

/* The driver. */

/* Words or bytes that the rounds go through: all over the range, most at its ends, where
 * routines overlap their stores. */
static uint32_t pick_of(const struct device *device, enum way way, uint32_t at, uint32_t n,
                        unsigned round)
{
    if (way == TORN) {
        const uint32_t lead = -at & 7, words = n >= lead + 8 ? (n - lead) / 8 : 0;

        return words == 0 ? UINT32_MAX : lead + 8 * (round % words);
    }
    if (device == &device_cqe)
        return round % 14; /* the phase tag, behind them, tells the driver that it is over */
    return round & 1 ? round / 2 % n : n - 1 - round / 2 % n;
}

static bool one_round(const struct device *device, enum way way, uint32_t at, uint32_t n,
                      unsigned round)
{
    const uint32_t to = device == &device_cqe ? cqe_next() : at;
    const uint32_t pick = way == ORDER ? 0 : pick_of(device, way, to, n, round);
    const uint32_t number = board->round + 1;

    if (pick == UINT32_MAX)
        return false;
    memset(qemu.ram + to, OLD_BYTE, n);
    board->way = way;
    board->at = to;
    board->n = n;
    board->pick = pick;
    atomic_store_explicit(&board->round, number, memory_order_release);
    device->start(&qemu, at, n);
    while (!device->over(&qemu))
        usleep(device->slow > 1 ? 2000 : 10);
    atomic_store_explicit(&board->over, number, memory_order_release);
    while (atomic_load_explicit(&board->seen, memory_order_acquire) != number)
        sched_yield();
    return true;
}

static uint64_t total[WAYS];

static void watch(const struct device *device, uint32_t at, uint32_t n, unsigned rounds)
{
    printf("#  %-16s %5u %4u", device->name, n, at & 63);
    for (enum way way = TORN; way < WAYS; way++) {
        unsigned made = 0;

        board->caught = board->met = 0;
        for (unsigned i = 0; i < rounds / device->slow; i++)
            made += one_round(device, way, at, n, i);
        printf("  %6llu /%6llu /%6u", (unsigned long long)board->caught,
               (unsigned long long)board->met, made);
        total[way] += board->caught;
    }
    putchar('\n');
    fflush(stdout);
}

static void watch_all(unsigned rounds)
{
    static const uint32_t edu[] = {15, 33, 300, 4095}, log[] = {16, 20, 36, 60, 100, 256, 512},
                          frames[] = {60, 64, 100, 129, 300, 1000, 1500};

    printf("#  %-16s %5s %4s  %-23s %-23s %-23s\n", "device", "bytes", "at", "torn", "last first",
           "stored twice");
    printf("#  %-28s%s\n", "", "  (rounds with it / where the store was met / all)");
    device_nvme.setup(&qemu);
    for (unsigned i = 0; i < sizeof(log) / sizeof(*log); i++) {
        watch(&device_nvme, 0x800000, log[i], rounds);
        watch(&device_nvme, 0x80002c, log[i], rounds);
    }
    watch(&device_cqe, 0, 16, rounds);
    device_e1000.setup(&qemu);
    for (unsigned i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
        watch(&device_e1000, 0x900000, frames[i], rounds);
        watch(&device_e1000, 0x900013, frames[i], rounds);
    }
    device_edu.setup(&qemu);
    for (unsigned i = 0; i < sizeof(edu) / sizeof(*edu); i++)
        watch(&device_edu, 0xa00003, edu[i], rounds);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"preload", required_argument, NULL, 'p'},
        {"rounds", required_argument, NULL, 'r'},
        {"strict", no_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    const char *preload = NULL;
    unsigned rounds = 200;
    bool strict = false;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'p')
            preload = optarg;
        else if (option == 'r')
            rounds = (unsigned)strtoul(optarg, NULL, 0);
        else if (option == 's')
            strict = true;
        else
            return 2;
    }
    if (optind != argc - 1)
        return 2;

    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pin(false);
    qtest_start(&qemu, argv[optind], preload);

    const pid_t child = fork();

    if (child == 0)
        watcher();
    watch_all(rounds);
    printf("#  in all: %llu torn, %llu last first, %llu stored twice; %llu polls\n",
           (unsigned long long)total[TORN], (unsigned long long)total[ORDER],
           (unsigned long long)total[REPEATED], (unsigned long long)board->polls);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    qtest_stop(&qemu);
    return strict && total[TORN] + total[ORDER] + total[REPEATED] ? 1 : 0;
}
