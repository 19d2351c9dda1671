/* SPDX-License-Identifier: MIT */
/* Cases of interrupts, and of devices that go away or stop answering while they are used. */
#include "guest_test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <membus/access.h>
#include <membus/guard.h>

static bool arrives(int fd, int milliseconds)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t count;

    return poll(&p, 1, milliseconds) == 1 && read(fd, &count, sizeof count) == sizeof count;
}

void interrupts(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), err;

    CHECK(membus_vfio_irq_count(bed.dev[EDU], MEMBUS_VFIO_MSI) == 1);
    CHECK(membus_vfio_irq_count(bed.dev[NVME], MEMBUS_VFIO_MSIX) > 1);
    CHECK(membus_vfio_bus_master(bed.dev[EDU], true) == 0); /* an MSI is a write */
    err = membus_vfio_irq_set(bed.dev[EDU], MEMBUS_VFIO_MSI, 0, 1, &fd);
    CHECK(err == 0, "MSI: %d", err);
    edu_interrupt(1);
    CHECK(arrives(fd, 5000));
    edu_acknowledge(1);
    edu_interrupt(2);
    CHECK(arrives(fd, 5000));
    edu_acknowledge(2);
    CHECK(membus_vfio_irq_disable(bed.dev[EDU], MEMBUS_VFIO_MSI) == 0);

    /* INTx is masked when it came, until it is unmasked. */
    err = membus_vfio_irq_set(bed.dev[EDU], MEMBUS_VFIO_INTX, 0, 1, &fd);
    CHECK(err == 0, "INTx: %d", err);
    edu_interrupt(4);
    CHECK(arrives(fd, 5000));
    CHECK(!arrives(fd, 200));
    edu_acknowledge(4);
    CHECK(membus_vfio_irq_unmask(bed.dev[EDU]) == 0);
    edu_interrupt(8);
    CHECK(arrives(fd, 5000));
    edu_acknowledge(8);
    CHECK(membus_vfio_irq_disable(bed.dev[EDU], MEMBUS_VFIO_INTX) == 0);
    CHECK(membus_vfio_irq_set(bed.dev[EDU], MEMBUS_VFIO_MSI, 0, 0, &fd) == -EINVAL);
}

static void load_register(void *bar)
{
    membus_guard_uninstall();
    (void)membus_mmio_read_32(bar);
}

/* With decoding off a mapped register is an error and all ones; unguarded it is SIGBUS. */
void decoding_off(void)
{
    struct membus_mapping m = membus_vfio_mapping(bed.dev[EDU], 0, 0, 4);
    struct membus_fault fault;
    uint64_t value = 0;
    uint32_t v32;

    CHECK(membus_vfio_read(bed.dev[EDU], 0, 0, 4, &value) == 0 && value == 0x010000ed);
    CHECK(membus_vfio_memory(bed.dev[EDU], false) == 0);
    CHECK(membus_vfio_read(bed.dev[EDU], 0, 0, 4, &value) == -EFAULT);
    CHECK(value == 0xffffffff);
    CHECK(membus_guard_read_32(m.addr, &v32, &fault) == -EFAULT && fault.signal == SIGBUS);
    CHECK(v32 == 0xffffffff);
    CHECK(membus_vfio_write(bed.dev[EDU], 0, 4, 4, 1) == -EFAULT);
    value = 0;
    CHECK(membus_vfio_pread(bed.dev[EDU], 0, 0, 4, &value) < 0);
    CHECK(value == 0xffffffff);
    CHECK(signal_of(load_register, m.addr) == SIGBUS);

    CHECK(membus_vfio_memory(bed.dev[EDU], true) == 0);
    CHECK(membus_vfio_read(bed.dev[EDU], 0, 0, 4, &value) == 0 && value == 0x010000ed);
}

static atomic_bool stop;

static void *toggle(void *data)
{
    bool on = false;

    while (!atomic_load(&stop)) {
        membus_vfio_memory(data, on);
        on = !on;
        sched_yield(); /* the guest has one CPU */
    }
    membus_vfio_memory(data, true);
    return NULL;
}

/* Another thread turns decoding on and off all the time: the value or all ones, nothing else. */
void decoding_toggled(void)
{
    unsigned values = 0, ones = 0;
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, toggle, bed.dev[EDU]) == 0);
    for (int i = 0; i < 20000 && (i < 2000 || !values || !ones); i++) {
        uint64_t value;
        int err = membus_vfio_read(bed.dev[EDU], 0, 0, 4, &value);

        CHECK(err == 0 || err == -EFAULT, "%d", err);
        CHECK(value == 0xffffffff || (err == 0 && value == 0x010000ed), "%d %#llx", err,
              (unsigned long long)value);
        values += value != 0xffffffff;
        ones += value == 0xffffffff;
        if (i % 8 == 0)
            sched_yield();
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    CHECK(values && ones, "%u values, %u all ones", values, ones);
    printf("# %u values, %u all ones\n", values, ones);
}

/* A reset stops the controller; what is mapped stays mapped. */
void reset(void)
{
    uint64_t before, value;
    int err;

    nvme_start(dma_memory(0x20000000, 8192), 0x20000000);
    CHECK(membus_vfio_read(bed.dev[NVME], 0, 0, 8, &before) == 0);
    CHECK(membus_vfio_read(bed.dev[NVME], 0, 0x1c, 4, &value) == 0 && (value & 1) == 1);
    err = membus_vfio_reset(bed.dev[NVME]);
    CHECK(err == 0, "%d", err);
    CHECK(membus_vfio_read(bed.dev[NVME], 0, 0x1c, 4, &value) == 0 && (value & 1) == 0);
    CHECK(membus_vfio_read(bed.dev[NVME], 0, 0, 8, &value) == 0 && value == before);
}

/* By a program of its own: a child alone would keep the device open with what it inherits. */
static pid_t remove_device(int dev)
{
    char command[80];
    pid_t pid;

    snprintf(command, sizeof command, "echo 1 > /sys/bus/pci/devices/%s/remove", bed.address[dev]);
    pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(1);
    }
    CHECK(pid > 0);
    return pid;
}

/*
 * The kernel is told to remove the device while it is open: it asks for it back. Until then
 * accesses neither fail nor crash; afterwards there is no such device. Last of all cases: the
 * device stays away.
 */
void removed(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), status;
    struct membus_vfio *again;
    uint64_t value;
    pid_t pid;

    CHECK(membus_vfio_irq_set(bed.dev[TESTDEV], MEMBUS_VFIO_REQ, 0, 1, &fd) == 0);
    pid = remove_device(TESTDEV);
    CHECK(arrives(fd, 20000), "the kernel does not ask for the device");
    for (int i = 0; i < 100; i++)
        membus_vfio_read(bed.dev[TESTDEV], 2, 0, 4, &value);
    CHECK(waitpid(pid, &status, WNOHANG) == 0, "it did not wait");

    membus_vfio_close(bed.dev[TESTDEV]);
    bed.dev[TESTDEV] = NULL;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(membus_vfio_open(&again, bed.container, bed.address[TESTDEV], NULL) == -ENODEV);
}
