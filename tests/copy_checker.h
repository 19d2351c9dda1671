/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TESTS_COPY_CHECKER_H
#define MEMBUS_TESTS_COPY_CHECKER_H

/*
 * Compares a routine of memcpy's or memmove's signature with a byte loop, over lengths,
 * alignments and overlaps, against guard pages at both ends. It sees bytes, not accesses: those
 * are the auditor's. tests/test_copy.c shows that it rejects broken routines.
 */

#include <stdbool.h>
#include <stddef.h>

typedef void *copy_routine(void *dst, const void *src, size_t n);

struct copy_checker; /* opaque */

/* With MEMBUS_TESTS_QUICK in the environment only a sample of the cases is tried: for emulators. */
bool copy_checker_thin(void);

struct copy_checker *copy_checker_new(void);
void copy_checker_free(struct copy_checker *checker);

/* Both return NULL if the routine is right, else what it got wrong, valid until the next call. */
const char *copy_checker_copies(struct copy_checker *checker, copy_routine *routine);
const char *copy_checker_moves(struct copy_checker *checker, copy_routine *routine);

#endif
