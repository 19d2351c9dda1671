/* SPDX-License-Identifier: MIT */

/*
 * libmembus-preload.so: the ordered copies in place of the C library's, for a program that cannot
 * be rebuilt. LD_PRELOAD puts it first; `membus exec` sets that.
 *
 * It may be called at any time after the dynamic loader has mapped it: by another library's IFUNC
 * resolver or constructor, before this library is relocated, before the C library is initialised.
 * So until its own constructor has run:
 *
 *   - it reads only what needs no relocation: code, and variables that start as zero
 *   - a pointer that points to itself tells whether the relocation has happened; before that, the
 *     copy is the inlined one, from single accesses alone
 *   - every call is counted, because it is not known yet whether somebody asks for the counts
 *
 * The constructor then puts the kernel's functions into the three pointers below, and a call is a
 * load, a test and a jump from there on. With counting on they stay NULL: the slow way counts.
 * No IFUNC and no thread-local storage is used, and nothing here calls what it replaces.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <membus/copy.h>

#include "kernel.h"
#include "preload.h"
#include "preload_short.h"
#include "words.h"

#define EXPORT __attribute__((visibility("default")))

/* glibc's: prints "buffer overflow detected" and aborts. */
extern void __chk_fail(void) __attribute__((noreturn));

EXPORT void *mempcpy(void *dst, const void *src, size_t n);
EXPORT void *__mempcpy(void *dst, const void *src, size_t n);
EXPORT void *__memcpy_chk(void *dst, const void *src, size_t n, size_t size);
EXPORT void *__memmove_chk(void *dst, const void *src, size_t n, size_t size);
EXPORT void *__mempcpy_chk(void *dst, const void *src, size_t n, size_t size);
EXPORT void *__memset_chk(void *dst, int value, size_t n, size_t size);
EXPORT void bcopy(const void *src, void *dst, size_t n);

/* NULL until the constructor has run, and for good when calls are counted. The move is memcpy's,
 * too: the C library's takes any overlap, memcpy@GLIBC_2.2.5 by promise. */
static void *(*fast_move)(void *dst, const void *src, size_t n);
static void *(*fast_fill)(void *dst, int value, size_t n);

/* Fills that end before this are done here, without a jump to the kernel: a cycle of ten. */
static size_t short_end;

/* Holds its own address once the library is relocated. */
static const volatile void *const volatile self = &self;

static bool relocated(void)
{
    return self == &self;
}

/* Before relocation. Overlaps that need it go backwards, bytewise: correct is all they must be. */
static void *early_move(void *dst, const void *src, size_t n)
{
    if ((uintptr_t)dst - (uintptr_t)src >= n)
        return membus_words_copy(dst, src, n, MEMBUS_WORDS_LOOSE);
    while (n--)
        membus_ram_store_8((char *)dst + n, membus_ram_load_8((const char *)src + n));
    return dst;
}

static __attribute__((noinline)) void *slow_copy(void *dst, const void *src, size_t n,
                                                 enum preload_function function, const void *caller)
{
    preload_count(function, n, caller);
    if (dst == src && (function == PRELOAD_MEMMOVE || function == PRELOAD_BCOPY))
        return dst; /* as in move() */
    if (!relocated())
        return early_move(dst, src, n);
    return membus_kernel_get()->move(dst, src, n);
}

static __attribute__((noinline)) void *slow_fill(void *dst, int value, size_t n, const void *caller)
{
    preload_count(PRELOAD_MEMSET, n, caller);
    if (!relocated())
        return membus_words_fill(dst, value, n);
    return membus_kernel_get()->fill(dst, value, n);
}

#define LIKELY(x) __builtin_expect(!!(x), 1)

/* Of the function that these are inlined into; asked for on the slow way alone. */
#define CALLER() __builtin_return_address(0)

MEMBUS_INLINE void *copy(void *dst, const void *src, size_t n, enum preload_function function)
{
    void *(*fast)(void *, const void *, size_t) = fast_move;

    if (!LIKELY(fast))
        return slow_copy(dst, src, n, function, CALLER());
    /* Four in five of a QEMU's are of a word, mostly read again at once: not worth a jump. */
    if (MEMBUS_ARCH_RAM_UNALIGNED && n == MEMBUS_WORD) {
        membus_word_copy(dst, src, MEMBUS_WORD);
        return dst;
    }
    return fast(dst, src, n);
}

