/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "elf_maker.h"

#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Indexes of the sections, in the order made. */
enum { TEXT = 1, SYMTAB, STRTAB, RELA_TEXT, SITES, RELA_SITES, SHSTRTAB };

static const char names[] = "\0.text\0.symtab\0.strtab\0.rela.text\0.membus.access\0"
                            ".rela.membus.access\0.shstrtab";

static void must(bool good)
{
    if (!good) {
        fprintf(stderr, "elf_maker: %s\n", elf_errmsg(-1));
        abort();
    }
}

static uint32_t name_offset(const char *name)
{
    return (uint32_t)((const char *)memmem(names, sizeof(names), name, strlen(name) + 1) - names);
}

static void add_section(Elf *elf, const char *name, GElf_Shdr header, void *data, size_t size,
                        Elf_Type type)
{
    Elf_Scn *scn = elf_newscn(elf);
    Elf_Data *d = scn ? elf_newdata(scn) : NULL;

    must(d != NULL);
    d->d_buf = data;
    d->d_size = size;
    d->d_type = type;
    d->d_align = 1;
    header.sh_name = name_offset(name);
    must(gelf_update_shdr(scn, &header) != 0);
}

/* In the file's class: GElf structures are those of ELF64. */
static size_t symbols(const struct elf_plan *p, const char *strings, Elf64_Sym *to64,
                      Elf32_Sym *to32)
{
    const uint32_t function = 1, callee = function + (uint32_t)strlen(p->symbol) + 1;
    size_t count = 2;

    (void)strings;
    to64[1] = (Elf64_Sym){.st_name = function,
                          .st_info = GELF_ST_INFO(STB_GLOBAL, STT_FUNC),
                          .st_shndx = TEXT,
                          .st_value = p->thumb,
                          .st_size = p->size};
    if (p->callee)
        to64[count++] =
            (Elf64_Sym){.st_name = callee, .st_info = GELF_ST_INFO(STB_GLOBAL, STT_NOTYPE)};
    for (size_t i = 0; i < count; i++)
        to32[i] = (Elf32_Sym){.st_name = to64[i].st_name,
                              .st_info = to64[i].st_info,
                              .st_shndx = to64[i].st_shndx,
                              .st_value = (Elf32_Addr)to64[i].st_value,
                              .st_size = (Elf32_Word)to64[i].st_size};
    return count;
}

static void add_symbols(Elf *elf, const struct elf_plan *p)
{
    static char strings[256];
    static Elf64_Sym sym64[3];
    static Elf32_Sym sym32[3];
    GElf_Shdr header = {.sh_type = SHT_SYMTAB, .sh_link = STRTAB, .sh_info = 1};
    int n = snprintf(strings, sizeof(strings), "%c%s%c%s", 0, p->symbol ? p->symbol : "", 0,
                     p->callee ? p->callee : "");
    size_t count;

    memset(sym64, 0, sizeof(sym64));
    if (!p->symbol) { /* sections keep their numbers */
        add_section(elf, ".symtab", (GElf_Shdr){.sh_type = SHT_NOTE}, strings, 1, ELF_T_BYTE);
        add_section(elf, ".strtab", (GElf_Shdr){.sh_type = SHT_STRTAB}, strings, 1, ELF_T_BYTE);
        return;
    }
    count = symbols(p, strings, sym64, sym32);
    header.sh_entsize = p->wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    add_section(elf, ".symtab", header, p->wide ? (void *)sym64 : (void *)sym32,
                count * header.sh_entsize, ELF_T_SYM);
    add_section(elf, ".strtab", (GElf_Shdr){.sh_type = SHT_STRTAB}, strings, (size_t)n + 1,
                ELF_T_BYTE);
}

