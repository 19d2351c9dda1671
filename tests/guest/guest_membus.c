/* SPDX-License-Identifier: MIT */
/* The program with the one command that the guest tests need: the others want more libraries. */
#include <stdio.h>
#include <string.h>

#include "../../tools/membus/command.h"

int main(int argc, char **argv)
{
    char name[] = "membus vfio";

    if (argc < 2 || strcmp(argv[1], "vfio") != 0) {
        fputs("usage: membus vfio ...\n", stderr);
        return 2;
    }
    argv[1] = name; /* as main.c does */
    return command_vfio(argc - 1, argv + 1);
}
