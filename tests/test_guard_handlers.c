/* SPDX-License-Identifier: MIT */

/* Guards beside a program's own signal handlers: each gets what is its own. */

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>

#include "guard_memory.h"

/* The program's own handlers. */

static volatile sig_atomic_t program_calls;
static volatile void *program_addr;
static sigjmp_buf program_back;

static void program_handler(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    program_calls++;
    program_addr = info->si_addr;
    siglongjmp(program_back, 1);
}

static void own_handler(int signal, siginfo_t *info, void *context)
{
    if (membus_guard_handle(signal, info, context))
        return;
    program_handler(signal, info, context);
}

static struct sigaction program_old;

static void chaining_handler(int signal, siginfo_t *info, void *context)
{
    program_calls++;
    if (program_old.sa_flags & SA_SIGINFO)
        program_old.sa_sigaction(signal, info, context);
}

static void set_handler(int signal, void (*function)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = function, .sa_flags = SA_SIGINFO};

    assert_int_equal(sigaction(signal, &action, &program_old), 0);
}

/* One guarded fault and one of the program's own; the handler must get the second alone. */
static void both_kinds(struct memory *m)
{
    struct membus_fault fault = {0};

    program_calls = 0;
    assert_int_equal(membus_guard_copy(m->target, pattern_new, 100, &fault), 0);
    assert_int_equal(fault.signal, SIGBUS);
    assert_int_equal(program_calls, 0);
    if (sigsetjmp(program_back, 1) == 0) {
        *(volatile char *)(m->target + 17) = 1;
        fail_msg("no fault");
    }
    assert_int_equal(program_calls, 1);
    assert_ptr_equal(program_addr, m->target + 17);
    /* and again, now that a handler was left by siglongjmp() */
    assert_int_equal(membus_guard_copy(m->target, pattern_new, 100, &fault), 0);
    assert_int_equal(program_calls, 1);
}

static void test_handler_before(void **state)
{
    struct memory m = memory_open();

    (void)state;
    assert_int_equal(ftruncate(m.fd, 0), 0);
    set_handler(SIGBUS, program_handler);
    assert_int_equal(membus_guard_install(), 0);
    assert_true(membus_guard_installed());
    both_kinds(&m);
    assert_int_equal(membus_guard_uninstall(), 0);
    assert_false(membus_guard_installed());
    memory_close(&m);
}

/* Only its own handler, which calls membus_guard_handle(). */
static void test_handler_own(void **state)
{
    struct memory m = memory_open();

    (void)state;
    assert_int_equal(ftruncate(m.fd, 0), 0);
    assert_int_equal(membus_guard_uninstall(), -EINVAL);
    set_handler(SIGBUS, own_handler);
    both_kinds(&m);
    memory_close(&m);
}

/* Set after ours, and calls the old one, as such handlers do. */
static void test_handler_after(void **state)
{
    struct memory m = memory_open();
    struct membus_fault fault = {0};

    (void)state;
    guard_on();
    assert_int_equal(ftruncate(m.fd, 0), 0);
    set_handler(SIGBUS, chaining_handler);
    assert_false(membus_guard_installed());
    assert_int_equal(membus_guard_uninstall(), -EBUSY);
    program_calls = 0;
    assert_int_equal(membus_guard_copy(m.target, pattern_new, 100, &fault), 0);
    assert_int_equal(fault.signal, SIGBUS);
    assert_int_equal(program_calls, 1);
    sigaction(SIGBUS, &program_old, NULL);
    assert_true(membus_guard_installed());
    memory_close(&m);
    guard_off();
}

/* How a child ends that does `act` with these settings. */
static int child_status(void (*before)(void), void (*act)(void))
{
    int status = -1;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        membus_guard_uninstall();
        signal(SIGBUS, SIG_DFL); /* not cmocka's */
        signal(SIGSEGV, SIG_DFL);
        if (before)
            before();
        membus_guard_install();
        act();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static char *volatile nowhere = (char *)16;

static void act_fault(void)
{
    *(volatile char *)nowhere = 1;
}

static void act_raise(void)
{
    raise(SIGBUS);
}

static void before_ignore(void)
{
    signal(SIGBUS, SIG_IGN);
    signal(SIGSEGV, SIG_IGN);
}

static void exit_42(int signal)
{
    (void)signal;
    _exit(42);
}

static void before_plain(void)
{
    signal(SIGSEGV, exit_42);
}

static int once_calls;

static void once_handler(int signal)
{
    (void)signal;
    once_calls++;
    if (once_calls == 2)
        _exit(43);
}

static void before_once(void)
{
    struct sigaction action = {.sa_handler = once_handler, .sa_flags = (int)SA_RESETHAND};

    sigaction(SIGSEGV, &action, NULL);
}

static void before_sandwich(void)
{
    signal(SIGSEGV, exit_42);
    membus_guard_install();
    set_handler(SIGSEGV, chaining_handler);
    /* child_status() installs ours again, over it: a loop, unless the chain knows its end */
}

/* Unhandled, ignored, plain and one-shot handlers: the child ends as it would have without us. */
static void test_dispositions(void **state)
{
    int status;

    (void)state;
    guard_on();
    status = child_status(NULL, act_fault);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    status = child_status(NULL, act_raise);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    status = child_status(before_ignore, act_raise);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    status = child_status(before_ignore, act_fault);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    status = child_status(before_plain, act_fault);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    status = child_status(before_sandwich, act_fault);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    status = child_status(before_once, act_fault);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    guard_off();
}

/* Signals that somebody sends while a guarded copy runs are not faults: all reach the program. */

static void counting_handler(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    (void)context;
    program_calls++;
}

static void *send_signals(void *argument)
{
    struct sender *s = argument;

    for (unsigned i = 0; i < s->count; i++) {
        const int before = program_calls;

        pthread_kill(s->to, SIGBUS);
        while (program_calls == before) /* one at a time: a pending one would swallow the next */
            sched_yield();
    }
    atomic_store(&s->done, true);
    return NULL;
}

static void test_sent_signals(void **state)
{
    struct memory m = memory_open();
    struct sender sender = {pthread_self(), 2000, false};
    pthread_t thread;

    (void)state;
    set_handler(SIGBUS, counting_handler);
    assert_int_equal(membus_guard_install(), 0);
    program_calls = 0;
    assert_int_equal(pthread_create(&thread, NULL, send_signals, &sender), 0);
    while (!atomic_load(&sender.done))
        assert_int_equal(membus_guard_copy(m.target, pattern_new, SIZE, NULL), SIZE);
    pthread_join(thread, NULL);
    assert_int_equal(program_calls, sender.count);
    assert_int_equal(membus_guard_uninstall(), 0);
    memory_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handler_before), cmocka_unit_test(test_handler_own),
        cmocka_unit_test(test_handler_after),  cmocka_unit_test(test_dispositions),
        cmocka_unit_test(test_sent_signals),
    };

    if (!sigbus_tells_page())
        SKIP_ALL(WRONG_ADDRESS);
    patterns_make();
    return RUN_TESTS(tests);
}