/* Relocations to `symbol` plus each addend, at each offset. Type 1 will do: none is applied. */
static void add_relocations(Elf *elf, const struct elf_plan *p, const char *name, uint32_t section,
                            const uint64_t (*at)[2], size_t count, uint64_t symbol, void *room)
{
    GElf_Shdr header = {.sh_type = SHT_RELA, .sh_link = SYMTAB, .sh_info = section};
    Elf64_Rela *r64 = (Elf64_Rela *)room;
    Elf32_Rela *r32 = (Elf32_Rela *)room;

    header.sh_entsize = p->wide ? sizeof(*r64) : sizeof(*r32);
    for (size_t i = 0; i < count; i++) {
        bool swapped = p->machine == EM_MIPS && p->wide && !p->big_endian;

        if (p->wide)
            r64[i] = (Elf64_Rela){at[i][0], swapped ? symbol : ELF64_R_INFO(symbol, 1),
                                  (Elf64_Sxword)at[i][1]};
        else
            r32[i] = (Elf32_Rela){(Elf32_Addr)at[i][0], ELF32_R_INFO((Elf32_Word)symbol, 1),
                                  (Elf32_Sword)at[i][1]};
    }
    add_section(elf, name, header, room, count * header.sh_entsize, ELF_T_RELA);
}

static void add_site(Elf *elf, const struct elf_plan *p)
{
    static uint8_t record[18];
    static Elf64_Rela room[2];
    const size_t pointer = p->wide ? 8 : 4;
    const uint64_t at[2][2] = {{0, p->site}, {pointer, p->site + p->site_size}};

    memset(record, 0, sizeof(record));
    record[2 * pointer] = (uint8_t)p->site_kind;
    record[2 * pointer + 1] = p->site_width;
    add_section(elf, ".membus.access", (GElf_Shdr){.sh_type = SHT_PROGBITS}, record,
                2 * pointer + 2, ELF_T_BYTE);
    add_relocations(elf, p, ".rela.membus.access", SITES, at, 2, 1, room);
}

static void fill_elf(Elf *elf, const struct elf_plan *p)
{
    static const uint64_t at[1][2] = {{0, 0}};
    static Elf64_Rela room[1];
    GElf_Shdr text = {.sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR};
    GElf_Ehdr header;

    must(gelf_newehdr(elf, p->wide ? ELFCLASS64 : ELFCLASS32) != NULL);
    must(gelf_getehdr(elf, &header) != NULL);
    header.e_ident[EI_DATA] = p->big_endian ? ELFDATA2MSB : ELFDATA2LSB;
    header.e_type = ET_REL;
    header.e_machine = (GElf_Half)p->machine;
    header.e_version = EV_CURRENT;
    header.e_shstrndx = SHSTRTAB;
    must(gelf_update_ehdr(elf, &header) != 0);
    add_section(elf, ".text", text, (void *)(uintptr_t)p->code, p->size, ELF_T_BYTE);
    add_symbols(elf, p);
    add_relocations(elf, p, ".rela.text", TEXT, at, p->callee != NULL, 2, room);
    if (p->site_size) {
        add_site(elf, p);
    } else {
        add_section(elf, ".membus.access", (GElf_Shdr){.sh_type = SHT_PROGBITS}, NULL, 0,
                    ELF_T_BYTE);
        add_section(elf, ".rela.membus.access", (GElf_Shdr){.sh_type = SHT_PROGBITS}, NULL, 0,
                    ELF_T_BYTE);
    }
    add_section(elf, ".shstrtab", (GElf_Shdr){.sh_type = SHT_STRTAB}, (void *)(uintptr_t)names,
                sizeof(names), ELF_T_BYTE);
    must(elf_update(elf, ELF_C_WRITE) > 0);
}

char *elf_make(const struct elf_plan *plan, size_t *size)
{
    int fd = memfd_create("elf_maker", 0);
    Elf *elf;
    off_t end;
    char *contents;

    elf_version(EV_CURRENT);
    elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_WRITE, NULL);
    must(elf != NULL);
    fill_elf(elf, plan);
    elf_end(elf);
    end = lseek(fd, 0, SEEK_END);
    contents = (char *)malloc((size_t)end + 1);
    must(end > 0 && contents && pread(fd, contents, (size_t)end, 0) == end);
    close(fd);
    *size = (size_t)end;
    return contents;
}

char *elf_archive(const char *member, size_t member_size, size_t *size)
{
    char *contents = (char *)malloc(8 + 60 + member_size + 2);
    int n;

    must(contents != NULL);
    n = sprintf(contents, "!<arch>\n%-16s%-12d%-6d%-6d%-8o%-10zu`\n", "member.o/", 0, 0, 0, 0644,
                member_size);
    memcpy(contents + n, member, member_size);
    *size = (size_t)n + member_size;
    if (*size & 1)
        contents[(*size)++] = '\n';
    return contents;
}
