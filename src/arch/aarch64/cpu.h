/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_AARCH64_CPU_H
#define MEMBUS_AARCH64_CPU_H

#include <stdbool.h>

/* FEAT_LSE2: 16 aligned bytes by one pair instruction are single-copy atomic (Arm ARM B2.2.1). */
bool membus_arm64_has_lse2(void);

/*
 * NVIDIA Olympus, erratum 1027: a Device load may be observed by a peripheral before an older,
 * non-overlapping store to it. By the CPU's identity, or as MEMBUS_ERRATA says: "olympus", "none".
 */
bool membus_arm64_is_olympus(void);

#endif