MEMBUS_INLINE void *move(void *dst, const void *src, size_t n, enum preload_function function)
{
    void *(*fast)(void *, const void *, size_t) = fast_move;

    if (!LIKELY(fast))
        return slow_copy(dst, src, n, function, CALLER());
    /* Two in five of a QEMU's, by glib's arrays. A store could only take back what another wrote.
     */
    if (dst == src)
        return dst;
    return fast(dst, src, n);
}

MEMBUS_INLINE void *fill(void *dst, int value, size_t n)
{
    void *(*fast)(void *, int, size_t);

    if (!LIKELY(preload_fill_is_short(dst, n, short_end))) {
        fast = fast_fill;
        return LIKELY(fast) ? fast(dst, value, n) : slow_fill(dst, value, n, CALLER());
    }
    preload_fill_short(dst, value, n);
    return dst;
}

EXPORT void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    return copy(dst, src, n, PRELOAD_MEMCPY);
}

EXPORT void *memmove(void *dst, const void *src, size_t n)
{
    return move(dst, src, n, PRELOAD_MEMMOVE);
}

EXPORT void *mempcpy(void *dst, const void *src, size_t n)
{
    return (char *)copy(dst, src, n, PRELOAD_MEMPCPY) + n;
}

EXPORT void *__mempcpy(void *dst, const void *src, size_t n)
{
    return (char *)copy(dst, src, n, PRELOAD_MEMPCPY) + n;
}

EXPORT void *memset(void *dst, int value, size_t n)
{
    return fill(dst, value, n);
}

EXPORT void bcopy(const void *src, void *dst, size_t n)
{
    move(dst, src, n, PRELOAD_BCOPY);
}

/* The fortified forms: `size` is what the compiler knows of dst (_FORTIFY_SOURCE). */

EXPORT void *__memcpy_chk(void *dst, const void *src, size_t n, size_t size)
{
    if (n > size)
        __chk_fail();
    return copy(dst, src, n, PRELOAD_MEMCPY);
}

EXPORT void *__memmove_chk(void *dst, const void *src, size_t n, size_t size)
{
    if (n > size)
        __chk_fail();
    return move(dst, src, n, PRELOAD_MEMMOVE);
}

EXPORT void *__mempcpy_chk(void *dst, const void *src, size_t n, size_t size)
{
    if (n > size)
        __chk_fail();
    return (char *)copy(dst, src, n, PRELOAD_MEMPCPY) + n;
}

EXPORT void *__memset_chk(void *dst, int value, size_t n, size_t size)
{
    if (n > size)
        __chk_fail();
    return fill(dst, value, n);
}

static void fast_on(void)
{
    const struct membus_kernel *kernel = membus_kernel_get();

    fast_move = kernel->move;
    fast_fill = kernel->fill;
    short_end = preload_short_end(kernel);
}

/* Where the counts go: a file to append to, or the standard error that was there at the start
 * (some programs close theirs before destructors run). */
static char counts_file[PATH_MAX];
static int counts_fd = -1;
static struct stat counts_stat; /* of counts_fd: a program may close it, and open another there */

static __attribute__((constructor)) void begin(void)
{
    const char *kernel = getenv("MEMBUS_KERNEL"), *stats = getenv("MEMBUS_PRELOAD_STATS");

    /* An early call may have chosen before there was an environment. */
    if (kernel && *kernel)
        membus_kernel_select(kernel);
    if (!stats || !*stats || strcmp(stats, "0") == 0) {
        fast_on();
        return;
    }
    /* A copy: a program that sets its title writes over its environment. */
    strncpy(counts_file, stats, sizeof(counts_file) - 1);
    if (!strchr(counts_file, '/')) {
        counts_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 64);
        if (counts_fd < 0) /* RLIMIT_NOFILE */
            counts_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        fstat(counts_fd, &counts_stat);
    }
}

static __attribute__((destructor)) void end(void)
{
    struct stat now;

    if (fast_move)
        return;
    fast_on(); /* what the printing itself copies is nobody's */
    if (strchr(counts_file, '/'))
        counts_fd = open(counts_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    else if (fstat(counts_fd, &now) != 0 || now.st_dev != counts_stat.st_dev ||
             now.st_ino != counts_stat.st_ino)
        return;
    if (counts_fd < 0)
        return;
    preload_print(counts_fd);
    close(counts_fd);
}
