/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_ARM_CPU_H
#define MEMBUS_ARM_CPU_H

#include <stdbool.h>

/* The Large Physical Address Extension: LDRD and STRD are single-copy atomic (ARM ARM A3.5.3). */
bool membus_arm_has_lpae(void);

#endif
