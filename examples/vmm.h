/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_EXAMPLES_VMM_H
#define MEMBUS_EXAMPLES_VMM_H

/*
 * A small VMM: a machine on membus, and two engines that can run its CPU.
 *
 *   vmm.c          the machine: RAM, serial port, an MMIO device, a DMA device
 *   vmm_guest.c    the guest's code, for x86-64 in long mode
 *   vmm_kvm.c      runs it on /dev/kvm
 *   vmm_unicorn.c  runs it on the Unicorn CPU emulator
 *
 * The machine as the CPU sees it:
 *
 *   memory  00000000  4 MiB of RAM; the page tables are in it, at 0x1000, and the code
 *           d0000000  the MMIO device: 4 KiB of registers that hold what is written
 *           d0001000  the DMA device: source, destination, length, completion, doorbell
 *   I/O     03f8      the serial port
 *           00f4      the end: a byte, the guest's status
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/space.h>

#define VMM_RAM         (4u << 20)
#define VMM_PAGE_TABLES 0x1000u
#define VMM_CODE        0x10000u
#define VMM_STACK       0x80000u
#define VMM_MMIO        0xd0000000u
#define VMM_DMA         0xd0001000u
#define VMM_SERIAL      0x3f8u
#define VMM_END         0xf4u
#define VMM_ROUNDS      8 /* of DMA, each with the other phase */

/* The bus: what the CPU's engine makes its accesses in. */
struct vmm {
    struct membus_space *memory, *io;
    volatile bool ended;
    uint8_t status; /* the guest's: 0 all well, else the number of what failed */
};

extern const unsigned char vmm_guest[];
extern const size_t vmm_guest_size;

/*
 * Run the guest until it ends.
 *
 * Returns: 0; -ENODEV when this engine is not to be had here, with `why` said; another -errno when
 *          it failed.
 */
int vmm_run_kvm(struct vmm *vmm, const char **why);
int vmm_run_unicorn(struct vmm *vmm, const char **why);

#endif
