/* SPDX-License-Identifier: MIT */

/* DPDK's rte_memcpy(), which is chosen when it is compiled: built once for each instruction set,
 * with PEER the name. */

#include <rte_config.h>

#include <rte_memcpy.h>

#include "peers.h"

void *PEER(void *dst, const void *src, size_t n)
{
    return rte_memcpy(dst, src, n);
}
