/* SPDX-License-Identifier: MIT */

/*
 * `misaligned`: the same where the kernel says that a misaligned access is fast. Built with
 * __riscv_misaligned_fast, as a compiler would be told by -mno-strict-align on such a CPU.
 */

#include "cpu.h"
#include "kernels.h"
#include "words_kernel.h"

#if !MEMBUS_ARCH_RAM_UNALIGNED
#error "to be built with -D__riscv_misaligned_fast"
#endif

const struct membus_kernel membus_kernel_misaligned =
    MEMBUS_WORDS_KERNEL("misaligned", membus_riscv_misaligned_fast,
                        "riscv_hwprobe(2) to say that misaligned accesses are fast");
