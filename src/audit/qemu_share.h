/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_QEMU_SHARE_H
#define MEMBUS_AUDIT_QEMU_SHARE_H

/*
 * What the auditor and the plugin inside qemu-user share.
 *
 * The guest program (qemu_driver.c) closes three files that no process has; the plugin takes these
 * system calls as marks (numbers that no kernel has never come to a plugin on some architectures):
 *
 *   BEGIN          wait until the auditor has a case: its box is filled; record from here
 *   END, result    the routine returned
 *   CRASH, signal, address   the guest's signal handler says so
 *
 * One byte over a pipe each way hands the share over. An event is an instruction that was started
 * (address 0) or one access that it made; both name the instruction by its index.
 */

#include <stdint.h>

#define AUDIT_MARK_BEGIN 0x6d620001
#define AUDIT_MARK_END   0x6d620002
#define AUDIT_MARK_CRASH 0x6d620003

#define AUDIT_SHARE_EVENTS ((uint32_t)12 << 20)
#define AUDIT_SHARE_INSNS  ((uint32_t)1 << 16)
#define AUDIT_INSN_BYTES   16

enum {
    AUDIT_EVENT_STORE = 1,
    AUDIT_EVENT_START = 2,  /* the instruction starts; no access */
    AUDIT_EVENT_EFFECT = 4, /* no hook reported it: what changed in memory, see qemu_plugin.c */
};

struct audit_event {
    uint32_t address; /* of the guest */
    uint32_t size;
    uint32_t insn;
    uint32_t flags;
};

struct audit_share_insn {
    uint64_t address;
    uint8_t size;
    uint8_t bytes[AUDIT_INSN_BYTES];
};

enum audit_share_end {
    AUDIT_SHARE_NONE, /* qemu ended within the call */
    AUDIT_SHARE_RETURNED,
    AUDIT_SHARE_CRASHED,
    AUDIT_SHARE_ENDLESS,
    AUDIT_SHARE_FULL, /* more events or instructions than there is room for */
    AUDIT_SHARE_SYSCALL,
    AUDIT_SHARE_INEXACT, /* what changed is not what was recorded as stored */
};

struct audit_share {
    /* From the auditor: the guest's addresses of what is recorded, [low, high), and the case. */
    uint64_t low, high;
    uint64_t limit; /* instructions of one call */
    /* Where stores may show: offset in the arena and size, and the guest's address of it. */
    uint64_t watch_offset, watch_size, watch_address;
    int64_t source_distance; /* dst - src, for what is recorded by its effect */
    uint32_t check;          /* compare after every instruction */
    uint32_t poison;         /* the destination may be filled anew: it does not overlap */

    /* From the plugin. */
    uint32_t end;
    uint32_t events, insns;
    uint32_t fault_insn;
    uint64_t instructions;
    uint64_t value; /* RETURNED: the result; CRASHED: the signal; SYSCALL: its number */
    uint64_t fault_address;

    struct audit_share_insn insn[AUDIT_SHARE_INSNS];
    struct audit_event event[AUDIT_SHARE_EVENTS];
};

#endif
