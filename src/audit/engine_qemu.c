/* SPDX-License-Identifier: MIT */

/*
 * Records in qemu-user: a real process of another architecture, whose accesses a plugin reports.
 * The routine is linked into a small program (qemu_driver.c), the arena and the share are files
 * that both sides map; see qemu_share.h for who waits for whom.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/arena.h"
#include "audit/qemu_arch.h"
#include "audit/qemu_decode.h"
#include "audit/qemu_share.h"
#include "audit/target.h"

#define GUEST    UINT64_C(0x50000000) /* where the arena lies in the guest */
#define PATH     4096
#define TEXT     160
#define START_MS 20000
#define CALL_MS  30000
#define STEPS(n) (UINT64_C(200000) + 64 * (uint64_t)(n))

struct membus_audit_engine {
    const struct audit_qemu_arch *arch;
    struct membus_audit_target target;
    struct audit_arena arena;
    struct audit_qemu_decoder decoder;
    struct audit_share *share;
    int share_fd, arena_fd;
    int to, from;                   /* pipes */
    pid_t pid;                      /* 0: none */
    struct audit_qemu_shape *shape; /* of share->insn, decoded when first met */
    struct membus_audit_access *access;
    size_t capacity;
    char folder[PATH / 2], plugin[PATH];
    char text[TEXT];
};

static uint64_t guest_of(const struct membus_audit_engine *e, const unsigned char *p)
{
    return GUEST + (uint64_t)(p - e->arena.base);
}

/* The process. */

static void stop(struct membus_audit_engine *e)
{
    if (e->pid) {
        kill(e->pid, SIGKILL);
        waitpid(e->pid, NULL, 0);
    }
    if (e->to >= 0)
        close(e->to);
    if (e->from >= 0)
        close(e->from);
    e->pid = 0;
    e->to = e->from = -1;
}

/* In the child: becomes qemu. */
_Noreturn static void become_qemu(const struct membus_audit_engine *e, int from, int to)
{
    char qemu[64], plugin[PATH + 128], program[PATH], sysroot[64], number[5][24];
    const char *arguments[20] = {qemu, "-plugin", plugin, "-L", sysroot};
    size_t n = 5;
    char kernel[96];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fcntl(e->share_fd, F_SETFD, 0);
    fcntl(e->arena_fd, F_SETFD, 0);
    fcntl(from, F_SETFD, 0);
    fcntl(to, F_SETFD, 0);
    snprintf(qemu, sizeof(qemu), "qemu-%s", e->arch->qemu);
    snprintf(sysroot, sizeof(sysroot), "/usr/%s", e->arch->triple);
    snprintf(plugin, sizeof(plugin), "%s,share=%d,arena=%d,from=%d,to=%d", e->plugin, e->share_fd,
             e->arena_fd, from, to);
    snprintf(program, sizeof(program), "%s/driver", e->folder);
    if (e->arch->cpu) {
        arguments[n++] = "-cpu";
        arguments[n++] = e->arch->cpu;
    }
    if (e->target.kernel) {
        snprintf(kernel, sizeof(kernel), "MEMBUS_KERNEL=%s", e->target.kernel);
        arguments[n++] = "-E";
        arguments[n++] = kernel;
    }
    arguments[n++] = program;
    snprintf(number[0], sizeof(number[0]), "%x", (unsigned)e->arena_fd);
    snprintf(number[1], sizeof(number[1]), "%llx", (unsigned long long)GUEST);
    snprintf(number[2], sizeof(number[2]), "%llx",
             (unsigned long long)guest_of(e, e->arena.src_window));
    snprintf(number[3], sizeof(number[3]), "%llx",
             (unsigned long long)guest_of(e, e->arena.dst_window));
    snprintf(number[4], sizeof(number[4]), "%llx", (unsigned long long)e->arena.window);
    for (size_t i = 0; i < 5; i++)
        arguments[n++] = number[i];
    execvp(qemu, (char *const *)arguments);
    _exit(127);
}

