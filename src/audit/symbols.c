/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "audit/symbols.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_COMPARED 64
#define SUGGESTIONS       3

/* Called for every function or object that the file defines; true ends the walk. */
typedef bool visit_symbol(const char *name, const GElf_Sym *symbol, void *data);

static void walk_section(Elf *elf, Elf_Scn *section, visit_symbol *visit, void *data)
{
    GElf_Shdr header;
    Elf_Data *table = elf_getdata(section, NULL);

    if (!table || !gelf_getshdr(section, &header) || !header.sh_entsize)
        return;
    for (size_t i = 0; i < header.sh_size / header.sh_entsize; i++) {
        GElf_Sym symbol;
        const char *name;

        if (!gelf_getsym(table, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF)
            continue;
        name = elf_strptr(elf, header.sh_link, symbol.st_name);
        if (name && *name && visit(name, &symbol, data))
            return;
    }
}

static void walk(const char *path, visit_symbol *visit, void *data)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    Elf_Scn *section = NULL;
    Elf *elf;

    elf_version(EV_CURRENT);
    elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ, NULL);
    while (elf && (section = elf_nextscn(elf, section))) {
        GElf_Shdr header;

        if (gelf_getshdr(section, &header) && header.sh_type == SHT_DYNSYM)
            walk_section(elf, section, visit, data);
    }
    elf_end(elf);
    if (fd >= 0)
        close(fd);
}

struct wanted {
    const char *name;
    int type;
};

static bool match(const char *name, const GElf_Sym *symbol, void *data)
{
    struct wanted *w = data;

    if (strcmp(name, w->name))
        return false;
    w->type = GELF_ST_TYPE(symbol->st_info);
    return true;
}

int audit_symbol_type(const char *path, const char *name)
{
    struct wanted w = {name, -1};

    walk(path, match, &w);
    return w.type;
}

/* Edits (insert, delete, replace) that turn one name into the other. */
static unsigned edits(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    unsigned row[NAME_MAX_COMPARED + 1];

    if (la > NAME_MAX_COMPARED || lb > NAME_MAX_COMPARED)
        return ~0u;
    for (unsigned j = 0; j <= lb; j++)
        row[j] = j;
    for (unsigned i = 1; i <= la; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= lb; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);

            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[lb];
}

struct nearest {
    const char *name;
    struct {
        char name[NAME_MAX_COMPARED + 1];
        unsigned distance;
    } best[SUGGESTIONS];
    unsigned count;
};

static bool compare(const char *name, const GElf_Sym *symbol, void *data)
{
    struct nearest *n = data;
    unsigned type = GELF_ST_TYPE(symbol->st_info), i;
    unsigned d = edits(n->name, name);

    if ((type != STT_FUNC && type != STT_GNU_IFUNC) || d > 1 + strlen(n->name) / 3)
        return false;
    for (i = 0; i < n->count; i++)
        if (!strcmp(n->best[i].name, name)) /* another version of it */
            return false;
    for (i = n->count; i > 0 && n->best[i - 1].distance > d; i--)
        if (i < SUGGESTIONS)
            n->best[i] = n->best[i - 1];
    if (i < SUGGESTIONS) {
        strcpy(n->best[i].name, name);
        n->best[i].distance = d;
        n->count += n->count < SUGGESTIONS;
    }
    return false;
}

unsigned audit_symbol_suggest(const char *path, const char *name, char *names, size_t size)
{
    struct nearest n = {.name = name};
    size_t used = 0;

    walk(path, compare, &n);
    names[0] = 0;
    for (unsigned i = 0; i < n.count && used < size; i++)
        used += (size_t)snprintf(names + used, size - used, "%s%s", i ? ", " : "", n.best[i].name);
    return n.count;
}
