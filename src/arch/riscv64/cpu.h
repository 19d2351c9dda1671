/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_RISCV64_CPU_H
#define MEMBUS_RISCV64_CPU_H

#include <stdbool.h>

/* Are misaligned accesses to RAM fast on every CPU? As MEMBUS_MISALIGNED says ("fast", "slow"), for
 * kernels that do not know; else as riscv_hwprobe(2) does. */
bool membus_riscv_misaligned_fast(void);

#endif
