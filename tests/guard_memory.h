/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TESTS_GUARD_MEMORY_H
#define MEMBUS_TESTS_GUARD_MEMORY_H

/*
 * Memory for the tests of guards: a memfd mapped twice. Through the *target* view a copy runs and
 * faults, through the *witness* view the test sees what was stored. Source bytes and old
 * destination bytes differ everywhere, so the memory itself says how many bytes arrived.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <membus/guard.h>

#include "harness.h"

#define PAGE  4096u
#define PAGES 8u
#define SIZE  (PAGES * PAGE)

static inline unsigned faults_wanted(void)
{
    const char *text = getenv("MEMBUS_GUARD_FAULTS");

    return text ? (unsigned)strtoul(text, NULL, 0) : 20000;
}

/* Under qemu-user, whose runs are thinned out (copy_checker.h). */
static inline bool emulated(void)
{
    const char *quick = getenv("MEMBUS_TESTS_QUICK");

    return quick && *quick;
}

static uint64_t random_state = 88172645463325252u;

static inline uint32_t random_32(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16);
}

static inline uint32_t below(uint32_t n)
{
    return random_32() % n;
}

/* A size with many small ones, as DMA has. */
static inline size_t random_size(void)
{
    switch (below(4)) {
    case 0:
        return below(17);
    case 1:
        return below(130);
    case 2:
        return below(1500);
    default:
        return below(3 * PAGE);
    }
}

struct memory {
    int fd;
    char *target, *witness;
};

static inline struct memory memory_open(void)
{
    struct memory m = {memfd_create("guard", 0), NULL, NULL};

    assert_true(m.fd >= 0);
    assert_int_equal(ftruncate(m.fd, SIZE), 0);
    m.target = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, m.fd, 0);
    m.witness = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, m.fd, 0);
    assert_true(m.target != MAP_FAILED && m.witness != MAP_FAILED);
    return m;
}

static inline void memory_close(struct memory *m)
{
    munmap(m->target, SIZE);
    munmap(m->witness, SIZE);
    close(m->fd);
}

/* Source bytes have the top bit, old destination bytes have not; their places in 128 differ. */
static inline char new_byte(size_t i)
{
    return (char)(0x80 | (i * 37 & 0x7f));
}

static inline char old_byte(size_t i)
{
    return (char)(i * 11 & 0x7f);
}

/* Whole patterns, so that a test sets its bytes with one memcpy. */
static char pattern_new[SIZE], pattern_old[SIZE];

static inline void patterns_make(void)
{
    for (size_t i = 0; i < SIZE; i++) {
        pattern_new[i] = new_byte(i);
        pattern_old[i] = old_byte(i);
    }
}

/* Do `done` bytes of dst hold the source's, and no byte after them, nor any of the 64 before and
 * behind, something new? */
static inline bool is_exact(const char *dst, const char *expected, size_t n, size_t done,
                            const char *area, size_t area_size)
{
    const size_t at = (size_t)(dst - area);
    const size_t end = at + n + 64 < area_size ? at + n + 64 : area_size;
    const size_t begin = at > 64 ? at - 64 : 0;

    return memcmp(dst, expected, done) == 0 &&
           memcmp(area + begin, pattern_old + begin, at - begin) == 0 &&
           (at + done >= end ||
            memcmp(area + at + done, pattern_old + at + done, end - at - done) == 0);
}

/* Fails the test where that does not hold. */
static inline void check_exact(const char *dst, const char *expected, size_t n, size_t done,
                               const char *area, size_t area_size, const char *what)
{
    if (!is_exact(dst, expected, n, done, area, area_size))
        fail_msg("%s: n %zu at %zu: count %zu is not what the memory holds", what, n,
                 (size_t)(dst - area), done);
}

static sigjmp_buf sigbus_back;
static volatile uintptr_t sigbus_addr;

static inline void sigbus_noted(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    sigbus_addr = (uintptr_t)info->si_addr;
    siglongjmp(sigbus_back, 1);
}

/* Does SIGBUS say in which page? qemu-user, for big-endian programs of 64 bits, hands on the
 * fault's address with its halves exchanged. */
static inline bool sigbus_tells_page(void)
{
    struct sigaction action = {.sa_sigaction = sigbus_noted, .sa_flags = SA_SIGINFO}, old;
    struct memory m = memory_open();

    sigaction(SIGBUS, &action, &old);
    if (ftruncate(m.fd, 0) == 0 && sigsetjmp(sigbus_back, 1) == 0)
        *(volatile char *)m.target = 1;
    sigaction(SIGBUS, &old, NULL);
    memory_close(&m);
    return sigbus_addr / PAGE == (uintptr_t)m.target / PAGE;
}

/* For tests, and programs all of whose tests, take memory away by SIGBUS. */
#define WRONG_ADDRESS "SIGBUS tells a wrong address here (qemu-user)"
#define NEED_SIGBUS()             \
    do {                          \
        if (!sigbus_tells_page()) \
            SKIP(WRONG_ADDRESS);  \
    } while (0)

/* cmocka sets its own handlers at the start of every test, so each test installs ours anew. */
static inline void guard_on(void)
{
    assert_int_equal(membus_guard_install(), 0);
    assert_true(membus_guard_installed());
}

static inline void guard_off(void)
{
    assert_int_equal(membus_guard_uninstall(), 0);
}

/* Who sends signals to whom. */
struct sender {
    pthread_t to;
    unsigned count;
    atomic_bool done;
};

#endif
