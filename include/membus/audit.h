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
    MEMBUS_AUDIT_MASKED = 8,  /* a masked vector access; `mask` says which bytes */
    MEMBUS_AUDIT_STRING = 16, /* rep movs/stos: all its iterations are one access */
    MEMBUS_AUDIT_NONTEMPORAL = 32,
    MEMBUS_AUDIT_ZEROING = 64,  /* dc zva, clzero, dcbz */
    MEMBUS_AUDIT_RELEASE = 128, /* a store-release, or one after a fence that orders stores */
    MEMBUS_AUDIT_FENCE = 256,   /* no access: a fence that orders stores (sfence, dmb) */
};

/* One access. A load is in the source's coordinates, a store in the destination's. */
struct membus_audit_access {
    ptrdiff_t offset; /* first byte covered, relative to src (load) or dst (store) */
    size_t width;     /* bytes from the first to one past the last byte covered */
    uint64_t mask;    /* MASKED: bit i = byte offset + i is covered; else 0 = all of width */
    ptrdiff_t
        operand_offset;     /* where the instruction's operand starts, masked-off lanes included */
    uint32_t operand_width; /* and its width */
    uint16_t kind;
    uint64_t ip; /* the instruction: its offset in the target's module, or MEMBUS_AUDIT_IP_OTHER */
};

/* Set in an instruction's offset that counts from the start of another module than the target's
 * (a wrapper that calls libc), or of no module at all. */
#define MEMBUS_AUDIT_IP_OTHER (UINT64_C(1) << 63)

/* The greatest n of a case, and its greatest distance either way: 64 MiB. */
#define MEMBUS_AUDIT_N_MAX ((size_t)64 << 20)
/* The greatest n at which an engine's own check is made (it compares the buffers after every
 * instruction). */
#define MEMBUS_AUDIT_CHECK_MAX ((size_t)16 << 10)

/* How the call ended. */
enum membus_audit_end {
    MEMBUS_AUDIT_RETURNED,
    MEMBUS_AUDIT_CRASHED,     /* a signal: `signal`, `fault_ip`, `fault_addr` */
    MEMBUS_AUDIT_ENDLESS,     /* over the limit of instructions */
    MEMBUS_AUDIT_SYSCALL,     /* made a system call, which no copy routine has reason to */
    MEMBUS_AUDIT_UNSUPPORTED, /* an instruction the engine cannot record exactly: `text` */
    MEMBUS_AUDIT_INEXACT /* the engine's own check failed: what changed is not what it recorded */
};

/*
 * One recorded call. The engine owns the memory; valid until the next run.
 *
 * Before its first case an engine calls the routine once, unrecorded: what it does only the first
 * time (choosing a variant for this CPU) is in no trace.
 * The accesses come in program order; those of one instruction in a row, its loads first. When
 * the call crashed, the last of them may be the one that faulted. On `end` other than RETURNED
 * and INEXACT, `result_ok` and `return_ok` are false.
 */
struct membus_audit_trace {
    struct membus_audit_case c;
    const struct membus_audit_access *access;
    size_t count;
    enum membus_audit_end end;
    bool result_ok; /* dst holds what src held, all else untouched */
    bool return_ok; /* returned dst */
    bool checked;   /* the engine's own check was made, see membus_audit_target */
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
    const char *arch;   /* for membus_audit_qemu(): its name; else NULL */

    /*
     * The engine checks itself, without its decoder: it carries out every call of n up to
     * MEMBUS_AUDIT_CHECK_MAX a second time, and fills source and destination with poison anew
     * before each instruction, but for the bytes that it is about to record as loaded. What has
     * changed afterwards is what was stored, even if the value was stored there before; and a
     * load that was not recorded brings poison to the destination. When stores or the outcome
     * differ from what was recorded, the case ends as INEXACT.
     * It cannot see: a load whose value never gets to the destination; and, at a byte that one
     * instruction both loads and stores (xchg, rep movs of overlapping ranges), a store of the
     * value already there.
     */
    bool check;
};

struct membus_audit_engine; /* opaque; one per target */

/* Called with each trace of a sweep, in order; a value other than 0 ends the sweep. */
typedef int membus_audit_visit(const struct membus_audit_trace *trace, void *data);

/*
 * An engine's operations.
 *
 *   open   loads the target in a process of its own: its constructors never run in the caller's.
 *          Returns 0; -ENOENT (no such object or symbol), -ENOEXEC (not for this engine's
 *          architecture, or no shared object), -EINVAL (the symbol is no function), -EFAULT
 *          (it crashed while it was loaded), -ETIMEDOUT (its constructor hangs), or another
 *          -errno. `error` gets one line of what went wrong and what to do.
 *   run    carries out one call. Returns 0, also when the call crashed or never returned: that
 *          is in the trace; -EINVAL for a case over the limits; -errno of open when the target
 *          had died and could not be loaded again.
 *   sweep  the same for `count` cases, in batches: much faster. Returns 0, or what `visit`
 *          returned, or -errno as run.
 *   close  ends the process and frees; NULL is fine.
 *
 * Who: the thread that opened it; the target's process ends with that thread.
 */
struct membus_audit_engine_ops {
    const char *name; /* "slots", "ptrace", "unicorn", "qemu" */
    const char *arch; /* "x86_64", ... */
    int (*open)(struct membus_audit_engine **engine, const struct membus_audit_target *target,
                char *error, size_t error_size);
    int (*run)(struct membus_audit_engine *engine, const struct membus_audit_case *c,
               struct membus_audit_trace *trace);
    int (*sweep)(struct membus_audit_engine *engine, const struct membus_audit_case *cases,
                 size_t count, membus_audit_visit *visit, void *data);
    void (*close)(struct membus_audit_engine *engine);
};

/* On this CPU: instructions run one by one in a slot of their own; 100 to 1,000 times faster than
 * ptrace with the same traces (the tests compare). */
MEMBUS_API extern const struct membus_audit_engine_ops membus_audit_slots;
/* On this CPU, single-stepped by ptrace(2): slow, and simple enough to believe. */
MEMBUS_API extern const struct membus_audit_engine_ops membus_audit_ptrace;

/*
 * Of another architecture: a program with the routine in it runs in qemu-user, and a plugin
 * records. `arch` is Debian's name (arm64, armhf, i386, mips, mips64el, ppc64, ppc64el, riscv64,
 * s390x) or the kernel's. NULL: there is none of that name. Its target's object is an archive, an
 * object file or a shared library of that architecture, or NULL for its C library, libc.a. Needs
 * that architecture's gcc, and qemu-user of Debian 12 (7.2); open returns -ENOENT where they are
 * not there. With check, stores alone are checked, and at calls that do not overlap.
 */
MEMBUS_API const struct membus_audit_engine_ops *membus_audit_qemu(const char *arch);

/*
 * Names the kernels of membus that a library (libmembus.a) has for the architecture and that
 * qemu-user's CPU runs, as lines in `names`. Returns 0 or -errno as open, with `error` said.
 */
MEMBUS_API int membus_audit_qemu_kernels(const char *arch, const char *library, char *names,
                                         size_t size, char *error, size_t error_size);

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
    bool total_store_order; /* x86, s390x */
    bool unaligned;         /* 2, 4, 8 bytes at any alignment are one access (x86) */
    unsigned atomic_width;  /* 16 where 16-byte aligned accesses are single-copy atomic, else 8 */
    bool device_source;     /* judge L2: the source is a device */
    unsigned element;       /* the widest single access: 8 (or 0); on narrower hosts 4 */
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
