/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_JUDGE_H
#define MEMBUS_AUDIT_JUDGE_H

/* The judge's wording, shared with the reports. */

#include <membus/audit.h>

/* "n=15 dst+0 src+3", or for an overlap "n=15 dst+0 distance-4". */
void membus_audit_case_text(const struct membus_audit_case *c, char *text, size_t size);

/* Bytes that an access covers: less than its width where a mask leaves some out. */
size_t membus_audit_covered(const struct membus_audit_access *a);

#endif
