/* SPDX-License-Identifier: MIT */

/*
 * Guarded copies for every architecture: a frame per call in thread-local memory, and
 * siglongjmp() to it. No register of the interrupted code is read, so two things are weaker than
 * with a table of instructions: a fault is known by its address alone, which must lie in the
 * frame's ranges, and a call costs a sigsetjmp() without the signal mask.
 *
 * Why the count is exact: elements are copied one by one, and each is counted right after its
 * store. A faulting element is not counted; being aligned, or split where it is not, it stored
 * nothing. (W2 again: an unaligned store of 2, 4 or 8 bytes in one instruction counts whole.)
 */

#include <setjmp.h>
#include <ucontext.h>

#include "guard.h"
#include "words.h"

/* What changes between the sigsetjmp() and the jump is `stored`, which is volatile; GCC also warns
 * of arguments that do not. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wclobbered"
#endif

struct frame {
    struct frame *outer;
    sigjmp_buf back;
    uintptr_t dst, src; /* the ranges it may fault in; size 0: none */
    size_t dst_size, src_size;
    struct membus_guard_trap *trap;
    volatile size_t stored;
    uint64_t *value; /* of a load; here, because it lives across the jump */
};

/* The innermost frame. Initial-exec, so that the signal handler's first touch allocates nothing. */
static _Thread_local struct frame *volatile innermost __attribute__((tls_model("initial-exec")));

static void enter(struct frame *frame)
{
    frame->outer = innermost;
    frame->stored = 0;
    /* The frame is filled in before the handler can find it; the same thread, so the compiler's
     * order is enough. */
    membus_arch_compiler_barrier();
    innermost = frame;
}

static void leave(struct frame *frame)
{
    membus_arch_compiler_barrier();
    innermost = frame->outer;
}

/* The next store of n bytes to dst, `done` of which have been. */
static unsigned next_width(uintptr_t dst, size_t n, size_t done)
{
    unsigned width = MEMBUS_WORD;

    /* One store whatever the alignment (W2); where the host takes that: else half of it might be
     * made before the fault. */
    if (done == 0 && membus_is_element(n) && (MEMBUS_ARCH_RAM_UNALIGNED || (dst & (n - 1)) == 0))
        return (unsigned)n;
    while (((dst + done) & (width - 1)) || width > n - done)
        width /= 2;
    return width;
}

size_t membus_arch_guard_copy(void *dst, const void *src, size_t n, bool strict,
                              struct membus_guard_trap *trap)
{
    struct frame frame = {
        .dst = (uintptr_t)dst, .src = (uintptr_t)src, .dst_size = n, .src_size = n, .trap = trap};

    enter(&frame);
    if (sigsetjmp(frame.back, 0) == 0) {
        while (frame.stored < n) {
            char *d = (char *)dst + frame.stored;
            unsigned width = next_width((uintptr_t)dst, n, frame.stored);

            if (frame.stored + width == n && n > width)
                membus_arch_barrier_publish(); /* W6: the last element behind all others */
            else
                membus_words_order(strict);
            membus_word_copy(d, (const char *)src + frame.stored, width);
            membus_arch_compiler_barrier();
            frame.stored += width;
        }
    }
    leave(&frame);
    trap->stored = 0;
    return frame.stored;
}

size_t membus_arch_guard_blocks(void *dst, const void *src, size_t n, unsigned block,
                                struct membus_guard_trap *trap)
{
    (void)block;
    return membus_arch_guard_copy(dst, src, n, false, trap);
}

size_t membus_arch_guard_fill(void *dst, int value, size_t n, struct membus_guard_trap *trap)
{
    const uint64_t pattern = (unsigned char)value * UINT64_C(0x0101010101010101);
    struct frame frame = {.dst = (uintptr_t)dst, .dst_size = n, .trap = trap};

    enter(&frame);
    if (sigsetjmp(frame.back, 0) == 0) {
        while (frame.stored < n) {
            char *d = (char *)dst + frame.stored;
            unsigned width = next_width((uintptr_t)dst, n, frame.stored);

            if (frame.stored + width == n && n > width)
                membus_arch_barrier_publish();
            membus_word_fill(d, pattern, width);
            membus_arch_compiler_barrier();
            frame.stored += width;
        }
    }
    leave(&frame);
    return frame.stored;
}

bool membus_arch_guard_load(const void *p, unsigned width, uint64_t *value,
                            struct membus_guard_trap *trap)
{
    struct frame frame = {.src = (uintptr_t)p, .src_size = width, .trap = trap, .value = value};

    enter(&frame);
    if (sigsetjmp(frame.back, 0) == 0) {
        *frame.value = width == 1   ? membus_arch_load_8(p)
                       : width == 2 ? membus_arch_load_16(p)
                       : width == 4 ? membus_arch_load_32(p)
                                    : membus_arch_load_64(p);
        membus_arch_compiler_barrier();
        frame.stored = width;
    }
    leave(&frame);
    return frame.stored == width;
}

bool membus_arch_guard_store(void *p, unsigned width, uint64_t value,
                             struct membus_guard_trap *trap)
{
    struct frame frame = {.dst = (uintptr_t)p, .dst_size = width, .trap = trap};

    enter(&frame);
    if (sigsetjmp(frame.back, 0) == 0) {
        switch (width) {
        case 1:
            membus_arch_store_8(p, (uint8_t)value);
            break;
        case 2:
            membus_arch_store_16(p, (uint16_t)value);
            break;
        case 4:
            membus_arch_store_32(p, (uint32_t)value);
            break;
        default:
            membus_arch_store_64(p, value);
        }
        membus_arch_compiler_barrier();
        frame.stored = width;
    }
    leave(&frame);
    return frame.stored == width;
}

/* Is the fault at `at` in [start, start + size)? s390x reports no more than the page (Principles
 * of Operation, translation-exception identification): then any byte of it will do. */
static bool in_range(uintptr_t at, uintptr_t start, size_t size)
{
    const uintptr_t page = at & ~(uintptr_t)4095;

    return at - start < size || (at == page && page < start && start - page < 4096 && size);
}

bool membus_arch_guard_resume(int signal, const siginfo_t *info, void *context)
{
    struct frame *frame = innermost;
    const uintptr_t at = (uintptr_t)info->si_addr;

    if (!frame)
        return false;

    const bool in_dst = in_range(at, frame->dst, frame->dst_size);
    const uintptr_t start = in_dst ? frame->dst : frame->src;

    if (!in_dst && !in_range(at, frame->src, frame->src_size))
        return false;
    frame->trap->fault.addr = (const void *)(at < start ? start : at);
    frame->trap->fault.signal = signal;
    frame->trap->fault.code = info->si_code;
    frame->trap->fault.store = in_dst;
    /* The mask as it was at the fault, which a return from the handler would have restored. */
    pthread_sigmask(SIG_SETMASK, &((ucontext_t *)context)->uc_sigmask, NULL);
    siglongjmp(frame->back, 1);
}
