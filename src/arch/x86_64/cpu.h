/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_X86_64_CPU_H
#define MEMBUS_X86_64_CPU_H

#include <stdbool.h>

#define MEMBUS_CPU_AVX    1u /* 16-byte aligned accesses are single-copy atomic: SDM 9.1.1 */
#define MEMBUS_CPU_AVX2   2u /* and BMI2 */
#define MEMBUS_CPU_AVX512 4u /* F, BW, VL */

/* Does the CPU have the feature, and does the operating system save its registers? */
bool membus_cpu_has(unsigned feature);

/* Of a CPU that has AVX-512: does it carry 64 bytes in two halves of 32? */
bool membus_cpu_is_zen4(void);

#endif
