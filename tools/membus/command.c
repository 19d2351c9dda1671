/* SPDX-License-Identifier: MIT */

/* What the commands have in common. */

#include "command.h"

#include <stdio.h>

int command_misused(const char *name)
{
    fprintf(stderr, "'%s --help' lists the options\n", name);
    return 2;
}
