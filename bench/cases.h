/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_BENCH_CASES_H
#define MEMBUS_BENCH_CASES_H

#include "bench.h"

/* Two buffers that cases work on: alike, far apart, resident. */
struct bench_arena {
    char *dst, *src;
    size_t size;   /* of each: what a case may copy */
    size_t mapped; /* of each, with room for offsets */
};

/* 0 or -errno. */
int bench_arena_init(struct bench_arena *arena, size_t size);

/* Cases, in the order they were added. */
struct bench_suite {
    struct bench_arena arena;
    struct bench_case *cases;
    unsigned count;
};

void bench_suite_free(struct bench_suite *suite);

/* Each adds one case, and returns it so that its kind may be changed. Offsets are in bytes from
 * a page of the destination and, 2 KiB off in its page, of the source. */
struct bench_case *bench_add_fixed(struct bench_suite *suite, const char *group, size_t n,
                                   size_t dst, size_t src);

/* The same for each of five pairs of offsets, aligned and not. */
void bench_add_offsets(struct bench_suite *suite, const char *group, size_t n);

/* The same with (dst - src) mod 4096 = delta. */
struct bench_case *bench_add_aliasing(struct bench_suite *suite, size_t n, size_t delta);

/* n bytes at random pages of the whole arena: from and to memory. */
struct bench_case *bench_add_scattered(struct bench_suite *suite, size_t n);

/* An overlapping move by d. */
struct bench_case *bench_add_move(struct bench_suite *suite, size_t n, size_t d);

/* A descriptor of n bytes out of a ring. */
struct bench_case *bench_add_parse(struct bench_suite *suite, size_t n);

/* Sizes at random, at offsets at random that are multiples of `align`. */
enum bench_mix { MIX_1_16, MIX_1_64, MIX_1_256, MIX_64_1500, MIX_DMA, MIX_PARSE, BENCH_MIXES };
extern const char *const bench_mix_name[BENCH_MIXES];
struct bench_case *bench_add_mix(struct bench_suite *suite, enum bench_mix mix, unsigned align);

/* A size as people write it: "4 KiB". */
void bench_size_name(char *name, size_t size, size_t n);

/* A size as it is written: "100", "4 KiB", "1.5 MiB"; `size` bytes of room. */
void bench_size_name(char *name, size_t size, size_t n);

#endif
