/* SPDX-License-Identifier: MIT */

/* Others: Unicorn 2 (QEMU's memory core in a library) and Rust's vm-memory. */

#include "bench_space.h"

#include <stdlib.h>

#ifdef BENCH_HAVE_UNICORN
#include <unicorn/unicorn.h>

static void unicorn_check(uc_err error)
{
    if (error != UC_ERR_OK)
        abort();
}

static void *unicorn_create(void *page, size_t count)
{
    uc_engine *uc;

    unicorn_check(uc_open(UC_ARCH_RISCV, UC_MODE_RISCV64, &uc));
    for (size_t i = 0; i < count; i++)
        unicorn_check(uc_mem_map_ptr(uc, i * SPACE_STRIDE, SPACE_PAGE, UC_PROT_ALL, page));
    return uc;
}

static void unicorn_destroy(void *peer)
{
    uc_close(peer);
}

static uint32_t unicorn_load(void *peer, uint64_t addr)
{
    uint32_t v;

    unicorn_check(uc_mem_read(peer, addr, &v, sizeof(v)));
    return v;
}

static void unicorn_store(void *peer, uint64_t addr, uint32_t value)
{
    unicorn_check(uc_mem_write(peer, addr, &value, sizeof(value)));
}

static void unicorn_read(void *peer, void *buf, size_t n, uint64_t addr)
{
    unicorn_check(uc_mem_read(peer, addr, buf, n));
}

static void unicorn_move(void *peer, uint64_t from, uint64_t to)
{
    static char page[SPACE_PAGE] __attribute__((aligned(4096)));

    unicorn_check(uc_mem_unmap(peer, from, SPACE_PAGE));
    unicorn_check(uc_mem_map_ptr(peer, to, SPACE_PAGE, UC_PROT_ALL, page));
}

const struct space_peer space_unicorn = {
    "Unicorn 2",  1000,          unicorn_create, unicorn_destroy,
    unicorn_load, unicorn_store, unicorn_read,   unicorn_move,
};
#else
const struct space_peer space_unicorn = {.name = "Unicorn 2"};
#endif

#ifdef BENCH_HAVE_SPACE_VM_MEMORY
void *peer_vm_new(void *page, size_t size, uint64_t count, uint64_t stride);
void peer_vm_delete(void *peer);
uint32_t peer_vm_load_32(void *peer, uint64_t addr);
void peer_vm_store_32(void *peer, uint64_t addr, uint32_t value);
void peer_vm_read(void *peer, void *buf, size_t n, uint64_t addr);
void peer_vm_move(void *peer, uint64_t from, uint64_t to);

static void *vm_create(void *page, size_t count)
{
    return peer_vm_new(page, SPACE_PAGE, count, SPACE_STRIDE);
}

const struct space_peer space_vm_memory = {
    "vm-memory",     100000,           vm_create,    peer_vm_delete,
    peer_vm_load_32, peer_vm_store_32, peer_vm_read, peer_vm_move,
};
#else
const struct space_peer space_vm_memory = {.name = "vm-memory"};
#endif
