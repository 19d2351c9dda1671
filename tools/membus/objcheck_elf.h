/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_OBJCHECK_ELF_H
#define MEMBUS_OBJCHECK_ELF_H

/*
 * An ELF file as objcheck sees it: sections, functions, and what code refers to by name.
 *
 * A *place* is a section and an offset in it, which means the same in a relocatable object, where
 * all sections are at address 0, and in a linked file.
 */

#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct objcheck_place {
    uint32_t section;
    uint64_t offset;
};

struct objcheck_section {
    const char *name;
    GElf_Shdr header;
    Elf_Scn *scn;
    const uint8_t *data; /* NULL when it has none */
    size_t size;         /* of data */
};

struct objcheck_symbol {
    struct objcheck_place at; /* first here and below: count_up_to() */
    const char *name;
    uint64_t size; /* never past the end of the section's data */
    bool thumb;
};

/* $a, $t, $x, $d of arm and arm64: what follows is Arm or Thumb code, or data. */
struct objcheck_mark {
    struct objcheck_place at;
    char kind;
};

/* A relocation of a relocatable object. */
struct objcheck_reloc {
    struct objcheck_place at;
    const char *name;             /* the symbol's, or "" */
    struct objcheck_place target; /* section 0: undefined */
    bool in_place;                /* SHT_REL: the addend is where the relocation applies */
};

/* An address that leads to a function of that name: its own, its PLT entry or its GOT slot. */
struct objcheck_name {
    uint64_t address;
    const char *name;
};

struct objcheck_elf {
    Elf *elf;
    GElf_Ehdr header;
    bool wide, big_endian, relocatable;
    bool has_symbols;
    bool plt_named;    /* calls through the linkage table can be named */
    bool imports_copy; /* a mem* function is wanted from elsewhere */
    struct objcheck_section *section;
    size_t sections;
    struct objcheck_symbol *symbol; /* functions, sorted by place */
    size_t symbols;
    struct objcheck_mark *mark; /* sorted by place */
    size_t marks;
    struct objcheck_reloc *reloc; /* sorted by place */
    size_t relocs;
    struct objcheck_name *copy; /* where mem* functions are: sorted by address */
    size_t copies;
};

/* Reads what objcheck needs of `elf`, which stays the caller's. 0, -EINVAL, -ENOMEM; `error`
 * says more. objcheck_elf_close() in any case. */
int objcheck_elf_open(struct objcheck_elf *e, Elf *elf, char *error, size_t error_size);
void objcheck_elf_close(struct objcheck_elf *e);

/* Is it memcpy, memmove, memset or another of that kind, whatever its prefix and suffix? */
bool objcheck_is_copy(const char *name);

/* The pointer stored at `at`; false when nothing says what it points to. */
bool objcheck_elf_pointer(const struct objcheck_elf *e, struct objcheck_place at,
                          struct objcheck_place *to);

/* The function around a place, or NULL. */
const struct objcheck_symbol *objcheck_elf_function(const struct objcheck_elf *e,
                                                    struct objcheck_place at);

/* The mem* function that `address` leads to, or NULL. */
const char *objcheck_elf_copy_at(const struct objcheck_elf *e, uint64_t address);

/* What the mapping symbols say of a place: 'a', 't', 'x', 'd', or 0. */
char objcheck_elf_mark(const struct objcheck_elf *e, struct objcheck_place at);

/* Relocations from `at` on, in order; `*index` 0 starts, returns NULL past `end`. */
const struct objcheck_reloc *objcheck_elf_reloc(const struct objcheck_elf *e,
                                                struct objcheck_place at, uint64_t end,
                                                size_t *index);

/* The place of an address of a linked file; section 0 for none. */
struct objcheck_place objcheck_elf_place(const struct objcheck_elf *e, uint64_t address);

/* The address of a place: in a relocatable object the offset alone. */
uint64_t objcheck_elf_address(const struct objcheck_elf *e, struct objcheck_place at);

#define OBJCHECK_SECTIONS_MAX 65536u   /* sections of one file */
#define OBJCHECK_SYMBOLS_MAX  4000000u /* symbols, and relocations of code, of one file */

#endif
