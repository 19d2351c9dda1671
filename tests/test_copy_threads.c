/* SPDX-License-Identifier: MIT */

/*
 * Two threads, real memory: what does a reader on another CPU see while a copy is under way?
 *
 * The writer copies patterns, all of whose bytes are their generation, to an unaligned
 * destination, one after the other. The poller reads aligned words inside it: a word with bytes of
 * two generations is torn (W3). It also reads the last word and then the first: the first must not
 * be older (W5, W6). An instruction trace cannot show either; only another CPU can.
 *
 *   test_copy_threads [POLLS]    the number of polls in all; the default is what CI has time for
 */

#define _GNU_SOURCE
#include "harness.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <membus/copy.h>

#include "kernels.h"
#include "torn_store.h"

typedef void *copy_routine(void *dst, const void *src, size_t n);

#define LARGEST     320
#define GENERATIONS 128

static uint64_t polls_wanted = 20 * 1000 * 1000;

struct race {
    copy_routine *copy;
    size_t n;
    unsigned char *dst;
    _Atomic bool stop;
    _Atomic uint64_t copies; /* made by the writer so far */
    uint64_t polls, torn, disordered;
};

static unsigned char memory[4096] __attribute__((aligned(4096)));
static unsigned char patterns[GENERATIONS][LARGEST] __attribute__((aligned(64)));

/* Puts the calling thread on the `which`-th CPU that the program may use; false if there is none.
 */
static bool pin(unsigned which)
{
    static cpu_set_t allowed;
    static bool known;
    cpu_set_t one;

    if (!known)
        known = sched_getaffinity(0, sizeof(allowed), &allowed) == 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed) && which-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            return sched_setaffinity(0, sizeof(one), &one) == 0;
        }
    }
    return false;
}

static void *write_patterns(void *argument)
{
    struct race *race = argument;

    for (unsigned g = 0; !atomic_load_explicit(&race->stop, memory_order_relaxed); g++) {
        race->copy(race->dst, patterns[g % GENERATIONS], race->n);
        atomic_store_explicit(&race->copies, g + 1, memory_order_relaxed);
    }
    return NULL;
}

static bool torn(uint64_t word)
{
    return word != (word & 0xff) * UINT64_C(0x0101010101010101);
}

/* Is generation a (modulo GENERATIONS) older than b? They are never far apart. */
static bool older(unsigned a, unsigned b)
{
    unsigned behind = (b - a) % GENERATIONS;

    return behind != 0 && behind < GENERATIONS / 2;
}

/* The first word must not be older than the last one, which is stored after it. A pair between
 * which this thread lost its CPU for many copies says nothing: generations repeat. */
static bool disordered(struct race *race, const unsigned char *first, const unsigned char *last)
{
    uint64_t before = atomic_load_explicit(&race->copies, memory_order_acquire);
    uint8_t late = membus_ram_load_8(last);

    membus_barrier_consume();

    uint8_t early = membus_ram_load_8(first);

    membus_barrier_consume();
    return older(early, late) &&
           atomic_load_explicit(&race->copies, memory_order_relaxed) - before < 32;
}

/* Polls of a destination that stands still show nothing: the writer must have come along too. */
static bool enough(struct race *race, uint64_t polls)
{
    return race->polls >= polls &&
           atomic_load_explicit(&race->copies, memory_order_relaxed) >= polls / 16;
}

static void poll_words(struct race *race, uint64_t polls)
{
    const unsigned char *first = (unsigned char *)(((uintptr_t)race->dst + 7) & ~(uintptr_t)7);
    const unsigned char *end = race->dst + race->n;
    const unsigned char *last = end - ((uintptr_t)end & 7 ? (uintptr_t)end & 7 : 8);

    if (end - first < 16)
        last = first;
    for (const unsigned char *p = first; !enough(race, polls); race->polls++) {
        uint64_t word = membus_ram_load_64(p);

        race->torn += torn(word);
        p = p + 16 > end ? first : p + 8;
        race->disordered += disordered(race, first, last);
    }
}

static void run(struct race *race, uint64_t polls)
{
    pthread_t writer;

    pin(1); /* the writer inherits it and runs at once */
    assert_int_equal(pthread_create(&writer, NULL, write_patterns, race), 0);
    pin(0);
    poll_words(race, polls);
    atomic_store(&race->stop, true);
    assert_int_equal(pthread_join(writer, NULL), 0);
}

