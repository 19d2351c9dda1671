/* SPDX-License-Identifier: MIT */

/*
 * Guarded accesses: the count, checked against the memory (guard_memory.h).
 *
 * MEMBUS_GUARD_FAULTS sets how many faults the random tests inject (the suite `slow`: a million).
 */

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "guard_memory.h"
#include "kernels.h"

/* Truncated destination: the copy runs into the end of the file. */

struct truncation {
    struct memory m;
    size_t end; /* the file's size now */
};

static void truncate_to(struct truncation *t, size_t end)
{
    assert_int_equal(ftruncate(t->m.fd, (off_t)end), 0);
    t->end = end;
}

/* What the count must be without a fault between: all before the end, but for W2's single store,
 * which is whole or not at all (pages are aligned, so where it is made at all). */
static size_t expected_count(size_t at, size_t n, size_t end)
{
    if (at + n <= end)
        return n;
    if (MEMBUS_ARCH_RAM_UNALIGNED && n <= 8 && (n & (n - 1)) == 0)
        return 0;
    return at < end ? end - at : 0;
}

static void check_fault(const struct membus_fault *fault, const char *target, size_t at, size_t n,
                        size_t end, bool store)
{
    const char *first = target + (at > end ? at : end);

    assert_int_equal(fault->signal, SIGBUS);
    assert_int_equal(fault->code, BUS_ADRERR);
    assert_int_equal(fault->store, store);
    if ((const char *)fault->addr < first || (const char *)fault->addr >= target + at + n)
        fail_msg("fault at %p, not in what is gone", fault->addr);
}

/* A copy of n bytes to `at`, from src + shift. Returns the faults: 0 or 1. */
static unsigned truncated_destination(struct truncation *t, const char *src, size_t n, size_t at,
                                      size_t shift)
{
    struct membus_fault fault = {0};
    const size_t kept = at < t->end ? (n < t->end - at ? n : t->end - at) : 0;
    const size_t begin = at > 64 ? at - 64 : 0;
    const size_t end = t->end < at + n + 64 ? t->end : at + n + 64;

    if (begin < end)
        memcpy(t->m.witness + begin, pattern_old + begin, end - begin);

    const size_t done = membus_guard_copy(t->m.target + at, src + shift, n, &fault);

    assert_int_equal(done, expected_count(at, n, t->end));
    assert_true(done <= kept);
    if (at < t->end)
        check_exact(t->m.witness + at, src + shift, kept, done, t->m.witness, t->end,
                    "truncated dst");
    if (done == n)
        return 0;
    check_fault(&fault, t->m.target, at, n, t->end, true);
    return 1;
}

/* One of n bytes from `at` to dst + shift. */
static unsigned truncated_source(struct truncation *t, char *dst, size_t n, size_t at, size_t shift)
{
    struct membus_fault fault = {0};

    memcpy(dst, pattern_old, shift + n + 64);

    const size_t done = membus_guard_copy(dst + shift, t->m.target + at, n, &fault);

    /* The loads run ahead of the stores, so fewer bytes than there were may have arrived. */
    assert_true(done <= expected_count(at, n, t->end));
    check_exact(dst + shift, pattern_new + at, n, done, dst, SIZE, "truncated src");
    if (done == n) {
        assert_true(at + n <= t->end);
        return 0;
    }
    check_fault(&fault, t->m.target, at, n, t->end, false);
    return 1;
}

/* Of any size, near the end. False: there is no room. */
static bool somewhere(const struct truncation *t, size_t *n, size_t *at, size_t *shift)
{
    *n = random_size() + 1;

    const size_t around = *n + 256, low = t->end > around ? t->end - around : 0;

    *at = low + below((uint32_t)(t->end + 64 - low));
    *shift = 64 + below(64);
    return *at + *n <= SIZE && *shift + *n + 64 <= SIZE;
}

static unsigned truncated_destination_somewhere(struct truncation *t, const char *src)
{
    size_t n, at, shift;

    return somewhere(t, &n, &at, &shift) ? truncated_destination(t, src, n, at, shift) : 0;
}

static unsigned truncated_source_somewhere(struct truncation *t, char *dst)
{
    size_t n, at, shift;

    return somewhere(t, &n, &at, &shift) ? truncated_source(t, dst, n, at, shift) : 0;
}

