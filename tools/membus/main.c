/* SPDX-License-Identifier: MIT */

/* The membus program: picks the subcommand. */

#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct command commands[] = {
    {"audit", "record and judge what a copy routine does to memory", command_audit},
    {"bench", "measure copies against glibc's in the same run", command_bench},
    {"exec", "run a program with the ordered copies in place of its own", command_exec},
    {"mtree", "render a memory map that QEMU printed", command_mtree},
    {"vfio", "a device's regions and cache modes, and single accesses", command_vfio},
    {"objcheck", "check in the object code that accesses are as they were written",
     command_objcheck},
    {"probe", "what this host may do to memory, and its KVM and VFIO", command_probe},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))
#define LONGEST  32 /* of a name compared by distance */

static void help(FILE *out)
{
    fprintf(out, "usage: membus COMMAND [OPTION]...\n"
                 "       membus help COMMAND\n"
                 "       membus --version\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\n'membus COMMAND --help' lists a command's options; the manual is membus(1).\n");
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Letters to insert, delete or replace to turn `a` into `b`. */
static size_t distance(const char *a, const char *b)
{
    size_t row[LONGEST + 1], width = strlen(b);

    if (strlen(a) > LONGEST || width > LONGEST)
        return LONGEST;
    for (size_t i = 0; i <= width; i++)
        row[i] = i;
    for (size_t y = 0; a[y]; y++) {
        size_t corner = row[0];

        row[0] = y + 1;
        for (size_t x = 0; x < width; x++) {
            size_t above = row[x + 1];

            row[x + 1] = least(above + 1, row[x] + 1, corner + (a[y] != b[x]));
            corner = above;
        }
    }
    return row[width];
}

static const struct command *find(const char *name)
{
    const struct command *nearest = &commands[0];

    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        if (distance(name, commands[i].name) < distance(name, nearest->name))
            nearest = &commands[i];
    }
    fprintf(stderr, "membus: no command '%s'", name);
    if (distance(name, nearest->name) <= 2)
        fprintf(stderr, "; did you mean '%s'?\n", nearest->name);
    else
        fprintf(stderr, "; 'membus --help' lists them\n");
    return NULL;
}

/* argv[0] is its name. */
static int run(int argc, char **argv)
{
    const struct command *const command = find(argv[0]);
    char name[64];

    if (!command)
        return 2;
    snprintf(name, sizeof(name), "membus %s", command->name);
    argv[0] = name;
    return command->run(argc, argv);
}

static int help_on(char *name)
{
    char flag[] = "--help";
    char *argv[] = {name, flag, NULL};

    return run(2, argv);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("membus %s\n", MEMBUS_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        (strcmp(argv[1], "help") == 0 && argc == 2)) {
        help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "help") == 0)
        return help_on(argv[2]);
    return run(argc - 1, argv + 1);
}
