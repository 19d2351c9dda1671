/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_CHECK_H
#define MEMBUS_AUDIT_CHECK_H

/*
 * Is the recorder right? A check that knows no instruction.
 *
 * `real` keeps what the memory would hold; the memory itself holds poison. Before an instruction
 * the bytes recorded as loaded are put there from `real`; the instruction runs; then
 *
 *   - every byte recorded as stored must differ from what was there (poison is chosen to differ
 *     from what belongs at each byte), and goes to `real`;
 *   - no other byte may differ;
 *   - all is poison again, so a second store of the same value shows as the first did.
 *
 * A load that was not recorded reads poison, and `real` in the end is not what the plain call
 * left. See membus_audit_target.check for what this cannot see.
 *
 * A routine that is wrong may store the very value that was poison. So a call that fails the check
 * is tried again with a second poison, and is inexact only if that fails too.
 */

#include "audit/arena.h"
#include "audit/record_x86.h"

#define AUDIT_POISONS    2
#define AUDIT_CHECK_SIZE ((2 * MEMBUS_AUDIT_CHECK_MAX + 2 * AUDIT_MARGIN + 15) / 8 * 8)

struct audit_check_region {
    unsigned char *memory;
    size_t size;
    /* All of one size, with the memory's own alignment modulo 8. */
    unsigned char *real, *expected, *poison, *plain;
};

struct audit_check {
    bool active;
    unsigned regions;
    struct audit_check_region region[2];
    void *buffer;
};

/* Allocates; returns 0 or -ENOMEM. */
int audit_check_open(struct audit_check *k);
void audit_check_close(struct audit_check *k);

/* May this case be checked? */
bool audit_check_fits(const struct audit_arena *a);
/* Notes what a plain call left. */
void audit_check_note_plain(struct audit_check *k, const struct audit_arena *a);
/* Fills the memory for a checked call, with the first or second poison. */
void audit_check_begin(struct audit_check *k, const struct audit_arena *a, unsigned poison);
/* Did the checked call leave what the plain one left? Puts `real` into the memory. */
bool audit_check_end(struct audit_check *k);

/* Around one instruction, with what was recorded of it. For general registers only. */
void audit_check_before(struct audit_check *k, const struct audit_recorder *r, uint64_t first);
bool audit_check_after(struct audit_check *k, const struct audit_recorder *r, uint64_t first);

#endif
