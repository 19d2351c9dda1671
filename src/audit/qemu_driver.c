/* SPDX-License-Identifier: MIT */

/*
 * The program that qemu-user runs: the routine called case by case, between marks that the plugin
 * takes (qemu_share.h). Compiled by the cross compiler when an audit starts, against the archive
 * or object that has the routine:
 *
 *   -DROUTINE=NAME     the routine; without it the program lists membus's kernels and ends
 *
 *   driver ARENA-FD BOX SOURCE DESTINATION WINDOW      numbers in hexadecimal
 *
 * It maps the windows of the arena where the auditor says, and the box in which the plugin's side
 * leaves each case: dst, src, n.
 */

#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MARK_BEGIN 0x6d620001
#define MARK_END   0x6d620002
#define MARK_CRASH 0x6d620003

#ifndef ROUTINE

const char *membus_kernel_usable(unsigned i);

int main(void)
{
    const char *name;

    for (unsigned i = 0; (name = membus_kernel_usable(i)); i++)
        puts(name);
    return 0;
}

#else

void *ROUTINE(void *dst, const void *src, size_t n);

static sigjmp_buf again;

static void mark(long what, long a, long b)
{
    syscall(SYS_close, what, a, b);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    mark(MARK_CRASH, (long)number, (long)info->si_addr);
    siglongjmp(again, 1);
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT, SIGSYS};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};

    sigaltstack(&stack, NULL);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaction(numbers[i], &action, NULL);
}

static unsigned long hex(const char *text)
{
    return strtoul(text, NULL, 16);
}

static void *map(int fd, const char *address, size_t size, off_t offset)
{
    void *p = mmap((void *)hex(address), size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
                   offset);

    if (p == MAP_FAILED)
        exit(3);
    return p;
}

int main(int argc, char **argv)
{
    const volatile uint64_t *box;
    void *(*volatile routine)(void *, const void *, size_t) = ROUTINE;
    size_t window, first;
    int fd;

    if (argc != 6)
        return 2;
    fd = (int)hex(argv[1]);
    window = hex(argv[5]);
    first = hex(argv[3]) - hex(argv[2]);
    box = map(fd, argv[2], 4096, 0);
    map(fd, argv[3], window, (off_t)first);
    map(fd, argv[4], window, (off_t)(hex(argv[4]) - hex(argv[2])));
    catch_signals();
    sigsetjmp(again, 1);
    for (;;) {
        void *result;

        mark(MARK_BEGIN, 0, 0);
        result =
            routine((void *)(uintptr_t)box[0], (const void *)(uintptr_t)box[1], (size_t)box[2]);
        mark(MARK_END, (long)(uintptr_t)result, 0);
    }
}

#endif
