/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

/* "model name" of /proc/cpuinfo; other architectures say it otherwise, or not at all. */
static void cpu_name(char *name, size_t size)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[256];

    snprintf(name, size, "unknown");
    while (f && fgets(line, sizeof(line), f)) {
        char *colon = strchr(line, ':');

        if (!colon || strncmp(line, "model name", 10) != 0)
            continue;
        snprintf(name, size, "%s", colon + 2);
        name[strcspn(name, "\n")] = 0;
        break;
    }
    if (f)
        fclose(f);
}

const struct bench_machine *bench_machine(void)
{
    static struct bench_machine machine;
    static char cpu[128], libc[64];
    static char system[sizeof(((struct utsname *)0)->sysname) * 3];
    struct utsname name;

    if (machine.cpu)
        return &machine;
    cpu_name(cpu, sizeof(cpu));
#ifdef __GLIBC__
    snprintf(libc, sizeof(libc), "glibc %s", gnu_get_libc_version());
#else
    snprintf(libc, sizeof(libc), "a libc that is not glibc");
#endif
    if (uname(&name) == 0)
        snprintf(system, sizeof(system), "%s %s %s", name.sysname, name.release, name.machine);
    machine = (struct bench_machine){
        .cpu = cpu, .system = system, .libc = libc, .compiler = "gcc " __VERSION__};
#ifdef __clang__
    machine.compiler = __VERSION__;
#endif
    const int levels[] = {0, _SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};

    for (int i = 1; i <= 3; i++) {
        long bytes = sysconf(levels[i]);

        machine.cache[i] = bytes > 0 ? bytes : 0;
    }
    return &machine;
}
