/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_BENCH_BENCH_COPY_H
#define MEMBUS_BENCH_BENCH_COPY_H

/* `membus bench`: argv[0] is its name; returns the exit status. */
int bench_copy_main(int argc, char **argv);

#endif
