/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_ARENA_H
#define MEMBUS_AUDIT_ARENA_H

/*
 * The memory that an audited routine works on: one reservation, shared between the auditor and
 * the process that runs the routine, at the same address in both.
 *
 *     guard | source window | guard | destination window | guard | guard | stack | guard
 *
 * Guards cannot be accessed. Those beside a window belong to it as far as recording goes. Where a
 * case lies in its window follows from the case alone, so every engine and every run sees the same
 * addresses modulo 4096, and the same distance:
 *
 *   - data that can end exactly at the window's end does: (align + n) % 64 == 0. One byte read
 *     or written past it is a fault, whatever the decoder believes;
 *   - else data that can start exactly at the window's start does: align == 0;
 *   - else it lies inside: the source at 1024 + align of a page, the destination at 3072 + align.
 *
 * Overlapping source and destination are one piece of data in the destination window.
 *
 * What the memory holds: source byte i is T[i], where T repeats every 251 (239, 241) bytes without
 * two equal values in a period. The destination holds poison, ~T[i], so that every byte differs
 * from what belongs there; when source and destination overlap it holds T too, with a period that
 * does not divide the distance, which has the same effect. MARGIN bytes on either side go on in
 * the same way and must stay as they are.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/audit.h>

#define AUDIT_MARGIN 256

/* A stretch of memory that is filled before and examined after a call. */
struct audit_region {
    unsigned char *start;
    size_t size;
};

struct audit_arena {
    unsigned char *base; /* the first guard: never mapped, so also the routine's return address */
    size_t size;
    unsigned char *data_end; /* [base, data_end): accesses here are recorded */
    unsigned char *src_window, *dst_window;
    size_t window;
    unsigned char *stack_top;

    /* The case at hand. */
    unsigned char *dst, *src;
    size_t n;
    bool overlapping;
    unsigned period; /* which table of T */
    struct audit_region region[2];
    unsigned regions; /* 2: source, destination; 1: overlapping */
};

/* Reserves the memory, in the file (which it makes large enough) or with fd -1 in none; returns 0
 * or -errno. */
int audit_arena_open(struct audit_arena *a, int fd);
void audit_arena_close(struct audit_arena *a);

/* 0, or -EINVAL for a case that does not fit. */
int audit_arena_check_case(const struct membus_audit_case *c);
/* Sets dst, src, n and the regions for a case, and c->src_align where it follows. */
void audit_arena_place(struct audit_arena *a, struct membus_audit_case *c);
/* Fills the regions. */
void audit_arena_fill(const struct audit_arena *a);
/* Does the destination hold what the source held, and everything else what it held before? */
bool audit_arena_right(const struct audit_arena *a);
/* What region `r` holds before the call, and after a right one. */
void audit_arena_before(const struct audit_arena *a, unsigned r, unsigned char *bytes);
void audit_arena_after(const struct audit_arena *a, unsigned r, unsigned char *bytes);

#endif
