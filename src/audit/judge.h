/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_JUDGE_H
#define MEMBUS_AUDIT_JUDGE_H

/* What the judge shares with the reports. */

#include <membus/audit.h>

/* "n=15 dst+0 src+3", or for an overlap "n=15 dst+0 distance-4". */
void membus_audit_case_text(const struct membus_audit_case *c, char *text, size_t size);

/* Bytes that an access covers: less than its width where a mask leaves some out. */
size_t membus_audit_covered(const struct membus_audit_access *a);

/*
 * The maximal element of at most `limit` bytes that byte `at` of [0, n) lies in: its size, and its
 * first byte in *start. `align` is the range's address modulo 64.
 */
size_t membus_audit_element(unsigned align, ptrdiff_t n, ptrdiff_t at, size_t limit,
                            ptrdiff_t *start);

#endif
