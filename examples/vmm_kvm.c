/* SPDX-License-Identifier: MIT */

/* The CPU on /dev/kvm: one vCPU that starts in long mode. Guest RAM reaches KVM through a
 * listener, exits for MMIO and ports become accesses to the spaces. */

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm.h"

struct kvm {
    int kvm, vm, cpu;
    struct kvm_run *run;
    size_t run_size;
    uint32_t slots;
    int error; /* of the listener */
};

/* Memory of the view becomes a memory slot. */
static void add_memory(void *data, const struct membus_range *range)
{
    struct kvm *k = data;
    struct kvm_userspace_memory_region slot = {
        .slot = k->slots,
        .guest_phys_addr = range->start,
        .memory_size = range->last - range->start + 1,
    };

    if (!(range->flags & MEMBUS_RANGE_DIRECT))
        return;
    slot.flags = range->flags & MEMBUS_RANGE_READONLY ? KVM_MEM_READONLY : 0;
    slot.userspace_addr =
        (uint64_t)(uintptr_t)membus_region_mapping(range->region).addr + range->offset;
    if (ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &slot))
        k->error = -errno;
    k->slots++;
}

static const struct membus_listener_ops listener_ops = {.add = add_memory};

static int unusable(const char **why, const char *what)
{
    *why = what;
    return -ENODEV;
}

static int create(struct kvm *k, const char **why)
{
    int size;

    k->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (k->kvm < 0)
        return unusable(why,
                        errno == ENOENT ? "there is no /dev/kvm" : "/dev/kvm cannot be opened");
    if (ioctl(k->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
        return unusable(why, "another version of its interface");
    k->vm = ioctl(k->kvm, KVM_CREATE_VM, 0);
    if (k->vm < 0)
        return unusable(why, "it makes no virtual machine");
    k->cpu = ioctl(k->vm, KVM_CREATE_VCPU, 0);
    size = ioctl(k->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (k->cpu < 0 || size <= 0)
        return unusable(why, "it makes no virtual CPU");
    k->run_size = (size_t)size;
    k->run = mmap(NULL, k->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, k->cpu, 0);
    if (k->run == MAP_FAILED) {
        k->run = NULL;
        return unusable(why, "its state cannot be mapped");
    }
    return 0;
}

/* Long mode: AMD64 Architecture Programmer's Manual, volume 2, 14.6. */
static int start_in_long_mode(struct kvm *k)
{
    struct kvm_segment code = {
        .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1};
    struct kvm_segment data = {
        .limit = 0xffffffff, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1};
    struct kvm_regs regs = {.rip = VMM_CODE, .rsp = VMM_STACK, .rflags = 2};
    struct kvm_sregs sregs;

    if (ioctl(k->cpu, KVM_GET_SREGS, &sregs))
        return -errno;
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.cr3 = VMM_PAGE_TABLES;
    sregs.cr4 = 0x20;       /* PAE */
    sregs.cr0 = 0x80000011; /* paging, extension type, protected mode */
    sregs.efer = 0x500;     /* long mode enabled and active */
    if (ioctl(k->cpu, KVM_SET_SREGS, &sregs) || ioctl(k->cpu, KVM_SET_REGS, &regs))
        return -errno;
    return 0;
}

static void exit_mmio(struct vmm *vmm, struct kvm_run *run)
{
    struct membus_attrs attrs = {0};

    if (run->mmio.is_write)
        membus_space_write(vmm->memory, run->mmio.phys_addr, run->mmio.data, run->mmio.len, attrs);
    else
        membus_space_read(vmm->memory, run->mmio.data, run->mmio.len, run->mmio.phys_addr, attrs);
}

static void exit_io(struct vmm *vmm, struct kvm_run *run)
{
    unsigned char *data = (unsigned char *)run + run->io.data_offset;
    struct membus_attrs attrs = {0};

    for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
        if (run->io.direction == KVM_EXIT_IO_OUT)
            membus_space_write(vmm->io, run->io.port, data, run->io.size, attrs);
        else
            membus_space_read(vmm->io, data, run->io.size, run->io.port, attrs);
    }
}

static int run_cpu(struct vmm *vmm, struct kvm *k, const char **why)
{
    while (!vmm->ended) {
        if (ioctl(k->cpu, KVM_RUN, 0)) {
            if (errno == EINTR)
                continue;
            *why = "KVM_RUN";
            return -errno;
        }
        switch (k->run->exit_reason) {
        case KVM_EXIT_MMIO:
            exit_mmio(vmm, k->run);
            break;
        case KVM_EXIT_IO:
            exit_io(vmm, k->run);
            break;
        default:
            fprintf(stderr, "vmm: exit %u\n", k->run->exit_reason);
            *why = "an exit that is not expected";
            return -EIO;
        }
    }
    return 0;
}

static void destroy(struct kvm *k)
{
    if (k->run)
        munmap(k->run, k->run_size);
    if (k->cpu >= 0)
        close(k->cpu);
    if (k->vm >= 0)
        close(k->vm);
    if (k->kvm >= 0)
        close(k->kvm);
}

int vmm_run_kvm(struct vmm *vmm, const char **why)
{
    struct kvm k = {.kvm = -1, .vm = -1, .cpu = -1};
    struct membus_listener *listener = NULL;
    int e = create(&k, why);

    if (!e) {
        printf("vmm: running on KVM\n");
        e = membus_listener_new(&listener, vmm->memory, 0, &listener_ops, &k);
        *why = "memory for KVM";
    }
    if (!e)
        e = k.error;
    if (!e) {
        *why = "registers";
        e = start_in_long_mode(&k);
    }
    if (!e)
        e = run_cpu(vmm, &k, why);
    if (listener)
        membus_listener_delete(listener);
    destroy(&k);
    return e;
}
