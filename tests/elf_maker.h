/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TESTS_ELF_MAKER_H
#define MEMBUS_TESTS_ELF_MAKER_H

/*
 * Makes small ELF objects of any machine in memory: a function of given bytes, perhaps with a
 * call and a recorded access. No assembler of the machine is needed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_plan {
    unsigned machine;
    bool wide, big_endian;
    const char *symbol; /* of the code, a function; NULL: no symbol table */
    bool thumb;
    const uint8_t *code;
    size_t size;
    const char *callee;     /* undefined; a relocation at offset 0 of the code names it; or NULL */
    size_t site, site_size; /* with site_size: a record of an access there */
    char site_kind;         /* 'l' or 's' */
    uint8_t site_width;
};

/* The object's contents; freed by the caller. Aborts when it cannot be made. */
char *elf_make(const struct elf_plan *plan, size_t *size);

/* An archive with that member. */
char *elf_archive(const char *member, size_t member_size, size_t *size);

#endif
