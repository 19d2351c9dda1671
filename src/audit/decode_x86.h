/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_DECODE_X86_H
#define MEMBUS_AUDIT_DECODE_X86_H

#include <stddef.h>

#include "audit/insn_x86.h"

/*
 * Decodes the instruction at `address`, whose bytes (and up to 15) are given.
 *
 * Returns: 0; -EILSEQ when this is no instruction.
 */
int audit_decode(struct audit_insn *insn, uint64_t address, const unsigned char *bytes, size_t n);

#endif
