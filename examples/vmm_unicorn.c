/* SPDX-License-Identifier: MIT */

/*
 * The CPU on the Unicorn emulator. Guest RAM reaches it through a listener; ranges with callbacks
 * are given pages of its own, and a hook before each access to them: a load is made on membus's
 * space and its value put there for the instruction to find, a store goes to the space too.
 * (Unicorn's own MMIO callbacks would split what is not aligned.)
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_UNICORN
#include <unicorn/unicorn.h>
#endif

#include "vmm.h"

#ifndef HAVE_UNICORN

int vmm_run_unicorn(struct vmm *vmm, const char **why)
{
    (void)vmm;
    *why = "built without Unicorn";
    return -ENODEV;
}

#else

struct emulator {
    struct vmm *vmm;
    uc_engine *uc;
    uc_err error; /* of the listener */
};

/* Unicorn takes callbacks as void *, which C does not convert functions to. */
typedef void callback(void);

static void *pointer(callback *function)
{
    void *p;

    memcpy(&p, &function, sizeof(p));
    return p;
}

static void keep_error(struct emulator *e, uc_err error)
{
    if (e->error == UC_ERR_OK)
        e->error = error;
}

static void on_load(uc_engine *uc, uc_mem_type type, uint64_t addr, int size, int64_t value,
                    void *data)
{
    struct emulator *e = data;
    unsigned char bytes[8];

    (void)type, (void)value;
    membus_space_read(e->vmm->memory, bytes, (size_t)size, addr, (struct membus_attrs){0});
    uc_mem_write(uc, addr, bytes, (size_t)size);
}

static void on_store(uc_engine *uc, uc_mem_type type, uint64_t addr, int size, int64_t value,
                     void *data)
{
    struct emulator *e = data;
    unsigned char bytes[8];

    (void)uc, (void)type;
    for (int i = 0; i < size; i++)
        bytes[i] = (unsigned char)((uint64_t)value >> (8 * i));
    membus_space_write(e->vmm->memory, addr, bytes, (size_t)size, (struct membus_attrs){0});
}

static uint32_t on_in(uc_engine *uc, uint32_t port, int size, void *data)
{
    struct emulator *e = data;
    unsigned char bytes[4] = {0};

    (void)uc;
    membus_space_read(e->vmm->io, bytes, (size_t)size, port, (struct membus_attrs){0});
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void on_out(uc_engine *uc, uint32_t port, int size, uint32_t value, void *data)
{
    struct emulator *e = data;
    unsigned char bytes[4];

    for (int i = 0; i < 4; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
    membus_space_write(e->vmm->io, port, bytes, (size_t)size, (struct membus_attrs){0});
    if (e->vmm->ended)
        uc_emu_stop(uc);
}

/* A range becomes memory of the emulator: the host's, or pages with hooks. */
static void add_range(void *data, const struct membus_range *range)
{
    struct emulator *e = data;
    size_t size = (size_t)(range->last - range->start + 1);
    uc_hook hook;

    if (range->flags & MEMBUS_RANGE_DIRECT) {
        char *host = (char *)membus_region_mapping(range->region).addr + range->offset;
        uint32_t access =
            range->flags & MEMBUS_RANGE_READONLY ? UC_PROT_READ | UC_PROT_EXEC : UC_PROT_ALL;

        keep_error(e, uc_mem_map_ptr(e->uc, range->start, size, access, host));
        return;
    }
    keep_error(e, uc_mem_map(e->uc, range->start, size, UC_PROT_READ | UC_PROT_WRITE));
    keep_error(e, uc_hook_add(e->uc, &hook, UC_HOOK_MEM_READ, pointer((callback *)on_load), e,
                              range->start, range->last));
    keep_error(e, uc_hook_add(e->uc, &hook, UC_HOOK_MEM_WRITE, pointer((callback *)on_store), e,
                              range->start, range->last));
}

static const struct membus_listener_ops listener_ops = {.add = add_range};

static uc_err start(struct emulator *e)
{
    uint64_t stack = VMM_STACK;
    uc_hook hook;

    keep_error(e, uc_hook_add(e->uc, &hook, UC_HOOK_INSN, pointer((callback *)on_in), e, 1, 0,
                              UC_X86_INS_IN));
    keep_error(e, uc_hook_add(e->uc, &hook, UC_HOOK_INSN, pointer((callback *)on_out), e, 1, 0,
                              UC_X86_INS_OUT));
    keep_error(e, uc_reg_write(e->uc, UC_X86_REG_RSP, &stack));
    if (e->error != UC_ERR_OK)
        return e->error;
    return uc_emu_start(e->uc, VMM_CODE, UINT64_MAX, 0, 0);
}

int vmm_run_unicorn(struct vmm *vmm, const char **why)
{
    struct emulator e = {.vmm = vmm};
    struct membus_listener *listener;
    int r;

    if (uc_open(UC_ARCH_X86, UC_MODE_64, &e.uc) != UC_ERR_OK) {
        *why = "Unicorn does not start";
        return -ENODEV;
    }
    printf("vmm: running on Unicorn\n");
    *why = "memory for Unicorn";
    r = membus_listener_new(&listener, vmm->memory, 0, &listener_ops, &e);
    if (!r) {
        uc_err error = start(&e);

        if (error != UC_ERR_OK || !vmm->ended) {
            *why = error != UC_ERR_OK ? uc_strerror(error) : "the guest stopped";
            r = -EIO;
        }
        membus_listener_delete(listener);
    }
    uc_close(e.uc);
    return r;
}

#endif
