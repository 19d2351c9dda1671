/* SPDX-License-Identifier: MIT */

/* The guest program, linked by the architecture's own compiler. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/qemu_arch.h"

#define PATH 4096

extern char **environ;
extern const char audit_qemu_driver_text[], audit_qemu_driver_end[];

/* The start of what the file holds, a string. */
static void read_start(int fd, char *text, size_t size)
{
    ssize_t length = pread(fd, text, size - 1, 0);

    text[length > 0 ? length : 0] = '\0';
}

static int wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The line of a compiler's or linker's output that says what is wrong. */
static void pick_line(char *text)
{
    char *line, *save = NULL, *best = NULL;

    for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        if (!best || (!strstr(best, "undefined") && !strstr(best, "error") &&
                      (strstr(line, "undefined") || strstr(line, "error"))))
            best = line;
    if (best)
        memmove(text, best, strlen(best) + 1);
}

int audit_qemu_run(const char *const *arguments, char *out, size_t out_size, char *error,
                   size_t error_size)
{
    int fd[2] = {memfd_create("out", MFD_CLOEXEC), memfd_create("err", MFD_CLOEXEC)};
    posix_spawn_file_actions_t actions;
    int result;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, fd[0], 1);
    posix_spawn_file_actions_adddup2(&actions, fd[1], 2);
    result = posix_spawnp(&pid, arguments[0], &actions, NULL, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    result = result == ENOENT ? 127 : result ? -result : wait_for(pid);
    if (out)
        read_start(fd[0], out, out_size);
    read_start(fd[1], error, error_size);
    pick_line(error);
    close(fd[0]);
    close(fd[1]);
    return result;
}

int audit_qemu_folder_make(char *folder, size_t size)
{
    const char *tmp = getenv("TMPDIR");

    if (snprintf(folder, size, "%s/membus-audit.XXXXXX", tmp && *tmp ? tmp : "/tmp") >= (int)size)
        return -ENAMETOOLONG;
    return mkdtemp(folder) ? 0 : -errno;
}

void audit_qemu_folder_remove(const char *folder)
{
    static const char *const files[] = {"driver.c", "driver"};
    char path[PATH];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
}

static int write_source(const char *path)
{
    size_t size = (size_t)(audit_qemu_driver_end - audit_qemu_driver_text);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int result = 0;

    if (fd < 0)
        return -errno;
    if (write(fd, audit_qemu_driver_text, size) != (ssize_t)size)
        result = -EIO;
    close(fd);
    return result;
}

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);

    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static bool is_libc(const char *object)
{
    return !object || strcmp(object, "libc.a") == 0 || ends_in(object, "/lib/libc.a");
}

