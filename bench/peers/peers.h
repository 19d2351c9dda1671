/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_BENCH_PEERS_H
#define MEMBUS_BENCH_PEERS_H

/*
 * Copies of others. Those that the build did not find are macros for NULL, and the routine says
 * that it is skipped and why.
 */

#include "bench.h"

/* Ours, after Linux's memcpy_toio(): bytes up to a word, words, bytes. */
void *peer_toio(void *dst, const void *src, size_t n);
void *peer_bytes(void *dst, const void *src, size_t n);

#ifdef BENCH_HAVE_MUSL
void *peer_musl_memcpy(void *dst, const void *src, size_t n);
void *peer_musl_memmove(void *dst, const void *src, size_t n);
#else
#define peer_musl_memcpy  NULL
#define peer_musl_memmove NULL
#endif

#ifdef BENCH_HAVE_DPDK
void *peer_dpdk_avx2(void *dst, const void *src, size_t n);
void *peer_dpdk_avx512(void *dst, const void *src, size_t n);
#else
#define peer_dpdk_avx2   NULL
#define peer_dpdk_avx512 NULL
#endif

#ifdef BENCH_HAVE_VM_MEMORY
void *peer_vm_memory(void *dst, const void *src, size_t n);
#else
#define peer_vm_memory NULL
#endif

#endif
