/* SPDX-License-Identifier: MIT */

/*
 * membus exec: runs a program with the ordered copies in place of the C library's. The dynamic
 * loader does the work (LD_PRELOAD); this finds the library, and refuses the programs for which
 * the loader would silently do nothing.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf */
#endif
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "command.h"

#define LIBRARY "libmembus-preload.so"

static void usage(void)
{
    fputs("usage: membus exec [OPTION]... [--] PROGRAM [ARGUMENT]...\n\n"
          "Runs PROGRAM with membus's ordered memcpy, memmove, mempcpy, memset and bcopy.\n\n"
          "  -s, --stats[=FILE]   at exit, print its calls by size and by calling library, to\n"
          "                       standard error or appended to FILE\n"
          "  -l, --library=FILE   preload this instead of " LIBRARY "\n"
          "  -h, --help           this text\n\n"
          "The exit status is the program's; 2 if it cannot be run so. See membus-exec(1).\n",
          stdout);
}

/* DIRECTORY/libmembus-preload.so, if it is there, as an absolute path. */
static bool library_in(char path[PATH_MAX], const char *directory, const char *below)
{
    char name[PATH_MAX];
    const int n = snprintf(name, sizeof(name), "%s%s/" LIBRARY, directory, below);

    return n < (int)sizeof(name) && realpath(name, path) != NULL;
}

/* Beside this program (a build folder, whose copies of it lie in two places), or installed. */
static bool library_find(char path[PATH_MAX])
{
    char self[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (n > 0) {
        self[n] = '\0';
        *strrchr(self, '/') = '\0';
        if (library_in(path, self, "") || library_in(path, self, "/.."))
            return true;
    }
    return library_in(path, MEMBUS_LIBDIR, "");
}

/* The file that execvp() would run. */
static bool program_find(char path[PATH_MAX], const char *program)
{
    const char *list = getenv("PATH");

    if (strchr(program, '/')) {
        snprintf(path, PATH_MAX, "%s", program);
        return access(path, X_OK) == 0;
    }
    while (list && *list) {
        const size_t n = strcspn(list, ":");
        struct stat st;

        snprintf(path, PATH_MAX, "%.*s/%s", n ? (int)n : 1, n ? list : ".", program);
        if (access(path, X_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode))
            return true;
        list += n + (list[n] == ':');
    }
    errno = ENOENT;
    return false;
}

/* Has the program an interpreter, the dynamic loader? Anything unreadable reads as "yes": the
 * loader or the kernel will say what is wrong with it. */
static bool is_dynamic(int fd, const Elf64_Ehdr *header)
{
    for (unsigned i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr segment;
        const off_t at = (off_t)(header->e_phoff + (Elf64_Off)i * header->e_phentsize);

        if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment) ||
            segment.p_type == PT_INTERP)
            return true;
    }
    return false;
}

/* Why the loader would not preload into this file; NULL if it would, or a script. */
static const char *program_refused(const char *path)
{
    Elf64_Ehdr header = {0}, own = {0};
    const char *why = NULL;
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC), self = open("/proc/self/exe", O_RDONLY);

    if (fd >= 0 && pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
        memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && self >= 0 &&
        pread(self, &own, sizeof(own), 0) == sizeof(own)) {
        if (header.e_ident[EI_CLASS] != own.e_ident[EI_CLASS] || header.e_machine != own.e_machine)
            why = "is for another architecture than the library";
        else if (header.e_ident[EI_CLASS] == ELFCLASS64 && !is_dynamic(fd, &header))
            why = "is statically linked: its copies are inside it, and nothing can replace them";
        else if (fstat(fd, &st) == 0 && (((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
                                         ((st.st_mode & S_ISGID) && st.st_gid != getegid())))
            why = "is set-user-id or set-group-id: the loader ignores LD_PRELOAD";
        else if (geteuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
            why = "has file capabilities: the loader ignores LD_PRELOAD";
    }
    if (fd >= 0)
        close(fd);
    if (self >= 0)
        close(self);
    return why;
}

static int preload(const char *library)
{
    const char *others = getenv("LD_PRELOAD");
    char *all;

    if (strpbrk(library, " :")) {
        fprintf(stderr, "membus exec: %s: the loader takes no path with a space or colon\n",
                library);
        return -EINVAL;
    }
    if (asprintf(&all, "%s%s%s", library, others && *others ? ":" : "", others ? others : "") < 0)
        return -ENOMEM;
    setenv("LD_PRELOAD", all, 1);
    free(all);
    return 0;
}

static int run(const char *library, char **argv)
{
    char path[PATH_MAX], program[PATH_MAX];
    const char *why;

    if (library ? !realpath(library, path) : !library_find(path)) {
        fprintf(stderr, "membus exec: %s: not found\n", library ? library : LIBRARY);
        return 2;
    }
    if (!program_find(program, argv[0])) {
        fprintf(stderr, "membus exec: %s: %s\n", argv[0], strerror(errno));
        return 2;
    }
    why = program_refused(program);
    if (why) {
        fprintf(stderr, "membus exec: %s %s\n", program, why);
        return 2;
    }
    if (preload(path) != 0)
        return 2;
    execv(program, argv);
    fprintf(stderr, "membus exec: %s: %s\n", program, strerror(errno));
    return 2;
}

/* At exit, the program could not say that its statistics have nowhere to go. */
static bool can_append(const char *name)
{
    FILE *file = fopen(name, "ae");

    if (!file) {
        fprintf(stderr, "membus exec: %s: %s\n", name, strerror(errno));
        return false;
    }
    fclose(file);
    return true;
}

int command_exec(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"library", required_argument, NULL, 'l'},
        {"stats", optional_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    const char *library = NULL;
    char absolute[PATH_MAX];
    int option;

    /* '+': the program's options are its own. */
    while ((option = getopt_long(argc, argv, "+hl:s::", options, NULL)) != -1) {
        switch (option) {
        case 'h':
            usage();
            return 0;
        case 'l':
            library = optarg;
            break;
        case 's': /* absolute, because the program may change its folder; by the slash the library
                   * knows it for a file */
            snprintf(absolute, sizeof(absolute), "%s", optarg ? optarg : "1");
            if (optarg && (!can_append(optarg) || (*optarg != '/' && !realpath(optarg, absolute))))
                return 2;
            setenv("MEMBUS_PRELOAD_STATS", absolute, 1);
            break;
        default:
            return command_misused(argv[0]);
        }
    }
    if (optind == argc) {
        fprintf(stderr, "membus exec: no program named\n");
        return command_misused(argv[0]);
    }
    return run(library, argv + optind);
}
