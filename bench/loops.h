/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_BENCH_LOOPS_H
#define MEMBUS_BENCH_LOOPS_H

/*
 * The timed loops. Each is inlined once for every routine with `call` a constant, so that every
 * routine has call sites of its own.
 */

#include "bench.h"

#define BENCH_INLINE static inline __attribute__((always_inline, unused))

/* The compiler keeps every copy, in its place. */
#define BENCH_KEEP() __asm__ volatile("" ::: "memory")

BENCH_INLINE void bench_loop_throughput(const struct bench_batch *batch, bench_copy_function *call)
{
    const struct bench_batch b = *batch;

    for (size_t i = b.first, end = b.first + b.count; i < end; i++) {
        const struct bench_op *op = &b.ops[i & b.mask];

        call(b.dst + op->dst, b.src + op->src, op->n);
        BENCH_KEEP();
    }
}

/*
 * One op again and again, its addresses in registers, four copies a turn: for sizes that the
 * compiler knows the copy is shorter than a loop that looks them up. What it knows of the
 * addresses it forgets before each copy, so that no check of them leaves the loop. A macro, for
 * `copy` to see the constant size.
 */
#define BENCH_FORGET(p) __asm__ volatile("" : "+r"(p))
#define BENCH_LOOP_SAME(batch, copy, size)                                       \
    do {                                                                         \
        char *to = (batch)->dst + (batch)->ops[0].dst;                           \
        const char *from = (batch)->src + (batch)->ops[0].src;                   \
                                                                                 \
        _Pragma("GCC unroll 4") for (size_t left = (batch)->count; left; left--) \
        {                                                                        \
            BENCH_FORGET(to);                                                    \
            BENCH_FORGET(from);                                                  \
            copy(to, from, size);                                                \
            BENCH_KEEP();                                                        \
        }                                                                        \
    } while (0)

BENCH_INLINE void bench_loop_latency(const struct bench_batch *batch, bench_copy_function *call)
{
    const struct bench_batch b = *batch;
    size_t wait = 0;

    for (size_t i = b.first, end = b.first + b.count; i < end; i++) {
        const struct bench_op *op = &b.ops[i & b.mask];
        char *dst = b.dst + op->dst + wait;

        call(dst, b.src + op->src + wait, op->n);
        BENCH_KEEP();
        wait = (unsigned char)dst[op->n - 1] & b.zero;
    }
}

/* A descriptor of at least 12 bytes: 64 bits, 32 bits, and the last 32. */
BENCH_INLINE void bench_loop_parse(const struct bench_batch *batch, bench_copy_function *call)
{
    const struct bench_batch b = *batch;
    size_t wait = 0;

    for (size_t i = b.first, end = b.first + b.count; i < end; i++) {
        const struct bench_op *op = &b.ops[i & b.mask];
        const char *descriptor = b.dst + op->dst;

        call(b.dst + op->dst, b.src + op->src + wait, op->n);
        BENCH_KEEP();
        wait = (*(const membus_u64 *)descriptor + *(const membus_u32 *)(descriptor + 8) +
                *(const membus_u32 *)(descriptor + op->n - 4)) &
               b.zero;
    }
}

BENCH_INLINE void bench_loop_same(const struct bench_batch *batch, bench_copy_function *call)
{
    const size_t n = batch->ops[0].n;

    BENCH_LOOP_SAME(batch, call, n);
}

/* The loops of a routine, with call_NAME() as its call. */
#define BENCH_LOOPS(name)                                          \
    static void throughput_##name(const struct bench_batch *batch) \
    {                                                              \
        bench_loop_throughput(batch, call_##name);                 \
    }                                                              \
    static void latency_##name(const struct bench_batch *batch)    \
    {                                                              \
        bench_loop_latency(batch, call_##name);                    \
    }                                                              \
    static void parse_##name(const struct bench_batch *batch)      \
    {                                                              \
        bench_loop_parse(batch, call_##name);                      \
    }                                                              \
    static void same_##name(const struct bench_batch *batch)       \
    {                                                              \
        bench_loop_same(batch, call_##name);                       \
    }

/* The same for a function, called through a pointer of the routine's own. */
#define BENCH_ROUTINE(name, function)                                    \
    static bench_copy_function *volatile pointer_##name = function;      \
    BENCH_INLINE void *call_##name(void *dst, const void *src, size_t n) \
    {                                                                    \
        return pointer_##name(dst, src, n);                              \
    }                                                                    \
    BENCH_LOOPS(name)

#define BENCH_LOOPS_OF(name)                                         \
    {                                                                \
        throughput_##name, latency_##name, parse_##name, same_##name \
    }

#endif
