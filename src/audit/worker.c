/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "audit/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audit/target.h"

unsigned audit_worker_load_seconds = AUDIT_LOAD_SECONDS;
unsigned audit_worker_hang_seconds = AUDIT_HANG_SECONDS;

int audit_worker_open(struct audit_worker *w)
{
    memset(w, 0, sizeof(*w));
    w->to = w->from = -1;
    w->report =
        mmap(NULL, sizeof(*w->report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w->report != MAP_FAILED)
        return 0;
    w->report = NULL;
    return -errno;
}

void audit_worker_close(struct audit_worker *w)
{
    audit_worker_stop(w, true);
    if (w->report)
        munmap(w->report, sizeof(*w->report));
    w->report = NULL;
}

static int read_byte(int fd)
{
    char byte;
    ssize_t got;

    do
        got = read(fd, &byte, 1);
    while (got < 0 && errno == EINTR);
    return got == 1 ? 0 : -EPIPE;
}

/* To a child that has died: -EPIPE, and no SIGPIPE for the caller's program. */
static int write_byte(int fd)
{
    struct timespec zero = {0, 0};
    sigset_t pipe_only, before, pending;
    bool was_pending;
    ssize_t put;

    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    was_pending = sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    do
        put = write(fd, "", 1);
    while (put < 0 && errno == EINTR);
    if (put != 1 && !was_pending)
        sigtimedwait(&pipe_only, NULL, &zero);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return put == 1 ? 0 : -EPIPE;
}

int audit_worker_wait(struct audit_worker *w, unsigned seconds)
{
    struct pollfd p = {w->from, POLLIN, 0};
    int got;

    do
        got = poll(&p, 1, (int)(seconds * 1000));
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return -ETIMEDOUT;
    return read_byte(w->from);
}

int audit_worker_wake(struct audit_worker *w)
{
    return write_byte(w->to);
}

int audit_worker_next(struct audit_worker *w)
{
    return read_byte(w->from);
}

int audit_worker_done(struct audit_worker *w)
{
    return write_byte(w->to);
}

/* What the target prints must not get into what the auditor prints; and it reads nothing. */
static void redirect(void)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    dup2(STDERR_FILENO, STDOUT_FILENO);
}

static void child(struct audit_worker *w, const struct membus_audit_target *target,
                  audit_worker_body *body, void *data, pid_t parent)
{
    struct audit_worker_report *r = w->report;
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int s = 1; s < 32; s++) /* the caller's handlers are not the target's */
        signal(s, SIG_DFL);
    redirect();
    r->result = audit_target_load(target, &w->routine, r->error, sizeof(r->error));
    r->routine = w->routine;
    if (audit_worker_done(w) || r->result)
        _exit(0);
    body(w, data);
    _exit(0);
}

/* Waits for the child's own end for up to a second, then kills it. */
static int reap(pid_t pid)
{
    const struct timespec step = {0, 2000000};
    int status = 0;

    for (int i = 0; i < 500; i++) {
        pid_t got = waitpid(pid, &status, WNOHANG);

        if (got == pid || (got < 0 && errno != EINTR))
            return status;
        nanosleep(&step, NULL);
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

int audit_worker_stop(struct audit_worker *w, bool kill_it)
{
    int status = 0;

    if (w->to >= 0)
        close(w->to);
    if (w->from >= 0)
        close(w->from);
    w->to = w->from = -1;
    if (w->pid && kill_it)
        kill(w->pid, SIGKILL);
    if (w->pid)
        status = reap(w->pid);
    w->pid = 0;
    return status;
}

/* The child did not report: it crashed, left or hangs. */
static int explain_load(struct audit_worker *w, const struct membus_audit_target *target, int how,
                        char *error, size_t size)
{
    const char *name = target->object ? target->object : "this program";
    int status = audit_worker_stop(w, how == -ETIMEDOUT);

    if (how == -ETIMEDOUT) {
        snprintf(error, size, "loading %s takes more than %u s: a constructor of it hangs", name,
                 audit_worker_load_seconds);
        return -ETIMEDOUT;
    }
    if (WIFSIGNALED(status))
        snprintf(error, size, "loading %s crashed (%s): a constructor of it, or its resolver", name,
                 strsignal(WTERMSIG(status)));
    else
        snprintf(error, size, "a constructor of %s ended the process with status %d", name,
                 WEXITSTATUS(status));
    return -EFAULT;
}

static int spawn(struct audit_worker *w, const struct membus_audit_target *target,
                 audit_worker_body *body, void *data)
{
    int down[2], up[2];
    pid_t parent = getpid();

    if (pipe2(down, O_CLOEXEC))
        return -errno;
    if (pipe2(up, O_CLOEXEC)) {
        close(down[0]);
        close(down[1]);
        return -EMFILE;
    }
    fflush(NULL); /* or the child's exit() would print it once more */
    w->pid = fork();
    if (w->pid == 0) {
        close(down[1]);
        close(up[0]);
        w->from = down[0];
        w->to = up[1];
        child(w, target, body, data, parent);
    }
    close(down[0]);
    close(up[1]);
    w->to = down[1];
    w->from = up[0];
    if (w->pid > 0)
        return 0;
    w->pid = 0;
    audit_worker_stop(w, true);
    return -EAGAIN;
}

int audit_worker_start(struct audit_worker *w, const struct membus_audit_target *target,
                       audit_worker_body *body, void *data, char *error, size_t size)
{
    int e = spawn(w, target, body, data);

    if (e) {
        snprintf(error, size, "cannot start a process for the target: %s", strerror(-e));
        return e;
    }
    e = audit_worker_wait(w, audit_worker_load_seconds);
    if (e)
        return explain_load(w, target, e, error, size);
    w->routine = w->report->routine;
    if (w->report->result) {
        e = w->report->result;
        snprintf(error, size, "%s", w->report->error);
        audit_worker_stop(w, true);
    }
    return e;
}