static void test_truncated(void **state)
{
    static char plain[SIZE + 128];
    struct truncation t = {memory_open(), SIZE};
    const unsigned wanted = faults_wanted();
    unsigned faults = 0, copies = 0;

    (void)state;
    NEED_SIGBUS();
    guard_on();
    memcpy(plain, pattern_new, SIZE);
    for (bool source = false; faults < wanted; copies++) {
        if (copies % 64 == 0) {
            source = below(2);
            truncate_to(&t, PAGE * (1 + below(PAGES - 1)));
            if (source)
                memcpy(t.m.witness, pattern_new, t.end);
        }
        faults += source ? truncated_source_somewhere(&t, plain)
                         : truncated_destination_somewhere(&t, pattern_new);
    }
    printf("# %u SIGBUS survived in %u copies, every count exact (kernel %s)\n", faults, copies,
           membus_kernel_name());
    memory_close(&t.m);
    guard_off();
}

/* Short sizes with every number of their bytes there, others with all but a few, at every place in
 * a word of the other side. */
static void test_truncated_exhaustive(void **state)
{
    static char plain[SIZE + 128];
    struct truncation t = {memory_open(), SIZE};
    const size_t most = emulated() ? 24 : 640;
    unsigned faults = 0, copies = 0;

    (void)state;
    NEED_SIGBUS();
    guard_on();
    truncate_to(&t, PAGE);
    memcpy(plain, pattern_new, SIZE);
    for (unsigned source = 0; source < 2; source++) {
        for (size_t n = 1; n <= most; n++) {
            for (size_t there = n > 80 ? n - 16 : 0; there < n; there++) {
                for (size_t shift = 64; shift < 72; shift++, copies++)
                    faults += source
                                  ? truncated_source(&t, plain, n, PAGE - there, shift)
                                  : truncated_destination(&t, pattern_new, n, PAGE - there, shift);
            }
        }
        memcpy(t.m.witness, pattern_new, PAGE);
    }
    assert_int_equal(faults, copies);
    memory_close(&t.m);
    guard_off();
}

/*
 * The page goes away while the copy runs, and the memory is still there for the witness: pages of
 * the target view are withdrawn by another thread, and by a timer's signal handler, which
 * interrupts the copy at any instruction, so that faults come anywhere in a page on one CPU too.
 */

static char *attacked;
static atomic_bool attack_stop;

static void withdraw(unsigned page, int protection)
{
    mprotect(attacked + page * PAGE, PAGE, protection);
}

static void *attacking_thread(void *argument)
{
    for (unsigned page = 0; !atomic_load(&attack_stop); page = (page * 5 + 3) % PAGES) {
        withdraw(page, PROT_NONE);
        for (volatile int i = 0; i < 200; i++)
            continue;
        if (page & 1) /* where the threads share a CPU, the copies' turn has to come now */
            sched_yield();
        withdraw(page, PROT_READ | PROT_WRITE);
        sched_yield();
    }
    return argument;
}

static volatile sig_atomic_t attack_timer_hits;

static void attacking_handler(int signal)
{
    (void)signal;
    attack_timer_hits++;
    mprotect(attacked, SIZE, PROT_NONE);
}

struct toll {
    unsigned faults, inside; /* inside a page, not at its start */
};

/* Copies until `wanted` faults or, with other work on this machine, for two seconds. */
static struct toll copies_under_attack(struct memory *m, unsigned wanted, bool timer)
{
    static char plain[SIZE + 128];
    const time_t begin = time(NULL);
    struct toll toll = {0, 0};