static int start(struct membus_audit_engine *e)
{
    int to[2], from[2];

    stop(e);
    if (pipe2(to, O_CLOEXEC))
        return -errno;
    if (pipe2(from, O_CLOEXEC)) {
        close(to[0]);
        close(to[1]);
        return -errno;
    }
    e->share->insns = 0;
    memset(e->shape, 0, AUDIT_SHARE_INSNS * sizeof(*e->shape));
    e->pid = fork();
    if (e->pid == 0)
        become_qemu(e, to[0], from[1]);
    close(to[0]);
    close(from[1]);
    e->to = to[1];
    e->from = from[0];
    if (e->pid < 0) {
        e->pid = 0;
        return -errno;
    }
    return 0;
}

/* One call: false when the process is gone or does not answer. */
static bool exchange(struct membus_audit_engine *e, int milliseconds)
{
    struct pollfd p = {.fd = e->from, .events = POLLIN};
    char byte = 0;
    int ready;

    e->share->end = AUDIT_SHARE_NONE;
    if (write(e->to, &byte, 1) != 1)
        return false;
    do
        ready = poll(&p, 1, milliseconds);
    while (ready < 0 && errno == EINTR);
    return ready == 1 && read(e->from, &byte, 1) == 1;
}

/* The trace. */

static const struct audit_qemu_shape *shape_of(struct membus_audit_engine *e, uint32_t insn)
{
    struct audit_qemu_shape *shape = &e->shape[insn];

    if (!shape->decoded)
        audit_qemu_decode(&e->decoder, &e->share->insn[insn], shape);
    return shape;
}

static struct membus_audit_access *add_access(struct membus_audit_engine *e,
                                              struct membus_audit_trace *t)
{
    if (t->count == e->capacity) {
        size_t capacity = e->capacity ? 2 * e->capacity : 4096;
        struct membus_audit_access *more = reallocarray(e->access, capacity, sizeof(*more));

        if (!more)
            return NULL;
        e->access = more;
        e->capacity = capacity;
    }
    memset(&e->access[t->count], 0, sizeof(e->access[0]));
    return &e->access[t->count++];
}

/* Joins a piece to an access of the same instruction: is it next to one, and is there room? */
static bool join(struct membus_audit_access *a, ptrdiff_t offset, size_t size, unsigned unit)
{
    if (a->width + size > unit)
        return false;
    if (offset == a->offset + (ptrdiff_t)a->width)
        a->width += size;
    else if (offset + (ptrdiff_t)size == a->offset) {
        a->offset = offset;
        a->width += size;
    } else
        return false;
    a->operand_offset = a->offset;
    a->operand_width = (uint32_t)a->width;
    return true;
}

/* Half of an unaligned load, whose effective address is `at` in its word. */
static void set_half(struct membus_audit_access *a, const struct audit_qemu_shape *shape,
                     unsigned at)
{
    if (shape->half < 0) {
        a->offset -= at;
        a->width = at + 1;
    } else {
        a->width = shape->word - at;
    }
    a->operand_offset = a->offset;
    a->operand_width = (uint32_t)a->width;
}

