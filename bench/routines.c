/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <errno.h>
#include <string.h>

#include <membus/copy.h>

#include "constants.h"
#include "loops.h"
#include "peers.h"

/* The functions, not their inlined forms. */
#undef membus_copy
#undef membus_move

/* The buffers of the cases as mappings; one of the destination for each cache mode. */
static struct membus_mapping source, target[MEMBUS_CACHE_MODES];

BENCH_INLINE void *transfer(enum membus_cache_mode mode, unsigned flags, void *dst, const void *src,
                            size_t n)
{
    membus_transfer(&target[mode], (size_t)((char *)dst - (char *)target[mode].addr), &source,
                    (size_t)((const char *)src - (const char *)source.addr), n, NULL, flags);
    return dst;
}

#define TRANSFER(name, mode, flags)                                      \
    BENCH_INLINE void *call_##name(void *dst, const void *src, size_t n) \
    {                                                                    \
        return transfer(mode, flags, dst, src, n);                       \
    }                                                                    \
    BENCH_LOOPS(name)

BENCH_ROUTINE(glibc, memcpy)
BENCH_ROUTINE(again, memcpy)
BENCH_ROUTINE(memmove, memmove)
BENCH_ROUTINE(memmove_again, memmove)
BENCH_ROUTINE(copy, membus_copy)
BENCH_ROUTINE(strict, membus_copy_strict)
BENCH_ROUTINE(move, membus_move)
BENCH_ROUTINE(avx2, membus_copy)
BENCH_ROUTINE(scalar, membus_copy)
BENCH_ROUTINE(generic, membus_copy)
BENCH_ROUTINE(musl, peer_musl_memcpy)
BENCH_ROUTINE(musl_move, peer_musl_memmove)
BENCH_ROUTINE(dpdk_avx2, peer_dpdk_avx2)
BENCH_ROUTINE(dpdk_avx512, peer_dpdk_avx512)
BENCH_ROUTINE(vm_memory, peer_vm_memory)
BENCH_ROUTINE(toio, peer_toio)
BENCH_ROUTINE(bytes, peer_bytes)
TRANSFER(normal_strict, MEMBUS_CACHE_NORMAL, MEMBUS_ORDER_STRICT)
TRANSFER(normal, MEMBUS_CACHE_NORMAL, 0)
TRANSFER(writecombine, MEMBUS_CACHE_WRITECOMBINE, 0)
TRANSFER(device, MEMBUS_CACHE_DEVICE, 0)
TRANSFER(noncached, MEMBUS_CACHE_NONCACHED, 0)

#define ANY  (BENCH_COPIES | BENCH_MOVES | BENCH_LARGE)
#define FAST (BENCH_COPIES | BENCH_LARGE)
#define SLOW BENCH_COPIES

