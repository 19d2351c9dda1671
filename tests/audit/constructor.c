/* SPDX-License-Identifier: MIT */

/* Objects that are awkward to load, one per value of MISBEHAVE; test_audit_engine_ends.c. */

#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define CRASH 1 /* its constructor crashes */
#define HANG  2 /* its constructor never returns */
#define LEAVE 3 /* its constructor ends the process */
#define NOISE 4 /* its constructor prints, and spoils signal handlers and the environment */
#define ALARM 5 /* a signal kills the process later */
#define SLEEP 6 /* a signal handler hangs the process later */

void *routine(void *dst, const void *src, size_t n);

void *routine(void *dst, const void *src, size_t n)
{
    unsigned char *d = dst;
    const unsigned char *s = src;

    for (size_t i = 0; i < n; i++) {
        __asm__ volatile("" : : : "memory");
        d[i] = s[i];
    }
    return dst;
}

#if MISBEHAVE == SLEEP
static void sleep_on(int s)
{
    (void)s;
    for (;;)
        pause();
}
#endif

__attribute__((constructor)) static void misbehave(void)
{
#if MISBEHAVE == CRASH
    raise(SIGSEGV);
#elif MISBEHAVE == HANG
    for (;;)
        pause();
#elif MISBEHAVE == LEAVE
    exit(3);
#elif MISBEHAVE == NOISE
    printf("noise\n");
    fflush(stdout);
    signal(SIGSEGV, SIG_IGN);
    clearenv();
#else
    struct itimerval soon = {{0, 0}, {0, 30000}}; /* of its own CPU time */

#if MISBEHAVE == SLEEP
    signal(SIGPROF, sleep_on);
#endif
    setitimer(ITIMER_PROF, &soon, NULL);
#endif
}