static int put_access(struct membus_audit_engine *e, struct membus_audit_trace *t,
                      const struct audit_event *event, size_t first)
{
    const struct audit_qemu_shape *shape = shape_of(e, event->insn);
    uint16_t side = event->flags & AUDIT_EVENT_STORE ? MEMBUS_AUDIT_STORE : MEMBUS_AUDIT_LOAD;
    uint64_t origin = guest_of(e, side == MEMBUS_AUDIT_STORE ? e->arena.dst : e->arena.src);
    ptrdiff_t offset = (ptrdiff_t)((int64_t)event->address - (int64_t)origin);
    struct membus_audit_access *a;

    for (size_t i = t->count; shape->unit && !shape->half && i-- > first;) {
        a = &e->access[i];
        if (shape->aligned && (origin + (uint64_t)a->offset) % shape->unit)
            continue;
        if (a->kind & side && join(a, offset, event->size, shape->unit))
            return 0;
    }
    if (shape->half && t->count > first) /* the word, after the byte */
        return 0;
    a = add_access(e, t);
    if (!a)
        return -ENOMEM;
    a->offset = a->operand_offset = offset;
    a->width = a->operand_width = event->size;
    if (shape->half)
        set_half(a, shape, event->address & (shape->word - 1));
    a->kind = side | (shape->kind & ~MEMBUS_AUDIT_FENCE);
    if (side == MEMBUS_AUDIT_LOAD)
        a->kind &= (uint16_t)~MEMBUS_AUDIT_RELEASE;
    a->ip = e->share->insn[event->insn].address;
    return 0;
}

static int put_fence(struct membus_audit_engine *e, struct membus_audit_trace *t, uint32_t insn)
{
    struct membus_audit_access *a;

    if (!(shape_of(e, insn)->kind & MEMBUS_AUDIT_FENCE))
        return 0;
    a = add_access(e, t);
    if (!a)
        return -ENOMEM;
    a->kind = MEMBUS_AUDIT_FENCE;
    a->ip = e->share->insn[insn].address;
    return 0;
}

static int put_events(struct membus_audit_engine *e, struct membus_audit_trace *t)
{
    size_t first = 0; /* of the instruction's accesses */
    uint32_t last = 0;
    int result = 0;

    for (uint32_t i = 0; i < e->share->events && !result; i++) {
        const struct audit_event *event = &e->share->event[i];

        if (event->flags & AUDIT_EVENT_START) {
            /* Iterations of one rep movs are one access. */
            if (event->insn != last || !(shape_of(e, last)->kind & MEMBUS_AUDIT_STRING))
                first = t->count;
            last = event->insn;
            result = put_fence(e, t, event->insn);
        } else {
            result = put_access(e, t, event, first);
        }
    }
    t->access = e->access;
    return result;
}

static void set_end(struct membus_audit_engine *e, struct membus_audit_trace *t)
{
    const struct audit_share *s = e->share;
    const char *name = shape_of(e, s->fault_insn)->text;

    t->instructions = s->instructions;
    t->text = NULL;
    e->text[0] = '\0';
    switch ((enum audit_share_end)s->end) {
    case AUDIT_SHARE_RETURNED:
        t->end = MEMBUS_AUDIT_RETURNED;
        t->result_ok = audit_arena_right(&e->arena);
        t->return_ok = s->value == guest_of(e, e->arena.dst);
        return;
    case AUDIT_SHARE_CRASHED:
        t->end = MEMBUS_AUDIT_CRASHED;
        t->signal = (int)s->value;
        t->fault_addr = s->fault_address;
        return;
    case AUDIT_SHARE_ENDLESS:
        t->end = MEMBUS_AUDIT_ENDLESS;
        return;
    case AUDIT_SHARE_SYSCALL:
        t->end = MEMBUS_AUDIT_SYSCALL;
        snprintf(e->text, sizeof(e->text), "number %llu", (unsigned long long)s->value);
        break;
    case AUDIT_SHARE_INEXACT:
        t->end = MEMBUS_AUDIT_INEXACT;
        snprintf(e->text, sizeof(e->text), "%s: what it stored is not what was recorded", name);
        break;
    case AUDIT_SHARE_FULL:
        t->end = MEMBUS_AUDIT_UNSUPPORTED;
        snprintf(e->text, sizeof(e->text), "the trace is full");
        break;
    case AUDIT_SHARE_NONE:
        t->end = MEMBUS_AUDIT_CRASHED;
        t->signal = SIGKILL;
        return;
    }
    t->text = e->text;
}

