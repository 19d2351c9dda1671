/* SPDX-License-Identifier: MIT */
/*
 * Runs the cases of guest_cases.c in a guest, and prints TAP. Each case has devices opened anew,
 * in a process of its own: what one leaves behind, dies of or waits for is not the next one's.
 *
 *   guest_test stock|variant combined=ADDRESS noncached=ADDRESS cached=ADDRESS edu=ADDRESS
 *              nvme=ADDRESS testdev=ADDRESS
 */
#include "guest_test.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <membus/guard.h>

#define CASE_SECONDS 60
#define EXIT_SKIPPED 77

struct bed bed;

void fail_case(const char *file, int line, const char *condition, const char *format, ...)
{
    va_list ap;

    printf("# %s:%d: %s:", strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line, condition);
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

void skip_case(const char *reason)
{
    printf("# skip reason: %s\n", reason);
    fflush(stdout);
    _exit(EXIT_SKIPPED);
}

enum membus_cache_mode attribute_of(const void *addr)
{
    int fd = open("/dev/membus-attr", O_RDONLY);
    uint64_t attr;

    CHECK(fd >= 0, "no /dev/membus-attr");
    CHECK(pread(fd, &attr, sizeof attr, (off_t)(uintptr_t)addr) == sizeof attr);
    close(fd);
#if defined(__aarch64__)
    /* MAIR: Arm ARM, D19.2 "MAIR_EL1", as Linux sets it. */
    switch (attr) {
    case 0x00:
        return MEMBUS_CACHE_NONCACHED; /* Device-nGnRnE */
    case 0x04:
        return MEMBUS_CACHE_DEVICE; /* Device-nGnRE */
    case 0x44:
        return MEMBUS_CACHE_WRITECOMBINE; /* Normal, non-cacheable */
    case 0xff:
        return MEMBUS_CACHE_NORMAL; /* Normal, write-back */
    }
#else
    /* IA32_PAT: Intel SDM volume 3, table 12-10. */
    switch (attr) {
    case 0: /* UC */
    case 7: /* UC- */
        return MEMBUS_CACHE_NONCACHED;
    case 1:
        return MEMBUS_CACHE_WRITECOMBINE;
    case 6:
        return MEMBUS_CACHE_NORMAL;
    }
#endif
    return MEMBUS_CACHE_UNKNOWN;
}

int signal_of(void (*body)(void *data), void *data)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        body(data);
        _exit(0);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "exit %d", WEXITSTATUS(status));
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void run_case(const struct guest_case *c)
{
    int err = membus_vfio_container_new(&bed.container, 0);

    alarm(CASE_SECONDS);
    CHECK(err == 0, "container: %d", err);
    for (int i = 0; i < DEVICES; i++) {
        err = membus_vfio_open(&bed.dev[i], bed.container, bed.address[i], NULL);
        CHECK(err == 0, "%s: %d", bed.address[i], err);
    }
    membus_guard_install();
    c->run();
    for (int i = 0; i < DEVICES; i++)
        if (bed.dev[i])
            membus_vfio_close(bed.dev[i]);
    err = membus_vfio_container_delete(bed.container);
    CHECK(err == 0, "%d: something is still in use", err);
    fflush(stdout);
    _exit(0);
}

static bool report(unsigned number, const struct guest_case *c, int status)
{
    const char *driver = bed.variant ? "variant" : "stock";

    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED)
        printf("ok %u - %s: %s # SKIP\n", number, driver, c->name);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        printf("ok %u - %s: %s\n", number, driver, c->name);
    else
        printf("not ok %u - %s: %s\n", number, driver, c->name);
    if (WIFSIGNALED(status))
        printf("# killed by signal %d\n", WTERMSIG(status));
    fflush(stdout);
    return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EXIT_SKIPPED);
}

static void parse_arguments(int argc, char **argv)
{
    static const char *const names[DEVICES] = {
        "combined=", "noncached=", "cached=", "edu=", "nvme=", "testdev="};

    CHECK(argc == 2 + DEVICES);
    bed.variant = strcmp(argv[1], "variant") == 0;
    for (int i = 0; i < DEVICES; i++) {
        CHECK(strncmp(argv[2 + i], names[i], strlen(names[i])) == 0);
        snprintf(bed.address[i], sizeof bed.address[i], "%s", argv[2 + i] + strlen(names[i]));
    }
}

int main(int argc, char **argv)
{
    unsigned number = 0;
    bool good = true;

    parse_arguments(argc, argv);
    for (const struct guest_case *c = guest_cases; c->name; c++) {
        int status;
        pid_t pid;

        if (!(bed.variant ? c->variant : c->stock))
            continue;
        fflush(stdout);
        pid = fork();
        if (pid == 0)
            run_case(c);
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
        good &= report(++number, c, status);
    }
    return good ? 0 : 1;
}