/* The sizes around a line and a vector, at destinations that are not aligned to them. */
static const size_t sizes[] = {17, 24,  31,  40,  57,  63,  64,  65,
                               72, 100, 127, 128, 129, 200, 256, 300};
static const size_t aligns[] = {0, 1, 4, 8, 13, 20, 28, 36, 41, 52, 60, 63};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Returns the polls made. */
static uint64_t race_all(copy_routine *copy, uint64_t polls, uint64_t *tears, uint64_t *disorders)
{
    uint64_t made = 0;
    const uint64_t each = polls / (COUNT(sizes) * COUNT(aligns)) + 1;

    *tears = *disorders = 0;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (size_t k = 0; k < COUNT(aligns); k++) {
            struct race race = {.copy = copy, .n = sizes[i], .dst = memory + 1024 + aligns[k]};

            memset(memory, 0, sizeof(memory));
            run(&race, each);
            *tears += race.torn;
            *disorders += race.disordered;
            made += race.polls;
        }
    }
    return made;
}

static void test_kernels_keep_order(void **state)
{
    const char *name;
    unsigned kernels = 0;

    (void)state;
    if (!pin(1) || !pin(0))
        SKIP("one CPU: no second thread to watch");
    skip_kernels();
    while (membus_kernel_usable(kernels))
        kernels++;
    for (unsigned i = 0; (name = membus_kernel_usable(i)); i++) {
        uint64_t polls, tears, disorders;

        assert_int_equal(membus_kernel_select(name), 0);
        polls = race_all((membus_copy), polls_wanted / kernels, &tears, &disorders);
        print_message("# %s: %llu polls, %llu torn, %llu out of order\n", name,
                      (unsigned long long)polls, (unsigned long long)tears,
                      (unsigned long long)disorders);
        assert_int_equal(tears, 0);
        assert_int_equal(disorders, 0);
    }
    assert_int_equal(membus_kernel_select(membus_kernel_usable(0)), 0);
}

/* What this test is for: it sees a byte loop that goes down, and words stored in halves. */
static void *descending_bytes(void *dst, const void *src, size_t n)
{
    for (size_t i = n; i--;)
        membus_ram_store_8((char *)dst + i, membus_ram_load_8((const char *)src + i));
    return dst;
}

static void test_sees_broken_routines(void **state)
{
    uint64_t tears, disorders;

    (void)state;
    if (!pin(1) || !pin(0))
        SKIP("one CPU: no second thread to watch");
    race_all(descending_bytes, 4 * 1000 * 1000, &tears, &disorders);
    print_message("# descending bytes: %llu torn, %llu out of order\n", (unsigned long long)tears,
                  (unsigned long long)disorders);
    assert_true(tears > 0);
    assert_true(disorders > 0);
}

/* The reason for rule W3's second sentence: one unaligned 64-byte store, torn in its middle. */
static void test_sees_unaligned_64_byte_store(void **state)
{
    uint64_t torn_words = 0;

    (void)state;
    if (!pin(1) || !pin(0))
        SKIP("one CPU: no second thread to watch");
    if (!torn_store_usable())
        SKIP("this CPU has no 64-byte stores");
    for (size_t align = 1; align < 64; align += 3) {
        struct race race = {.copy = torn_store_copy, .n = 64, .dst = memory + 1024 + align};

        memset(memory, 0, sizeof(memory));
        run(&race, 300 * 1000);
        torn_words += race.torn;
    }
    print_message("# unaligned 64-byte stores: %llu torn\n", (unsigned long long)torn_words);
    if (torn_words == 0)
        SKIP("this CPU commits unaligned 64-byte stores whole");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sees_broken_routines),
        cmocka_unit_test(test_sees_unaligned_64_byte_store),
        cmocka_unit_test(test_kernels_keep_order),
    };

    for (int g = 0; g < GENERATIONS; g++)
        memset(patterns[g], g, LARGEST);
    if (argc > 1)
        polls_wanted = strtoull(argv[1], NULL, 0);
    return RUN_TESTS(tests);
}
