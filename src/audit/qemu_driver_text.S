/* SPDX-License-Identifier: MIT */

/* The guest program's source, as data. */

    .section .rodata
    .globl audit_qemu_driver_text
    .hidden audit_qemu_driver_text
    .globl audit_qemu_driver_end
    .hidden audit_qemu_driver_end
audit_qemu_driver_text:
    .incbin MEMBUS_QEMU_DRIVER
audit_qemu_driver_end:

    .section .note.GNU-stack,"",%progbits
