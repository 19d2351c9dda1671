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
 *   MEMBUS_ARCH_WORD            widest single access to RAM, bytes: 8 or 4
 *   MEMBUS_ARCH_MMIO_WIDTH      widest single access to device memory, bytes: 8; 4 where 8 bytes
 *                               are no access that a hypervisor can decode; 0 where loads and
 *                               stores do not reach devices
 *   membus_arch_load_{8,16,32,64}, membus_arch_store_{8,16,32,64}
 *                               exactly one load or store instruction of that width, in a form
 *                               a hypervisor can decode: plain addressing, no pair, no writeback
 *   membus_arch_compiler_barrier  no instruction; the compiler moves no access across it
 *   membus_arch_barrier_*       the barriers of membus/access.h
 *   membus_arch_mmio_order      what keeps accesses to one device in program order, before each
 *   membus_arch_mmio_{read_before,read_after,write_before,write_after}
 *                               what the ordered MMIO accessors put around their access
 */

#include <stdint.h>

#include <membus/export.h>

/*
 * MEMBUS_RECORD_ACCESSES: compile with this defined, and each access leaves a record in the section
 * .membus.access, which is not loaded: where it begins, where it ends, 'l' or 's', its width.
 * `membus objcheck` looks up what the compiler made of it. The code is the same with and without.
 */
#ifdef MEMBUS_RECORD_ACCESSES
#if __SIZEOF_POINTER__ == 8
#define MEMBUS_SITE_POINTER ".8byte"
#else
#define MEMBUS_SITE_POINTER ".4byte"
#endif
#define MEMBUS_SITE(kind, width, instruction)                                       \
    "9871: " instruction "\n9872:\n\t"                                              \
    ".pushsection .membus.access, \"\"\n\t" MEMBUS_SITE_POINTER " 9871b, 9872b\n\t" \
    ".byte " kind ", " #width "\n\t"                                                \
    ".popsection"
#else
#define MEMBUS_SITE(kind, width, instruction) instruction
#endif
#define MEMBUS_SITE_LOAD(width, instruction)  MEMBUS_SITE("0x6c", width, instruction)
#define MEMBUS_SITE_STORE(width, instruction) MEMBUS_SITE("0x73", width, instruction)

/* Types for accesses through a pointer of any type and alignment. */
typedef uint8_t __attribute__((may_alias)) membus_u8;
typedef uint16_t __attribute__((may_alias, aligned(1))) membus_u16;
typedef uint32_t __attribute__((may_alias, aligned(1))) membus_u32;
typedef uint64_t __attribute__((may_alias, aligned(1))) membus_u64;

/* For the generic file: does the host, and so its compiler, take any alignment in one instruction?
 */
#if defined(__x86_64__) || defined(__i386__)
#define MEMBUS_HOST_UNALIGNED 1
#else
#define MEMBUS_HOST_UNALIGNED 0
#endif

/* Does another CPU see the host's stores in program order (total store order)? */
#if defined(__x86_64__) || defined(__i386__) || defined(__s390x__)
#define MEMBUS_HOST_STORES_ORDERED 1
#else
#define MEMBUS_HOST_STORES_ORDERED 0
#endif

#if defined(MEMBUS_FORCE_GENERIC)
#include <membus/arch/generic.h>
#elif defined(__x86_64__) && !defined(__ILP32__)
#include <membus/arch/x86_64.h>
#elif defined(__i386__)
#include <membus/arch/i386.h>
#elif defined(__aarch64__) && !defined(__ILP32__)
#include <membus/arch/aarch64.h>
#elif defined(__arm__) && __ARM_ARCH >= 7
#include <membus/arch/arm.h>
#elif defined(__riscv) && __riscv_xlen == 64
#include <membus/arch/riscv64.h>
#elif defined(__powerpc64__)
#include <membus/arch/ppc64.h>
#elif defined(__s390x__)
#include <membus/arch/s390x.h>
#elif defined(__mips64) && _MIPS_SIM == _ABI64
#include <membus/arch/mips64.h>
#else
#include <membus/arch/generic.h>
#endif

#endif
