/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_BENCH_CONSTANTS_H
#define MEMBUS_BENCH_CONSTANTS_H

#include "bench.h"

/* Loops by size, 1 to BENCH_CONSTANT_MAX. */
extern bench_loop *const bench_constants_membus[];
extern bench_loop *const bench_constants_compiler[];

#endif