    for (unsigned i = 0; toll.faults < wanted && time(NULL) - begin <= 2; i++) {
        const bool source = i & 1;
        const size_t n = 1 + below(4 * PAGE), at = 64 + below(SIZE - 128 - (uint32_t)n);
        const size_t other = 64 + below(64);
        struct membus_fault fault = {0};
        size_t done;

        memcpy(m->witness + at, source ? pattern_new + at : pattern_old + at, n);
        memcpy(plain, pattern_old, other + n + 64);
        if (timer)
            mprotect(m->target, SIZE, PROT_READ | PROT_WRITE);
        if (source) {
            done = membus_guard_copy(plain + other, m->target + at, n, &fault);
            check_exact(plain + other, pattern_new + at, n, done, plain, SIZE, "withdrawn src");
        } else {
            done = membus_guard_copy(m->target + at, pattern_new + other, n, &fault);
            check_exact(m->witness + at, pattern_new + other, n, done, m->witness, SIZE,
                        "withdrawn dst");
        }
        memcpy(m->witness + at - 64, pattern_old + at - 64, n + 128);
        if (done == n)
            continue;
        toll.faults++;
        toll.inside += ((uintptr_t)fault.addr & (PAGE - 1)) != 0 && done > 0;
        assert_int_equal(fault.signal, SIGSEGV);
        assert_int_equal(fault.store, !source);
    }
    return toll;
}

static void test_withdrawn_by_thread(void **state)
{
    struct memory m = memory_open();
    const unsigned wanted = faults_wanted() / 10;
    pthread_t thread;

    (void)state;
#ifdef __arm__
    if (emulated())
        SKIP("STRD is two stores here, and a page may go away between them (qemu-user)");
#endif
    guard_on();
    memcpy(m.witness, pattern_old, SIZE);
    attacked = m.target;
    atomic_store(&attack_stop, false);
    assert_int_equal(pthread_create(&thread, NULL, attacking_thread, NULL), 0);

    const struct toll toll = copies_under_attack(&m, wanted, false);

    atomic_store(&attack_stop, true);
    pthread_join(thread, NULL);
    printf("# %u faults, %u of them inside a page\n", toll.faults, toll.inside);
    memory_close(&m);
    guard_off();
    if (toll.faults == 0)
        SKIP("the other thread never withdrew a page while it was copied");
}

static void test_withdrawn_by_handler(void **state)
{
    const struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};
    struct sigaction action = {.sa_handler = attacking_handler, .sa_flags = SA_RESTART};
    struct memory m = memory_open();
    const unsigned wanted = faults_wanted() / 10;

    (void)state;
    guard_on();
    memcpy(m.witness, pattern_old, SIZE);
    attacked = m.target;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);

    const struct toll toll = copies_under_attack(&m, wanted, true);

    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    printf("# %u faults, %u of them inside a page, %d signals\n", toll.faults, toll.inside,
           (int)attack_timer_hits);
    assert_true(toll.inside > 0);
    memory_close(&m);
    guard_off();
}

/* Fill, and moves of every overlap, into memory that ends. */

static void test_fill(void **state)
{
    struct truncation t = {memory_open(), SIZE};
    char value[3 * PAGE + 64];

    (void)state;
    NEED_SIGBUS();
    guard_on();
    memset(value, 0xa5, sizeof(value));
    for (unsigned i = 0; i < faults_wanted() / 10; i++) {
        struct membus_fault fault = {0};

        if (i % 64 == 0)
            truncate_to(&t, PAGE * (1 + below(PAGES - 4)));

        const size_t n = random_size(), at = t.end - below(PAGE);
        const size_t kept = expected_count(at, n, t.end);

        memcpy(t.m.witness, pattern_old, t.end);
        assert_int_equal(membus_guard_fill(t.m.target + at, 0xa5, n, &fault), kept);
        check_exact(t.m.witness + at, value, n < t.end - at ? n : t.end - at, kept, t.m.witness,
                    t.end, "fill");
        if (kept < n)
            check_fault(&fault, t.m.target, at, n, t.end, true);
    }
    memory_close(&t.m);
    guard_off();
}

/* The bytes that a memory holds after a move that stopped at `done`. */
static void move_reference(char *area, size_t dst, size_t src, size_t done)
{
    memmove(area + dst, area + src, done);
}

