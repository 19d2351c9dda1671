/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_ARCH_H
#define MEMBUS_ARCH_H

/*
 * The selector: the only place in membus that asks the compiler for the architecture.
 *
 * Every file under membus/arch/ defines the same primitives, and everything else is derived:
 *
 *   MEMBUS_ARCH_NAME            the architecture's name, a string
 *   MEMBUS_ARCH_RAM_UNALIGNED   1: an unaligned access to RAM is one instruction; 0: it is not
 *   membus_arch_load_{8,16,32,64}, membus_arch_store_{8,16,32,64}
 *                               exactly one load or store instruction of that width, in a form
 *                               a hypervisor can decode: plain addressing, no pair, no writeback
 *   membus_arch_compiler_barrier  no instruction; the compiler moves no access across it
 *   membus_arch_barrier_*       the barriers of membus/access.h
 *   membus_arch_mmio_{read_before,read_after,write_before,write_after}
 *                               what the ordered MMIO accessors put around their access
 */

#include <stdint.h>

#include <membus/export.h>

/* Types for accesses through a pointer of any type and alignment. */
typedef uint8_t __attribute__((may_alias)) membus_u8;
typedef uint16_t __attribute__((may_alias, aligned(1))) membus_u16;
typedef uint32_t __attribute__((may_alias, aligned(1))) membus_u32;
typedef uint64_t __attribute__((may_alias, aligned(1))) membus_u64;

#if defined(MEMBUS_FORCE_GENERIC)
#include <membus/arch/generic.h>
#elif defined(__x86_64__) && !defined(__ILP32__)
#include <membus/arch/x86_64.h>
#else
#include <membus/arch/generic.h>
#endif

#endif
