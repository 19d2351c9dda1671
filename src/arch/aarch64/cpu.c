/* SPDX-License-Identifier: MIT */
#include "cpu.h"

#include <asm/hwcap.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* MIDR_EL1: implementer, bits 31 to 24, and part number, bits 15 to 4 (Arm ARM D19, MIDR_EL1). */
#define MIDR_IDENTITY 0xff00fff0u
#define MIDR_OLYMPUS  0x4e000100u /* NVIDIA, part 0x010 */

bool membus_arm64_has_lse2(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_USCAT) != 0;
}

/* Linux lets user space read MIDR_EL1 where HWCAP_CPUID says so; it traps, so once is enough. */
static uint32_t midr(void)
{
    uint64_t v = 0;

    if (getauxval(AT_HWCAP) & HWCAP_CPUID)
        __asm__("mrs %0, midr_el1" : "=r"(v));
    return (uint32_t)v;
}

bool membus_arm64_is_olympus(void)
{
    const char *errata = getenv("MEMBUS_ERRATA");

    if (errata && *errata)
        return strcmp(errata, "olympus") == 0;
    return (midr() & MIDR_IDENTITY) == MIDR_OLYMPUS;
}
