/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_CODE_X86_H
#define MEMBUS_AUDIT_CODE_X86_H

/*
 * The decoded instructions of one process, by address. Code is read when it is first run and is
 * taken not to change.
 */

#include <stddef.h>
#include <sys/types.h>

#include "audit/insn_x86.h"

#define AUDIT_CODE_SLOTS 65536u /* of the hash table; a power of two */
#define AUDIT_CODE_MAX   32768u /* instructions */

struct audit_map {
    uint64_t start, end;
    uint64_t module; /* where its file's first mapping starts; 0 = no file */
    bool writable;
};

#define AUDIT_MAPS 1024

struct audit_code {
    pid_t pid;
    uint64_t module; /* the target's */
    struct audit_insn **table;
    struct audit_insn *insn;
    unsigned count;
    struct audit_map *map; /* the executable mappings */
    unsigned maps;
};

/* `entry` is the target's address in process `pid`. Returns 0 or -errno. */
int audit_code_open(struct audit_code *code, pid_t pid, uint64_t entry);
void audit_code_close(struct audit_code *code);

/* How an address is recorded: membus_audit_access.ip. */
uint64_t audit_code_ip(struct audit_code *code, uint64_t address);
/* Is that address in an executable mapping? */
bool audit_code_executable(struct audit_code *code, uint64_t address);

/*
 * The instruction at an address that audit_code_find() did not find.
 *
 * Returns: 0; -EFAULT, nothing executable is there; -EILSEQ, no instruction; -ENOSPC, too many.
 */
int audit_code_add(struct audit_code *code, uint64_t address, struct audit_insn **insn);

static inline unsigned audit_code_hash(uint64_t address)
{
    return (unsigned)(address * UINT64_C(0x9e3779b97f4a7c15) >> 48) & (AUDIT_CODE_SLOTS - 1);
}

/* The instruction at `address`, or NULL. */
static inline struct audit_insn *audit_code_find(const struct audit_code *code, uint64_t address)
{
    unsigned i = audit_code_hash(address);

    while (code->table[i] && code->table[i]->address != address)
        i = (i + 1) & (AUDIT_CODE_SLOTS - 1);
    return code->table[i];
}

#endif
