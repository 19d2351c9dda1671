/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_BENCH_BENCH_H
#define MEMBUS_BENCH_BENCH_H

/*
 * Measuring copies against one another.
 *
 *   routine   one way to copy: glibc's memcpy, membus_copy, a peer. All are called through a
 *             pointer of their own in memory, the instruction that a program built with -fno-plt
 *             calls a shared library's function with; each has its own copy of the loops, so a
 *             call site has one target, as in a program.
 *   op        one call: a size and two offsets
 *   case      a sequence of ops on two buffers, and how it is timed
 *   batch     a run of ops timed as one, some 20 us: long for the clock, short for the scheduler
 *   round     one batch of every routine over the same ops; the order turns around each round
 *   ratio     a routine's batch over the baseline's of the same round
 *
 * What is reported is the median ratio of all rounds and its quartiles: a batch that the
 * scheduler interrupted is an outlier that the median ignores, and what slows the whole machine
 * slows both sides of a ratio. The baseline is measured a second time under another name, and
 * what that ratio shows is the noise.
 *
 * What does not slow both sides alike is somebody else on the core's other hardware thread, which a
 * virtual machine is not told of: code that uses all of a core loses half of it, code that waits
 * for its mispredicted branches little. A gauge finds those rounds, and they have a ratio of their
 * own, beside the one of the others.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/mapping.h>

typedef void *bench_copy_function(void *dst, const void *src, size_t n);

struct bench_op {
    uint32_t n;
    uint32_t dst; /* offset, bytes */
    uint32_t src;
};

/* How the ops of a case follow one another. */
enum bench_kind {
    BENCH_THROUGHPUT, /* independent */
    BENCH_LATENCY,    /* the next addresses wait for the last byte of this copy */
    BENCH_PARSE,      /* the next addresses wait for the fields of the descriptor just copied */
    BENCH_CONSTANT,   /* the same op, independent, with a size that the compiler knows */
    BENCH_KINDS
};

#define BENCH_CONSTANT_MAX 64

struct bench_batch {
    char *dst;
    const char *src;
    const struct bench_op *ops;
    size_t mask; /* ops - 1; ops are a power of two */
    size_t first, count;
    size_t zero; /* 0, unknown to the compiler: makes an address depend on a value */
};

typedef void bench_loop(const struct bench_batch *batch);

#define BENCH_COPIES 1u  /* takes buffers that do not overlap */
#define BENCH_MOVES  2u  /* takes overlaps */
#define BENCH_SELF   4u  /* the baseline under another name */
#define BENCH_LARGE  8u  /* not too slow for megabytes */
#define BENCH_MODES  16u /* a copy through a mapping */
#define BENCH_PEER   32u /* somebody else's: may be missing */

struct bench_routine {
    const char *name;
    const char *what;   /* a line for the manual and the report */
    unsigned flags;     /* BENCH_* */
    const char *kernel; /* the kernel it needs selected; NULL: it calls none */
    bench_copy_function *function;
    bench_loop *loop[BENCH_KINDS]; /* [BENCH_CONSTANT] calls all the same */
    bench_loop *const *constant;   /* [n], where the size may be a constant; or NULL */
    const char *skipped;           /* why it is not there, or NULL */
};

/* All routines, the baseline first, those that are not there too; ends with a NULL name. */
extern struct bench_routine bench_routines[];

/* The kernel that "membus" stands for. */
const char *bench_kernel(void);

/* The routine of that name, or NULL. */
struct bench_routine *bench_routine(const char *name);

/* Is it "membus" under another name, that of the kernel which "membus" stands for? */
bool bench_routine_repeats(const struct bench_routine *routine);

/* Asks the CPU and the build which routines there are, sets up the mappings over [dst, dst +
 * size), and lets moves have their windows. */
void bench_routines_init(char *dst, char *src, size_t size);

struct bench_case {
    const char *group;
    char name[48];
    char row[32]; /* the line of a table it belongs to, with its neighbours of the same */
    enum bench_kind kind;
    size_t n;        /* the size where there is one, else 0 */
    double bytes;    /* mean bytes of an op */
    size_t distance; /* of a move, or modulo 4 KiB of an aliasing copy; else 0 */
    char *dst, *src;
    struct bench_op *ops;
    size_t mask;
    unsigned batches; /* a batch of this case is so many times as long; 0 is 1 */
    bool overlaps;    /* a move */
    bool fresh; /* every batch takes new ops: no cache, no branch predictor has just seen them */
};

struct bench_settings {
    double batch_us;     /* length of a batch */
    unsigned rounds_min; /* at least so many rounds, however long they take */
    unsigned rounds_max;
    double case_ms;       /* rounds go on for about so long */
    int cpu;              /* where it is pinned; -1 where pinning failed */
    unsigned patience_ms; /* it waits so long in all to be alone on the core in rounds_min rounds */
};

struct bench_quartiles {
    double q1, median, q3;
};

struct bench_result {
    const struct bench_routine *routine;
    struct bench_quartiles ratio; /* of the baseline's time, same round */
    struct bench_quartiles ns;    /* per op */
    double cycles, instructions;  /* per op, where perf has them; else 0 */
    unsigned rounds;              /* of those two: alone on the core */
    double shared;                /* the median ratio while the core was shared; 0: it was not */
    unsigned rounds_shared;
    bool disturbed; /* it was alone too seldom, and `rounds` are all */
};

/* Measures the routines, routines[0] being the baseline. */
void bench_measure(const struct bench_case *c, const struct bench_settings *settings,
                   const struct bench_routine *const *routines, unsigned count,
                   struct bench_result *results);

/* Sorts `values`. */
struct bench_quartiles bench_quartiles_of(double *values, unsigned count);

/* The clock: ticks that are ordered against the code around the call, and their length. */
uint64_t bench_ticks(void);
double bench_ticks_ns(void);
extern const char bench_clock_name[];

/* How long a fixed piece of arithmetic takes now, in ticks; and whether that is so much longer than
 * it took at best that somebody else must be on the core. If somebody always was, no one can tell.
 */
double bench_gauge(void);
bool bench_gauge_shared(double gauge);

/* Looks for a second how it is at best. Without that, a first case which was never alone passes for
 * one that was. */
void bench_gauge_learn(void);

/* Waits until nobody is; false when the program has waited `patience_ms` in all. */
bool bench_gauge_wait(unsigned patience_ms);

/* Pins the thread to `cpu`, or to the one it is on if negative; the CPU, or -1. */
int bench_pin(int cpu);

/* Cycles and instructions by perf_event_open(2). */
int bench_perf_open(void); /* 0, or -errno: this machine does not let us */
bool bench_perf_on(void);
void bench_perf_start(void);
void bench_perf_stop(uint64_t *cycles, uint64_t *instructions);

#endif
