/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_QEMU_DECODE_H
#define MEMBUS_AUDIT_QEMU_DECODE_H

/*
 * What an instruction's accesses are, where the emulator reports pieces of them.
 *
 * An access is one register's transfer: QEMU reports a 16-byte vector register as two accesses of
 * 8 bytes, which are put together, and a pair or a list of registers as an access each, which are
 * left so. The unaligned halves of mips (SDL, SDR), reported byte by byte, and whole instructions
 * of x86 and of s390x's and Power's vectors are put together too. Of mips's unaligned loads (LDL,
 * LDR) QEMU reports a byte at the address and then the whole aligned word; what the architecture
 * loads is from one to the end of the other (MIPS64 volume II, LDL: the memory access ends at the
 * effective address).
 */

#include <stdbool.h>
#include <stdint.h>

#include <capstone/capstone.h>

#include "audit/qemu_arch.h"
#include "audit/qemu_share.h"

struct audit_qemu_shape {
    bool decoded;
    uint16_t kind; /* RELEASE, STRING, NONTEMPORAL, ZEROING, VECTOR; FENCE: orders stores */
    unsigned unit; /* adjacent pieces are one access up to this width; 0: they are not */
    bool aligned;  /* and only when the whole is aligned to the unit */
    int half; /* mips's unaligned loads: +1 from the address to its word's end, -1 to its start */
    unsigned word; /* and the word's size */
    char text[48]; /* for messages: the mnemonic */
};

struct audit_qemu_decoder {
    csh capstone; /* 0: none for this architecture */
    const struct audit_qemu_arch *arch;
};

/* Returns 0 or -ENOTSUP. */
int audit_qemu_decoder_open(struct audit_qemu_decoder *d, const struct audit_qemu_arch *arch);
void audit_qemu_decoder_close(struct audit_qemu_decoder *d);

void audit_qemu_decode(const struct audit_qemu_decoder *d, const struct audit_share_insn *insn,
                       struct audit_qemu_shape *shape);

#endif
