/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TOOL_COMMAND_H
#define MEMBUS_TOOL_COMMAND_H

/*
 * A subcommand of the membus program. argv[0] is "membus NAME", for messages; every one of them
 * takes --help, and returns the exit status: 0 all well, 1 found something, 2 could not do it.
 */

struct command {
    const char *name;
    const char *summary; /* one line for membus --help */
    int (*run)(int argc, char **argv);
};

/* After what is wrong with a command line was said: where to read on. Returns the exit status. */
int command_misused(const char *name);

int command_audit(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_exec(int argc, char **argv);
int command_mtree(int argc, char **argv);
int command_objcheck(int argc, char **argv);
int command_probe(int argc, char **argv);
int command_vfio(int argc, char **argv);

#endif
