/* SPDX-License-Identifier: MIT */

/*
 * PCI memory on s390x is no storage: loads and stores to it raise an addressing exception. The
 * kernel has s390_pci_mmio_read(2) and s390_pci_mmio_write(2), which make one PCI load or store
 * of 1, 2, 4 or 8 aligned bytes (Principles of Operation leave the instructions themselves to the
 * control program, or with the MIO facility to it).
 */

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cpu.h"

void membus_s390_pci_load(void *ram, const void *device, unsigned width)
{
    if (syscall(SYS_s390_pci_mmio_read, device, ram, (unsigned long)width) != 0)
        memset(ram, 0xff, width); /* as a read that nobody answers */
}

void membus_s390_pci_store(void *device, const void *ram, unsigned width)
{
    syscall(SYS_s390_pci_mmio_write, device, ram, (unsigned long)width);
}

/* With a length of 0: EINVAL where the calls are and PCI is enabled, else ENOSYS or ENODEV. */
bool membus_s390_pci_usable(void)
{
    char none;
    int saved = errno;
    bool usable = syscall(SYS_s390_pci_mmio_read, &none, &none, 0ul) != 0 && errno == EINVAL;

    errno = saved;
    return usable;
}