static void test_move(void **state)
{
    struct memory m = memory_open();
    static char expected[SIZE];
    unsigned short_moves = 0;

    (void)state;
    guard_on();
    for (unsigned i = 0; i < faults_wanted() / 10; i++) {
        const size_t d = 1 + below(i & 1 ? 300 : 2 * MEMBUS_MOVE_EXACT);
        const size_t n = 1 + below(3 * PAGE), src = below(PAGE), dst = src + d;
        const size_t gone = 1 + below(6); /* this page, and what is behind it */
        const size_t need = d < n ? (d < n - d ? d : n - d) : 0;
        struct membus_fault fault = {0};

        memcpy(m.witness, pattern_new, SIZE);
        memcpy(expected, pattern_new, SIZE);
        mprotect(m.target + gone * PAGE, SIZE - gone * PAGE, PROT_NONE);

        const size_t done = membus_guard_move(m.target + dst, m.target + src, n, &fault);

        mprotect(m.target, SIZE, PROT_READ | PROT_WRITE);
        move_reference(expected, dst, src, done);
        assert_memory_equal(m.witness, expected, SIZE);
        if (need > MEMBUS_MOVE_EXACT) {
            assert_int_equal(done, 0);
            assert_int_equal(fault.signal, 0);
        } else if (dst + n <= gone * PAGE) {
            assert_int_equal(done, n);
        } else {
            assert_true(done < n && (done == 0 || dst + done <= gone * PAGE));
            assert_int_equal(fault.signal, SIGSEGV);
            short_moves++;
        }
    }
    assert_true(short_moves > 0);
    memory_close(&m);
    guard_off();
}

/* Moves that meet no fault are exact for every small case. */
static void test_move_exhaustive(void **state)
{
    char area[256], expected[256];

    (void)state;
    for (size_t n = 0; n <= 80; n++) {
        for (size_t src = 0; src < 24; src++) {
            for (size_t dst = 0; dst < 100; dst++) {
                memcpy(area, pattern_new, sizeof(area));
                memcpy(expected, pattern_new, sizeof(area));
                memmove(expected + dst, expected + src, n);
                assert_int_equal(membus_guard_move(area + dst, area + src, n, NULL), n);
                assert_memory_equal(area, expected, sizeof(area));
            }
        }
    }
}