static void put_box(struct membus_audit_engine *e)
{
    uint64_t box[3] = {guest_of(e, e->arena.dst), guest_of(e, e->arena.src), e->arena.n};

    for (size_t i = 0; i < 3 && e->arch->big_endian; i++)
        box[i] = __builtin_bswap64(box[i]);
    memcpy(e->arena.base, box, sizeof(box));
}

static void set_share(struct membus_audit_engine *e)
{
    const struct audit_region *r = &e->arena.region[e->arena.regions - 1];
    struct audit_share *s = e->share;

    s->low = guest_of(e, e->arena.src_window) - 4096;
    s->high = guest_of(e, e->arena.data_end);
    s->limit = STEPS(e->arena.n);
    s->watch_offset = (uint64_t)(r->start - e->arena.base);
    s->watch_size = r->size;
    s->watch_address = guest_of(e, r->start);
    s->source_distance = e->arena.dst - e->arena.src;
    s->check = e->target.check && e->arena.n <= MEMBUS_AUDIT_CHECK_MAX;
    s->poison = !e->arena.overlapping;
    s->fault_insn = 0;
    s->instructions = 0;
    s->events = 0;
}

static int qemu_run(struct membus_audit_engine *e, const struct membus_audit_case *c,
                    struct membus_audit_trace *t)
{
    int result = audit_arena_check_case(c);

    if (!result && !e->pid)
        result = start(e);
    if (result)
        return result;
    memset(t, 0, sizeof(*t));
    t->c = *c;
    audit_arena_place(&e->arena, &t->c);
    audit_arena_fill(&e->arena);
    put_box(e);
    set_share(e);
    if (!exchange(e, CALL_MS) || e->share->end > AUDIT_SHARE_CRASHED)
        stop(e);
    t->checked = e->share->check;
    set_end(e, t);
    return put_events(e, t);
}

static int qemu_sweep(struct membus_audit_engine *e, const struct membus_audit_case *cases,
                      size_t count, membus_audit_visit *visit, void *data)
{
    struct membus_audit_trace trace;

    for (size_t i = 0; i < count; i++) {
        int result = qemu_run(e, &cases[i], &trace);

        if (!result)
            result = visit(&trace, data);
        if (result)
            return result;
    }
    return 0;
}

/* Opening and closing. */

static void qemu_close(struct membus_audit_engine *e)
{
    if (!e)
        return;
    stop(e);
    if (*e->folder)
        audit_qemu_folder_remove(e->folder);
    audit_qemu_decoder_close(&e->decoder);
    audit_arena_close(&e->arena);
    audit_target_free(&e->target);
    if (e->share)
        munmap(e->share, sizeof(*e->share));
    if (e->share_fd >= 0)
        close(e->share_fd);
    if (e->arena_fd >= 0)
        close(e->arena_fd);
    free(e->access);
    free(e->shape);
    free(e);
}

static int allocate(struct membus_audit_engine *e)
{
    int result;

    e->share_fd = memfd_create("membus-audit-share", MFD_CLOEXEC);
    e->arena_fd = memfd_create("membus-audit-arena", MFD_CLOEXEC);
    e->shape = calloc(AUDIT_SHARE_INSNS, sizeof(*e->shape));
    if (e->share_fd < 0 || e->arena_fd < 0 || !e->shape ||
        ftruncate(e->share_fd, sizeof(*e->share)))
        return -ENOMEM;
    e->share = mmap(NULL, sizeof(*e->share), PROT_READ | PROT_WRITE, MAP_SHARED, e->share_fd, 0);
    if (e->share == MAP_FAILED) {
        e->share = NULL;
        return -ENOMEM;
    }
    result = audit_arena_open(&e->arena, e->arena_fd);
    if (!result && mprotect(e->arena.base, 4096, PROT_READ | PROT_WRITE)) /* the box */
        result = -errno;
    return result;
}

