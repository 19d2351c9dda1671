/* SPDX-License-Identifier: MIT */
#include "cpu.h"

#include <cpuid.h>
#include <stdint.h>

/*
 * CPUID and XGETBV by hand rather than __builtin_cpu_supports(), which needs a constructor to
 * have run: membus_copy() may be called by the dynamic loader before any.
 */

/* XCR0, SDM volume 1, 13.3: SSE, AVX; and opmask, ZMM_Hi256, Hi16_ZMM. */
#define XCR0_AVX    0x06u
#define XCR0_AVX512 0xe6u

static uint32_t xcr0(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* CPUID leaf 1 and leaf 7, SDM volume 2, CPUID. */
static unsigned detect(void)
{
    unsigned a, b, c, d, features = 0;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return 0;

    uint32_t enabled = xcr0();

    if ((c & bit_AVX) && (enabled & XCR0_AVX) == XCR0_AVX)
        features |= MEMBUS_CPU_AVX;
    if (!(features & MEMBUS_CPU_AVX) || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return features;
    if ((b & bit_AVX2) && (b & bit_BMI2))
        features |= MEMBUS_CPU_AVX2;
    if ((features & MEMBUS_CPU_AVX2) && (enabled & XCR0_AVX512) == XCR0_AVX512 &&
        (b & bit_AVX512F) && (b & bit_AVX512BW) && (b & bit_AVX512VL))
        features |= MEMBUS_CPU_AVX512;
    return features;
}

bool membus_cpu_has(unsigned feature)
{
    return (detect() & feature) != 0;
}

/* AMD's family 19h, of which those with AVX-512 are Zen 4, whose data paths are 32 bytes wide
 * (Software Optimization Guide for the AMD Zen4 Microarchitecture, 57647, Floating-Point Unit). */
bool membus_cpu_is_zen4(void)
{
    unsigned a, b, c, d, signature;

    __cpuid(0, a, b, c, d);
    if (b != signature_AMD_ebx || c != signature_AMD_ecx || d != signature_AMD_edx)
        return false;
    __cpuid(1, signature, b, c, d);
    return (signature >> 8 & 15) + (signature >> 20 & 255) == 0x19;
}