struct bench_routine bench_routines[] = {
    {"glibc", "glibc's memcpy, the baseline", FAST, NULL, memcpy, BENCH_LOOPS_OF(glibc), NULL,
     NULL},
    {"glibc again", "the same a second time: the noise", FAST | BENCH_SELF, NULL, memcpy,
     BENCH_LOOPS_OF(again), NULL, NULL},
    {"membus", "membus_copy()", FAST, NULL, membus_copy, BENCH_LOOPS_OF(copy),
     bench_constants_membus, NULL},
    {"membus move", "membus_move()", ANY, NULL, membus_move, BENCH_LOOPS_OF(move), NULL, NULL},
    {"membus strict", "membus_copy_strict()", FAST, NULL, membus_copy_strict,
     BENCH_LOOPS_OF(strict), NULL, NULL},
    {"membus avx2", "membus_copy(), the kernel avx2", FAST, "avx2", membus_copy,
     BENCH_LOOPS_OF(avx2), NULL, NULL},
    {"membus scalar", "membus_copy(), the kernel scalar", FAST, "scalar", membus_copy,
     BENCH_LOOPS_OF(scalar), NULL, NULL},
    {"membus generic", "membus_copy(), the kernel generic: portable C", FAST, "generic",
     membus_copy, BENCH_LOOPS_OF(generic), NULL, NULL},
    {"mapping NORMAL", "membus_transfer() to RAM", FAST | BENCH_MODES, NULL, NULL,
     BENCH_LOOPS_OF(normal), NULL, NULL},
    {"mapping strict", "membus_transfer() to RAM, MEMBUS_ORDER_STRICT", FAST | BENCH_MODES, NULL,
     NULL, BENCH_LOOPS_OF(normal_strict), NULL, NULL},
    {"mapping WRITECOMBINE", "membus_transfer() to RAM labelled WRITECOMBINE", FAST | BENCH_MODES,
     NULL, NULL, BENCH_LOOPS_OF(writecombine), NULL, NULL},
    {"mapping DEVICE", "membus_transfer() to RAM labelled DEVICE", FAST | BENCH_MODES, NULL, NULL,
     BENCH_LOOPS_OF(device), NULL, NULL},
    {"mapping NONCACHED", "membus_transfer() to RAM labelled NONCACHED", FAST | BENCH_MODES, NULL,
     NULL, BENCH_LOOPS_OF(noncached), NULL, NULL},
    {"glibc memmove", "glibc's memmove", ANY, NULL, memmove, BENCH_LOOPS_OF(memmove), NULL, NULL},
    {"glibc memmove again", "the same a second time: the noise of moves",
     BENCH_MOVES | BENCH_LARGE | BENCH_SELF, NULL, memmove, BENCH_LOOPS_OF(memmove_again), NULL,
     NULL},
    {"musl", "musl's memcpy", FAST | BENCH_PEER, NULL, peer_musl_memcpy, BENCH_LOOPS_OF(musl), NULL,
     NULL},
    {"musl memmove", "musl's memmove", BENCH_MOVES | BENCH_LARGE | BENCH_PEER, NULL,
     peer_musl_memmove, BENCH_LOOPS_OF(musl_move), NULL, NULL},
    {"dpdk avx512", "DPDK's rte_memcpy, compiled for AVX-512", FAST | BENCH_PEER, "avx512",
     peer_dpdk_avx512, BENCH_LOOPS_OF(dpdk_avx512), NULL, NULL},
    {"dpdk avx2", "DPDK's rte_memcpy, compiled for AVX2", FAST | BENCH_PEER, "avx2", peer_dpdk_avx2,
     BENCH_LOOPS_OF(dpdk_avx2), NULL, NULL},
    {"vm-memory", "Rust's vm-memory: VolatileSlice, write_slice", FAST | BENCH_PEER, NULL,
     peer_vm_memory, BENCH_LOOPS_OF(vm_memory), NULL, NULL},
    {"8-byte loop", "bytes up to a word, words, bytes: as Linux's memcpy_toio", SLOW, NULL,
     peer_toio, BENCH_LOOPS_OF(toio), NULL, NULL},
    {"byte loop", "one byte at a time", SLOW, NULL, peer_bytes, BENCH_LOOPS_OF(bytes), NULL, NULL},
    {"compiler",
     "the compiler's own memcpy of a constant size",
     BENCH_COPIES,
     NULL,
     NULL,
     {NULL, NULL, NULL, NULL},
     bench_constants_compiler,
     NULL},
    {NULL, NULL, 0, NULL, NULL, {NULL, NULL, NULL, NULL}, NULL, NULL},
};

struct bench_routine *bench_routine(const char *name)
{
    for (struct bench_routine *r = bench_routines; r->name; r++) {
        if (strcmp(r->name, name) == 0)
            return r;
    }
    return NULL;
}

bool bench_routine_repeats(const struct bench_routine *routine)
{
    const struct bench_routine *membus = bench_routine("membus");

    return routine != membus && routine->function == membus->function &&
           strcmp(routine->kernel, membus->kernel) == 0;
}

static const char *why_skipped(const struct bench_routine *r)
{
    if ((r->flags & BENCH_PEER) && !r->function)
        return "not found when membus was built";

    int error = r->kernel ? membus_kernel_select(r->kernel) : 0;

    if (error == -ENOENT)
        return "no such kernel in this build";
    return error ? "this CPU cannot run it" : NULL;
}

const char *bench_kernel(void)
{
    static const char *kernel;

    if (!kernel)
        kernel = membus_kernel_name(); /* before anyone selects another */
    return kernel;
}

void bench_routines_init(char *dst, char *src, size_t size)
{
    const char *kernel = bench_kernel();

    source = membus_mapping_ram(src, size);
    for (unsigned mode = 0; mode < MEMBUS_CACHE_MODES; mode++)
        target[mode] = membus_mapping_device(dst, size, (enum membus_cache_mode)mode);

    for (struct bench_routine *r = bench_routines; r->name; r++) {
        if (!r->kernel && (strncmp(r->name, "membus", 6) == 0 || (r->flags & BENCH_MODES)))
            r->kernel = kernel;
        r->skipped = why_skipped(r);
    }
    membus_kernel_select(kernel);
}
