/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_RISCV64_CPU_H
#define MEMBUS_RISCV64_CPU_H

#include <stdbool.h>

/* Are misaligned accesses to RAM fast on every CPU? riscv_hwprobe(2) says. */
bool membus_riscv_misaligned_fast(void);

#endif
