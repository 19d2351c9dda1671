/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_BENCH_COUNT_H
#define MEMBUS_BENCH_COUNT_H

#include "cases.h"

/*
 * Instructions, counted by valgrind's callgrind: the figure that repeats exactly, whatever else
 * the machine does. Runs every routine over a few cases; callgrind writes a profile for each,
 * whose trigger is "ROUTINE|CASE|OPS". scripts/callgrind.sh runs this and makes the table.
 *
 * Returns: 0, or -ENOTSUP when not under callgrind.
 */
int bench_count(struct bench_suite *suite);

#endif
