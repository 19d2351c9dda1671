/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_RULES_H
#define MEMBUS_RULES_H

#include <membus/mapping.h>

/* This architecture's table: one row per cache mode, indexed by the mode. */
extern const struct membus_rule membus_arch_rules[];

#endif
