/* SPDX-License-Identifier: MIT */

/*
 * The first call chooses the kernel, in any context: a signal at each of its instructions, whose
 * handler copies or selects a kernel itself; threads at once; the lock of stderr held. A process
 * has one first call, so each runs in a child.
 */

#define _GNU_SOURCE
#include "harness.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <membus/copy.h>
#include <membus/guard.h>

#undef membus_copy

/* Exit statuses of a child. */
enum { FINE, WRONG, NOT_REACHED };

static char from[64], to[64];

/* The status of a child that runs `body`, or -1 where it had to be killed after two seconds. */
static int in_child(int (*body)(void))
{
    const pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        alarm(2);
        _exit(body());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#ifdef __x86_64__

static volatile sig_atomic_t step, step_wanted, answer;
static void (*interruption)(void);

static void on_step(int signal)
{
    (void)signal;
    if (++step == step_wanted)
        interruption();
}

/* EFLAGS.TF: a trap after each instruction (SDM volume 3, 18.3.1.4). */
static void single_step(bool on)
{
    if (on)
        __asm__ volatile("pushf\n\torl $0x100, (%%rsp)\n\tpopf" ::: "memory", "cc");
    else
        __asm__ volatile("pushf\n\tandl $~0x100, (%%rsp)\n\tpopf" ::: "memory", "cc");
}

static void handle_steps(void)
{
    struct sigaction action = {.sa_handler = on_step};

    sigaction(SIGTRAP, &action, NULL);
}

static void guarded_copy(void)
{
    answer = (sig_atomic_t)membus_guard_copy(to, from, 24, NULL);
}

static int first_guarded_copy(void)
{
    char other[64];

    handle_steps();
    single_step(true);
    const size_t done = membus_guard_copy(other, from, 24, NULL);
    single_step(false);
    if (step < step_wanted)
        return NOT_REACHED;
    return done == 24 && answer == 24 && memcmp(to, from, 24) == 0 ? FINE : WRONG;
}

static void select_generic(void)
{
    answer = membus_kernel_select("generic");
}

static int first_copy(void)
{
    char other[64];

    handle_steps();
    single_step(true);
    membus_copy(other, from, 24);
    single_step(false);
    if (step < step_wanted)
        return NOT_REACHED;
    return answer == 0 && strcmp(membus_kernel_name(), "generic") == 0 &&
                   memcmp(other, from, 24) == 0
               ? FINE
               : WRONG;
}

static void at_every_instruction(int (*body)(void), void (*then)(void))
{
    int status = FINE;

    interruption = then;
    for (step_wanted = 1; status != NOT_REACHED; step_wanted++) {
        status = in_child(body);
        if (status != FINE && status != NOT_REACHED)
            fail_msg("interrupted at instruction %d: %s", (int)step_wanted,
                     status < 0 ? "never returned" : "wrong");
    }
    assert_true(step_wanted > 100); /* it was the first call */
}

static void test_copy_from_a_signal_handler(void **state)
{
    (void)state;
    at_every_instruction(first_guarded_copy, guarded_copy);
}

static void test_select_from_a_signal_handler(void **state)
{
    (void)state;
    at_every_instruction(first_copy, select_generic);
}

#endif

static pthread_barrier_t barrier;

static void *stderr_holder(void *argument)
{
    flockfile(stderr);
    pthread_barrier_wait(&barrier);
    pause();
    return argument;
}

static int first_copy_beside_the_holder(void)
{
    pthread_t thread;

    pthread_barrier_init(&barrier, NULL, 2);
    if (pthread_create(&thread, NULL, stderr_holder, NULL))
        return WRONG;
    pthread_barrier_wait(&barrier);
    membus_copy(to, from, 40);
    return FINE;
}

static void test_takes_no_lock(void **state)
{
    (void)state;
    assert_int_equal(in_child(first_copy_beside_the_holder), FINE);
}

static void *first_copier(void *argument)
{
    pthread_barrier_wait(&barrier);
    membus_copy(to, from, 40);
    return argument;
}

static int report[2];

static int threads_at_once(void)
{
    pthread_t thread[16];

    dup2(report[1], STDERR_FILENO);
    pthread_barrier_init(&barrier, NULL, 16);
    for (unsigned i = 0; i < 16; i++) {
        if (pthread_create(&thread[i], NULL, first_copier, NULL))
            return WRONG;
    }
    for (unsigned i = 0; i < 16; i++)
        pthread_join(thread[i], NULL);
    return FINE;
}

static void test_reports_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        char text[4096];

        assert_int_equal(pipe(report), 0);
        assert_int_equal(in_child(threads_at_once), FINE);
        close(report[1]);

        const ssize_t length = read(report[0], text, sizeof(text));

        close(report[0]);
        assert_true(length > 0);
        assert_memory_equal(text, "membus: MEMBUS_KERNEL=bogus: ", 29);
        assert_ptr_equal(memchr(text, '\n', (size_t)length), text + length - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef __x86_64__
        cmocka_unit_test(test_copy_from_a_signal_handler),
        cmocka_unit_test(test_select_from_a_signal_handler),
#endif
        cmocka_unit_test(test_takes_no_lock),
        cmocka_unit_test(test_reports_once),
    };

    memset(from, 7, sizeof(from));
    setenv("MEMBUS_KERNEL", "bogus", 1); /* so that the first call has all to do */
    return RUN_TESTS(tests);
}