/* A name that a C program can declare: also keeps options of the compiler out of -D. */
static bool is_name(const char *symbol)
{
    return *symbol && strspn(symbol, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789_") == strlen(symbol);
}

/* Why the link failed, in the words of one who can mend it. */
static int explain(const struct audit_qemu_arch *arch, const struct membus_audit_target *target,
                   int status, const char *said, char *error, size_t size)
{
    if (status == 127) {
        snprintf(error, size,
                 "no %s-gcc here: apt install gcc-%s libc6-dev-%s-cross, or scripts/deps.sh cross",
                 arch->triple, arch->triple, arch->name);
        return -ENOENT;
    }
    if (strstr(said, "stdio.h") || strstr(said, "cannot find -lc")) {
        snprintf(error, size, "no C library for %s here: apt install libc6-dev-%s-cross",
                 arch->name, arch->name);
        return -ENOENT;
    }
    if (target->symbol && strstr(said, "undefined reference") && strstr(said, target->symbol)) {
        snprintf(error, size, "%s has no function %s",
                 target->object ? target->object : "the C library", target->symbol);
        return -ENOENT;
    }
    snprintf(error, size, "cannot link %s for %s: %.300s",
             target->symbol ? target->symbol : target->object, arch->name, said);
    return -ENOEXEC;
}

int audit_qemu_link(const struct audit_qemu_arch *arch, const struct membus_audit_target *target,
                    const char *program, char *error, size_t size)
{
    bool shared = target->object && strstr(target->object, ".so") != NULL;
    char compiler[64], source[PATH], define[160], folder[PATH] = "", said[4096];
    const char *arguments[16] = {compiler,  "-O1",  "-fno-builtin", "-w",
                                 "-no-pie", source, "-o",           program};
    size_t n = 8;
    int result;

    if (target->symbol && !is_name(target->symbol)) {
        snprintf(error, size, "'%s' is no function's name", target->symbol);
        return -EINVAL;
    }
    if (!is_libc(target->object) && access(target->object, R_OK)) {
        snprintf(error, size, "%s: %s", target->object, strerror(errno));
        return -ENOENT;
    }
    snprintf(compiler, sizeof(compiler), "%s-gcc", arch->triple);
    snprintf(source, sizeof(source), "%s.c", program);
    result = write_source(source);
    if (result)
        return result;
    if (target->symbol) {
        snprintf(define, sizeof(define), "-DROUTINE=%s", target->symbol);
        arguments[n++] = define;
    }
    if (!shared)
        arguments[n++] = "-static";
    if (!is_libc(target->object))
        arguments[n++] = target->object;
    if (shared) {
        snprintf(
            folder, sizeof(folder), "-Wl,-rpath,%.*s",
            (int)(strrchr(target->object, '/') ? strrchr(target->object, '/') - target->object : 1),
            strrchr(target->object, '/') ? target->object : ".");
        arguments[n++] = folder;
    }
    arguments[n++] = "-pthread";
    result = audit_qemu_run(arguments, NULL, 0, said, sizeof(said));
    unlink(source);
    return result ? explain(arch, target, result, said, error, size) : 0;
}

int audit_qemu_plugin_find(char *path, size_t size)
{
    /* Beside the program in the build tree, or installed. */
    static const char *const places[] = {"src/audit/" MEMBUS_QEMU_PLUGIN,
                                         "../src/audit/" MEMBUS_QEMU_PLUGIN, MEMBUS_QEMU_PLUGIN};
    char self[PATH];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    self[length > 0 ? length : 0] = '\0';
    slash = strrchr(self, '/');
    for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
        slash[1] = '\0';
        if (snprintf(path, size, "%s%s", self, places[i]) < (int)size && access(path, R_OK) == 0)
            return 0;
    }
    snprintf(path, size, "%s/membus/%s", MEMBUS_AUDIT_LIBDIR, MEMBUS_QEMU_PLUGIN);
    return access(path, R_OK) ? -ENOENT : 0;
}

/* The program that lists the kernels, run: its lines are the names. */
static int list_kernels(const struct audit_qemu_arch *arch, const char *program, char *names,
                        size_t size, char *error, size_t error_size)
{
    char qemu[64];
    const char *arguments[8] = {qemu};
    size_t n = 1;
    int status;

    snprintf(qemu, sizeof(qemu), "qemu-%s", arch->qemu);
    if (arch->cpu) {
        arguments[n++] = "-cpu";
        arguments[n++] = arch->cpu;
    }
    arguments[n++] = program;
    status = audit_qemu_run(arguments, names, size, error, error_size);
    if (status == 127)
        snprintf(error, error_size, "no %s here: apt install qemu-user", qemu);
    return status == 0 ? 0 : status == 127 ? -ENOENT : -ENOEXEC;
}

int membus_audit_qemu_kernels(const char *name, const char *library, char *names, size_t size,
                              char *error, size_t error_size)
{
    const struct audit_qemu_arch *arch = audit_qemu_arch_find(name);
    const struct membus_audit_target target = {.object = library};
    char folder[PATH / 2], program[PATH];
    int result = arch ? audit_qemu_folder_make(folder, sizeof(folder)) : -EINVAL;

    if (result) {
        snprintf(error, error_size, "%s: %s", name, arch ? strerror(-result) : "unknown");
        return result;
    }
    snprintf(program, sizeof(program), "%s/driver", folder);
    result = audit_qemu_link(arch, &target, program, error, error_size);
    if (!result)
        result = list_kernels(arch, program, names, size, error, error_size);
    audit_qemu_folder_remove(folder);
    return result;
}
