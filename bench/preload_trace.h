/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PRELOAD_TRACE_H
#define BENCH_PRELOAD_TRACE_H

/* A program's calls, as preload_trace.c records them and bench_preload.c makes them again. */

#include <stdint.h>

enum { TRACE_MEMCPY, TRACE_MEMMOVE, TRACE_MEMSET, TRACE_FUNCTIONS };

/* The file is an array of these; a record of zeros ends it. */
struct trace_call {
    uint32_t n;
    uint32_t function;
    uint64_t dst, src; /* src of a fill: 0 */
};

#define TRACE_CALLS (UINT32_C(1) << 21) /* no more are recorded */

#endif
