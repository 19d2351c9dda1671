/* SPDX-License-Identifier: MIT */
#include "audit/code_x86.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <membus/audit.h>

#include "audit/decode_x86.h"

/* Reads the executable mappings of /proc/PID/maps. */
static int read_maps(struct audit_code *code)
{
    char name[32], line[4352], path[4096], last[4096] = "";
    uint64_t start, end, module = 0;
    FILE *f;

    snprintf(name, sizeof(name), "/proc/%d/maps", (int)code->pid);
    f = fopen(name, "re");
    if (!f)
        return -errno;
    code->maps = 0;
    while (code->maps < AUDIT_MAPS && fgets(line, sizeof(line), f)) {
        char perms[5] = "";

        path[0] = 0;
        if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %4095[^\n]", &start, &end, perms, path) < 3)
            continue;
        if (strcmp(path, last)) {
            module = path[0] ? start : 0;
            strcpy(last, path);
        }
        if (perms[2] == 'x')
            code->map[code->maps++] = (struct audit_map){start, end, module, perms[1] == 'w'};
    }
    fclose(f);
    return 0;
}

static const struct audit_map *find_map(struct audit_code *code, uint64_t address)
{
    for (int again = 0; again < 2; again++) {
        for (unsigned i = 0; i < code->maps; i++)
            if (address >= code->map[i].start && address < code->map[i].end)
                return &code->map[i];
        if (read_maps(code))
            break;
    }
    return NULL;
}

int audit_code_open(struct audit_code *code, pid_t pid, uint64_t entry)
{
    const struct audit_map *map;

    memset(code, 0, sizeof(*code));
    code->pid = pid;
    code->table = calloc(AUDIT_CODE_SLOTS, sizeof(*code->table));
    code->insn = calloc(AUDIT_CODE_MAX, sizeof(*code->insn));
    code->map = calloc(AUDIT_MAPS, sizeof(*code->map));
    if (!code->table || !code->insn || !code->map) {
        audit_code_close(code);
        return -ENOMEM;
    }
    map = find_map(code, entry);
    code->module = map ? map->module : 0;
    return 0;
}

void audit_code_close(struct audit_code *code)
{
    free(code->table);
    free(code->insn);
    free(code->map);
    memset(code, 0, sizeof(*code));
}

uint64_t audit_code_ip(struct audit_code *code, uint64_t address)
{
    const struct audit_map *map = find_map(code, address);

    if (!map)
        return address | MEMBUS_AUDIT_IP_OTHER;
    if (map->module != code->module)
        return (address - map->module) | MEMBUS_AUDIT_IP_OTHER;
    return address - map->module;
}

bool audit_code_executable(struct audit_code *code, uint64_t address)
{
    return find_map(code, address) != NULL;
}

/* Up to 15 bytes, as far as the mapping goes; also of code that may be run but not read. */
static size_t read_bytes(const struct audit_code *code, const struct audit_map *map,
                         uint64_t address, unsigned char *bytes)
{
    size_t want = map->end - address < 15 ? map->end - address : 15;
    char name[32];
    ssize_t got;
    int fd;

    snprintf(name, sizeof(name), "/proc/%d/mem", (int)code->pid);
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    got = pread(fd, bytes, want, (off_t)address);
    close(fd);
    return got < 0 ? 0 : (size_t)got;
}

int audit_code_add(struct audit_code *code, uint64_t address, struct audit_insn **out)
{
    const struct audit_map *map = find_map(code, address);
    struct audit_insn *insn = &code->insn[code->count];
    unsigned char bytes[16] = {0};
    size_t n;
    unsigned i = audit_code_hash(address);

    if (!map)
        return -EFAULT;
    if (code->count >= AUDIT_CODE_MAX)
        return -ENOSPC;
    n = read_bytes(code, map, address, bytes);
    if (!n)
        return -EFAULT;
    if (audit_decode(insn, address, bytes, n))
        return -EILSEQ;
    if (map->writable) { /* and the slots would go on running what was there before */
        insn->op = AUDIT_OP_UNSUPPORTED;
        insn->why = "code in writable memory may change after it was decoded";
    }
    insn->ip = audit_code_ip(code, address);
    code->count++;
    while (code->table[i])
        i = (i + 1) & (AUDIT_CODE_SLOTS - 1);
    code->table[i] = insn;
    *out = insn;
    return 0;
}