static bool is_there(const char *program)
{
    const char *path = getenv("PATH");
    char file[2 * PATH];

    while (path && *path) {
        size_t length = strcspn(path, ":");

        snprintf(file, sizeof(file), "%.*s/%s", (int)length, path, program);
        if (access(file, X_OK) == 0)
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

static int prepare(struct membus_audit_engine *e, char *error, size_t size)
{
    char program[PATH];
    int result = audit_qemu_plugin_find(e->plugin, sizeof(e->plugin));

    snprintf(program, sizeof(program), "qemu-%s", e->arch->qemu);
    if (result) {
        snprintf(error, size, "%s is not beside this program, nor installed", MEMBUS_QEMU_PLUGIN);
        return result;
    }
    if (!is_there(program)) {
        snprintf(error, size, "no %s here: apt install qemu-user", program);
        return -ENOENT;
    }
    result = audit_qemu_folder_make(e->folder, sizeof(e->folder));
    if (result) {
        *e->folder = '\0';
        return result;
    }
    snprintf(program, sizeof(program), "%s/driver", e->folder);
    return audit_qemu_link(e->arch, &e->target, program, error, size);
}

/* The first call, unrecorded: it chooses its variant, and shows that the engine works at all. */
static int warm_up(struct membus_audit_engine *e, char *error, size_t size)
{
    const struct membus_audit_case c = {.n = 64};
    struct membus_audit_trace trace;
    int result = start(e);

    e->share->end = AUDIT_SHARE_NONE;
    if (!result)
        result = qemu_run(e, &c, &trace);
    if (!result && e->share->end == AUDIT_SHARE_NONE) {
        snprintf(
            error, size,
            "qemu-%s did not run the routine; QEMU 7.2 of Debian 12 takes the plugin, a static "
            "qemu-user does not",
            e->arch->qemu);
        result = -ENOEXEC;
    }
    return result;
}

static int qemu_open(struct membus_audit_engine **out, const struct membus_audit_target *target,
                     char *error, size_t error_size)
{
    struct membus_audit_engine *e = calloc(1, sizeof(*e));
    int result;

    *out = NULL;
    if (!e)
        return -ENOMEM;
    e->to = e->from = e->share_fd = e->arena_fd = -1;
    e->arch = audit_qemu_arch_find(target->arch ? target->arch : "");
    if (!e->arch) {
        snprintf(error, error_size, "no architecture '%s'", target->arch ? target->arch : "");
        free(e);
        return -EINVAL;
    }
    signal(SIGPIPE, SIG_IGN);
    result = audit_target_copy(&e->target, target);
    e->target.arch = e->arch->name;
    if (!result)
        result = audit_qemu_decoder_open(&e->decoder, e->arch);
    if (!result)
        result = allocate(e);
    if (!result)
        result = prepare(e, error, error_size);
    if (!result)
        result = warm_up(e, error, error_size);
    if (result)
        qemu_close(e);
    else
        *out = e;
    return result;
}

#define ENGINE(architecture)                                                      \
    {                                                                             \
        .name = "qemu", .arch = architecture, .open = qemu_open, .run = qemu_run, \
        .sweep = qemu_sweep, .close = qemu_close,                                 \
    }

static const struct membus_audit_engine_ops engines[] = {
    ENGINE("arm64"), ENGINE("armhf"),   ENGINE("i386"),    ENGINE("mips"),  ENGINE("mips64el"),
    ENGINE("ppc64"), ENGINE("ppc64el"), ENGINE("riscv64"), ENGINE("s390x"),
};

const struct membus_audit_engine_ops *membus_audit_qemu(const char *arch)
{
    const struct audit_qemu_arch *found = audit_qemu_arch_find(arch);

    for (size_t i = 0; found && i < sizeof(engines) / sizeof(engines[0]); i++)
        if (strcmp(engines[i].arch, found->name) == 0)
            return &engines[i];
    return NULL;
}
