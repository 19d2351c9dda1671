/* SPDX-License-Identifier: MIT */
#include "audit/qemu_arch.h"

#include <string.h>

/*
 * CPUs: qemu-user's default where that has every instruction that libc and membus choose from.
 * arm64: 'max', without SVE, whose accesses QEMU's helpers make where no plugin sees them; so a
 * routine in SVE is an illegal instruction here, and none is audited.
 */
static const struct audit_qemu_arch arches[] = {
    {"arm64", "aarch64-linux-gnu", "aarch64", "max,sve=off,sme=off", false, false},
    {"armhf", "arm-linux-gnueabihf", "arm", "max", false, true},
    {"i386", "i686-linux-gnu", "i386", "max", false, true},
    {"mips", "mips-linux-gnu", "mips", NULL, true, true},
    {"mips64el", "mips64el-linux-gnuabi64", "mips64el", NULL, false, false},
    {"ppc64", "powerpc64-linux-gnu", "ppc64", "power9", true, false},
    {"ppc64el", "powerpc64le-linux-gnu", "ppc64le", "power10", false, false},
    {"riscv64", "riscv64-linux-gnu", "riscv64", NULL, false, false},
    {"s390x", "s390x-linux-gnu", "s390x", "max", true, false},
};

const struct audit_qemu_arch *audit_qemu_arch_find(const char *name)
{
    for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++)
        if (strcmp(name, arches[i].name) == 0 || strcmp(name, arches[i].qemu) == 0)
            return &arches[i];
    return NULL;
}