/* Device accesses: all ones, and the write's fault. */
static void test_device(void **state)
{
    struct memory m = memory_open();
    struct membus_fault fault = {0};
    uint8_t a = 0;
    uint16_t b = 0;
    uint32_t c = 0;
    uint64_t d = 0;

    (void)state;
    NEED_SIGBUS();
    if (MEMBUS_ARCH_MMIO_WIDTH < 8) {
        assert_int_equal(membus_guard_read_64(m.target, &d, NULL), -EOPNOTSUPP);
        memory_close(&m);
        SKIP("no 64-bit accesses to devices here");
    }
    guard_on();
    memcpy(m.witness, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    assert_int_equal(membus_guard_read_8(m.target, &a, NULL), 0);
    assert_int_equal(membus_guard_read_16(m.target, &b, NULL), 0);
    assert_int_equal(membus_guard_read_32(m.target, &c, NULL), 0);
    assert_int_equal(membus_guard_read_64(m.target, &d, &fault), 0);
    assert_int_equal(a, 1);
    assert_int_equal(membus_le16(b), 0x0201);
    assert_int_equal(membus_le32(c), 0x04030201);
    assert_int_equal(membus_le64(d), 0x0807060504030201);
    assert_int_equal(fault.signal, 0);

    assert_int_equal(membus_guard_write_8(m.target, 0xaa, NULL), 0);
    assert_int_equal(membus_guard_write_16(m.target + 2, 0xbbbb, NULL), 0);
    assert_int_equal(membus_guard_write_32(m.target + 4, 0xcccccccc, NULL), 0);
    assert_int_equal(membus_guard_write_64(m.target + 8, 0xdddddddddddddddd, NULL), 0);
    assert_memory_equal(m.witness,
                        "\xaa\x02\xbb\xbb\xcc\xcc\xcc\xcc\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd", 16);

    assert_int_equal(ftruncate(m.fd, 0), 0);
    assert_int_equal(membus_guard_read_8(m.target, &a, NULL), -EFAULT);
    assert_int_equal(membus_guard_read_16(m.target, &b, NULL), -EFAULT);
    assert_int_equal(membus_guard_read_32(m.target + 8, &c, &fault), -EFAULT);
    assert_int_equal(a, 0xff);
    assert_int_equal(b, 0xffff);
    assert_true(c == UINT32_MAX);
    assert_ptr_equal(fault.addr, m.target + 8);
    assert_false(fault.store);
    assert_int_equal(membus_guard_read_64(m.target, &d, NULL), -EFAULT);
    assert_true(d == UINT64_MAX);
    assert_int_equal(membus_guard_write_8(m.target, 0, &fault), -EFAULT);
    assert_int_equal(membus_guard_write_16(m.target, 0, NULL), -EFAULT);
    assert_int_equal(membus_guard_write_32(m.target, 0, NULL), -EFAULT);
    assert_int_equal(membus_guard_write_64(m.target, 0, NULL), -EFAULT);
    assert_ptr_equal(fault.addr, m.target);
    assert_true(fault.store);
    memory_close(&m);
    guard_off();
}

/* A poisoned page: madvise(MADV_HWPOISON), where the kernel has it and lets us. */
static void test_poisoned(void **state)
{
    char *area = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char to[2 * PAGE];
    struct membus_fault fault = {0};

    (void)state;
    guard_on();
    memset(area, 0x5a, 2 * PAGE);
    if (madvise(area + PAGE, PAGE, MADV_HWPOISON) != 0) {
        munmap(area, 2 * PAGE);
        guard_off();
        SKIP("the kernel has no MADV_HWPOISON, or we lack CAP_SYS_ADMIN");
    }

    const size_t done = membus_guard_copy(to, area + PAGE - 100, 300, &fault);

    if (done == 300) {
        munmap(area, 2 * PAGE);
        guard_off();
        SKIP("MADV_HWPOISON is taken and does nothing (qemu-user)");
    }
    assert_true(done <= 100);
    assert_int_equal(fault.signal, SIGBUS);
    assert_true(fault.code == BUS_MCEERR_AR);
    assert_ptr_equal(fault.addr, area + PAGE);
    munmap(area, 2 * PAGE);
    guard_off();
}

/* An address that is none: the processor reports no address, and si_code SI_KERNEL. */
static void test_non_canonical(void **state)
{
    struct membus_fault fault = {0};
    char to[16];

    (void)state;
    if (strcmp(MEMBUS_ARCH_NAME, "x86_64") != 0)
        SKIP("addresses here have no canonical form");
    guard_on();
    assert_int_equal(membus_guard_copy(to, (void *)(uintptr_t)0x8000000000000000, 16, &fault), 0);
    assert_int_equal(fault.signal, SIGSEGV);
    guard_off();
}

/* Nested: a signal handler makes guarded copies, with faults of its own, while one runs. */

static struct memory nested_memory;
static volatile unsigned nested_wrong, nested_calls;

static void nesting_handler(int signal)
{
    static char to[300];
    struct membus_fault fault = {0};

    (void)signal;
    nested_calls++;
    memcpy(to, pattern_old, sizeof(to));

    const size_t done = membus_guard_copy(to, nested_memory.target + PAGE - 96, 300, &fault);

    if (done > 96 || memcmp(to, pattern_new, done) != 0 ||
        memcmp(to + done, pattern_old + done, sizeof(to) - done) != 0 ||
        fault.addr != nested_memory.target + PAGE || fault.signal != SIGBUS)
        nested_wrong++;
}

static void *send_alarms(void *argument)
{
    struct sender *s = argument;

    for (unsigned i = 0; i < s->count; i++) {
        pthread_kill(s->to, SIGUSR1);
        usleep(20); /* the copies go on meanwhile */
    }
    atomic_store(&s->done, true);
    return NULL;
}

static void test_nested(void **state)
{
    struct truncation t = {memory_open(), SIZE};
    struct sender sender = {pthread_self(), 3000, false};
    struct sigaction action = {.sa_handler = nesting_handler};
    static char plain[SIZE + 128];
    pthread_t thread;

    (void)state;
    if (emulated())
        SKIP("qemu-user loses a SIGBUS that another signal meets, and faults for ever");
    NEED_SIGBUS();
    guard_on();
    nested_memory = memory_open();
    assert_int_equal(ftruncate(nested_memory.fd, PAGE), 0);
    memcpy(nested_memory.witness + PAGE - 96, pattern_new, 96);
    sigaction(SIGUSR1, &action, NULL);
    truncate_to(&t, 4 * PAGE);
    memcpy(t.m.witness, pattern_new, t.end);
    assert_int_equal(pthread_create(&thread, NULL, send_alarms, &sender), 0);
    while (!atomic_load(&sender.done)) {
        truncated_source_somewhere(&t, plain);
        truncated_destination_somewhere(&t, pattern_new);
        memcpy(t.m.witness, pattern_new, t.end);
    }
    pthread_join(thread, NULL);
    assert_true(nested_calls > 100);
    assert_int_equal(nested_wrong, 0);
    memory_close(&nested_memory);
    memory_close(&t.m);
    guard_off();
}

/* Several threads fault at the same time. */

static void *faulting_thread(void *argument)
{
    struct memory *m = argument;
    char to[4096];

    for (unsigned i = 0; i < 3000; i++) {
        struct membus_fault fault = {0};
        const size_t n = 1 + i % 3000, lead = i % 90;

        if (membus_guard_copy(to, m->target + PAGE - lead, n + 90, &fault) > lead ||
            fault.signal != SIGBUS)
            return argument;
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct memory m = memory_open();
    pthread_t thread[4];

    (void)state;
    NEED_SIGBUS();
    guard_on();
    assert_int_equal(ftruncate(m.fd, PAGE), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, faulting_thread, &m), 0);
    for (unsigned i = 0; i < 4; i++) {
        void *wrong;

        pthread_join(thread[i], &wrong);
        assert_null(wrong);
    }
    memory_close(&m);
    guard_off();
}

/* The checker itself: a count that is one off, a byte stored too far or before, are caught. */
static void test_checker(void **state)
{
    static const struct {
        size_t done, stray;
    } bad[] = {{49, 100}, {51, 100}, {50, 150}, {50, 99}};
    char area[512];

    (void)state;
    memcpy(area, pattern_old, sizeof(area));
    memcpy(area + 100, pattern_new, 50);
    assert_true(is_exact(area + 100, pattern_new, 80, 50, area, sizeof(area)));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        area[bad[i].stray] ^= i >= 2 ? 0x80 : 0;
        assert_false(is_exact(area + 100, pattern_new, 80, bad[i].done, area, sizeof(area)));
        area[bad[i].stray] ^= i >= 2 ? 0x80 : 0;
    }
}

