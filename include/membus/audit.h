/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AUDIT_H
#define MEMBUS_AUDIT_H

/*
 * The auditor: what loads and stores does a copy routine really make?
 *
 *   target   a routine of memcpy's signature in a shared object (or in this program)
 *   case     one call of it: n, where dst and src lie, how they overlap
 *   trace    every access that the call made to source and destination, in program order
 *   engine   what carries out the calls and records: on the real CPU, or an emulator
 *   judge    compares a trace with the rules W1-W7, L1-L3, O1 of membus/copy.h
 *   finding  one rule broken in one case, spelled out
 *
 * An engine records; it knows no rule. The judge judges; it knows no instruction set. Addresses
 * in a trace are offsets from the case's dst or src, so traces of all engines look alike.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <membus/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One call: n bytes; the alignments are offsets from a 64-byte boundary. */
struct membus_audit_case {
    size_t n;
    unsigned dst_align; /* dst modulo 64 */
    unsigned src_align; /* src modulo 64; follows from dst_align + overlap when overlapping */
    bool overlapping;   /* dst - src == distance, in one buffer */
    ptrdiff_t distance;
};

/* What kind of access. LOAD or STORE, or-ed with the rest. */
enum {
    MEMBUS_AUDIT_LOAD = 1,
    MEMBUS_AUDIT_STORE = 2,
    MEMBUS_AUDIT_VECTOR = 4,
    MEMBUS_AUDIT_MASKED = 8,      /* a masked vector access; `mask` says which bytes */
    MEMBUS_AUDIT_STRING = 16,     /* rep movs/stos: all its iterations are one access */
    MEMBUS_AUDIT_NONTEMPORAL = 32,
    MEMBUS_AUDIT_ZEROING = 64,    /* dc zva, clzero, dcbz */
    MEMBUS_AUDIT_RELEASE = 128,   /* a store-release, or one after a fence that orders stores */
    MEMBUS_AUDIT_FENCE = 256,     /* no access: a fence that orders stores (sfence, dmb) */
};

/* One access. A load is in the source's coordinates, a store in the destination's. */
struct membus_audit_access {
    ptrdiff_t offset; /* first byte covered, relative to src (load) or dst (store) */
    size_t width;     /* bytes from the first to one past the last byte covered */
    uint64_t mask;    /* MASKED: bit i = byte offset + i is covered; else 0 = all of width */
    ptrdiff_t operand_offset; /* where the instruction's operand starts, masked-off lanes included */
    uint32_t operand_width;   /* and its width */
    uint16_t kind;
    uint64_t ip; /* the instruction: its offset in the target's module */
};

/* How the call ended. */
enum membus_audit_end {
    MEMBUS_AUDIT_RETURNED,
    MEMBUS_AUDIT_CRASHED,     /* a signal: `signal`, `fault_ip`, `fault_addr` */
    MEMBUS_AUDIT_ENDLESS,     /* over the limit of instructions */
    MEMBUS_AUDIT_SYSCALL,     /* made a system call, which no copy routine has reason to */
    MEMBUS_AUDIT_UNSUPPORTED, /* an instruction the engine cannot record exactly: `text` */
    MEMBUS_AUDIT_INEXACT      /* the engine's own check failed: what changed is not what it recorded */
};

/* One recorded call. The engine owns the memory; valid until the next run. */
struct membus_audit_trace {
    struct membus_audit_case c;
    const struct membus_audit_access *access;
    size_t count;
    enum membus_audit_end end;
    bool result_ok;  /* dst holds what src held, all else untouched */
    bool return_ok;  /* returned dst */
    int signal;
    uint64_t fault_ip, fault_addr;
    uint64_t instructions;
    const char *text; /* more on the end, or NULL */
};

/* What to audit. */
struct membus_audit_target {
    const char *object; /* file, soname as dlopen(3) takes it, or NULL: this program */
    const char *symbol;
    const char *kernel; /* value of MEMBUS_KERNEL while it is loaded, or NULL */
};

struct membus_audit_engine; /* opaque; one per target */

/* An engine's operations. `open` and `run` return 0 or -errno; `error` gets one line of what went
 * wrong and what to do. */
struct membus_audit_engine_ops {
    const char *name; /* "slots", "ptrace", "unicorn", "qemu" */
    const char *arch; /* "x86_64", ... */
    int (*open)(struct membus_audit_engine **engine, const struct membus_audit_target *target,
                char *error, size_t error_size);
    int (*run)(struct membus_audit_engine *engine, const struct membus_audit_case *c,
               struct membus_audit_trace *trace);
    void (*close)(struct membus_audit_engine *engine);
};

/* On this CPU: instructions run one by one in a slot of their own; 100 to 1,000 times faster than
 * ptrace with the same traces (the tests compare). */
MEMBUS_API extern const struct membus_audit_engine_ops membus_audit_slots;
/* On this CPU, single-stepped by ptrace(2): slow, and simple enough to believe. */
MEMBUS_API extern const struct membus_audit_engine_ops membus_audit_ptrace;

/* The rules judged, in the order of the tables. */
enum membus_audit_rule {
    MEMBUS_RULE_W1,
    MEMBUS_RULE_W2,
    MEMBUS_RULE_W3,
    MEMBUS_RULE_W4,
    MEMBUS_RULE_W5,
    MEMBUS_RULE_W6,
    MEMBUS_RULE_W7,
    MEMBUS_RULE_L1,
    MEMBUS_RULE_L2, /* only when the source is judged as a device */
    MEMBUS_RULE_L3,
    MEMBUS_RULE_O1,     /* an overlapping move that breaks any of W1-W6 or its result */
    MEMBUS_RULE_RESULT, /* the bytes or the return value are wrong */
    MEMBUS_RULE_RUNS,   /* it crashed, never returned, or made a system call */
    MEMBUS_RULES
};

MEMBUS_API const char *membus_audit_rule_id(enum membus_audit_rule rule);    /* "W1" */
MEMBUS_API const char *membus_audit_rule_title(enum membus_audit_rule rule); /* "once" */

/* What the host being judged for guarantees. */
struct membus_audit_host {
    bool total_store_order;    /* x86, s390x */
    bool unaligned;            /* 2, 4, 8 bytes at any alignment are one access (x86) */
    unsigned atomic_width;     /* 16 where 16-byte aligned accesses are single-copy atomic, else 8 */
    bool device_source;        /* judge L2: the source is a device */
};

/* The verdict on one trace: a bit (1u << rule) for each rule broken, and applicable. */
struct membus_audit_verdict {
    uint32_t applies;
    uint32_t broken;
    char why[MEMBUS_RULES][160]; /* for each broken rule, one line */
};

/* Judges one trace. Pure; any thread. */
MEMBUS_API void membus_audit_judge(const struct membus_audit_trace *trace,
                                   const struct membus_audit_host *host,
                                   struct membus_audit_verdict *verdict);

#ifdef __cplusplus
}
#endif

#endif
