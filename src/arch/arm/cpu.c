/* SPDX-License-Identifier: MIT */
#include <asm/hwcap.h>
#include <sys/auxv.h>

#include "cpu.h"

bool membus_arm_has_lpae(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_LPAE) != 0;
}