#ifdef MEMBUS_ARCH_X86_64_H
#include "arch/x86_64/guard_rows.h"

GUARD_TABLE(avx2, row_avx2);
GUARD_TABLE(avx512, row_avx512);

static void *writable(const void *row)
{
    const uintptr_t first = (uintptr_t)row & ~(uintptr_t)(PAGE - 1);

    assert_int_equal(mprotect((void *)first, 2 * PAGE, PROT_READ | PROT_WRITE), 0);
    return (void *)(uintptr_t)row;
}

/*
 * MEMBUS_GUARD_MUTANT=I: row I of the table of the kernel in use is made wrong, by a byte too many
 * (avx2) or the next kind (avx512), and the tests must fail (test_guard_mutants.sh); =rows: prints
 * how many there are. False: it is not set.
 */
static bool is_mutant(void)
{
    const char *text = getenv("MEMBUS_GUARD_MUTANT");
    const bool avx2 = strcmp(membus_kernel_name(), "avx2") == 0;

    if (!text)
        return false;
    if (strcmp(text, "rows") == 0) {
        printf("%td\n", avx2 ? avx2_end - avx2_begin : avx512_end - avx512_begin);
        exit(0);
    }

    const size_t i = strtoul(text, NULL, 0);

    if (avx2)
        ((struct row_avx2 *)writable(&avx2_begin[i]))->at++;
    else
        ((struct row_avx512 *)writable(&avx512_begin[i]))->kind++;
    return true;
}
#else
static bool is_mutant(void)
{
    return false;
}
#endif

int main(void)
{
    const struct CMUnitTest some[] = {
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_truncated_exhaustive),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checker),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_truncated_exhaustive),
        cmocka_unit_test(test_withdrawn_by_thread),
        cmocka_unit_test(test_withdrawn_by_handler),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_move),
        cmocka_unit_test(test_move_exhaustive),
        cmocka_unit_test(test_device),
        cmocka_unit_test(test_poisoned),
        cmocka_unit_test(test_non_canonical),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_threads),
    };

    if (other_kernel())
        SKIP_ALL(OTHER_KERNEL);
    patterns_make();
    return is_mutant() ? RUN_TESTS(some) : RUN_TESTS(tests);
}
