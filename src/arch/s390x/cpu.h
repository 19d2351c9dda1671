/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_S390X_CPU_H
#define MEMBUS_S390X_CPU_H

#include <stdbool.h>

/* One access of 1, 2, 4 or 8 aligned bytes to PCI memory, by system call; and has this kernel them?
 */
void membus_s390_pci_load(void *ram, const void *device, unsigned width);
void membus_s390_pci_store(void *device, const void *ram, unsigned width);
bool membus_s390_pci_usable(void);

#endif
