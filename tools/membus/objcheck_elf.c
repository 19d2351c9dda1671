/* SPDX-License-Identifier: MIT */
#include "objcheck_elf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static int fail(char *error, size_t size, const char *format,
                                                      ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(error, size, format, ap);
    va_end(ap);
    return -EINVAL;
}

/* Room for one more element: doubles. */
static void *grow(void *array, size_t count, size_t element)
{
    if (count & (count - 1))
        return array;
    return realloc(array, (count ? 2 * count : 1) * element);
}

bool objcheck_is_copy(const char *name)
{
    static const char *const base[] = {
        "memcpy", "memmove",      "memset",        "mempcpy",      "bcopy",
        "bzero",  "aeabi_memcpy", "aeabi_memmove", "aeabi_memset", "aeabi_memclr"};

    name += strspn(name, "_.");
    for (size_t i = 0; i < sizeof(base) / sizeof(base[0]); i++) {
        size_t n = strlen(base[i]);

        /* Variants: @GLIBC_2.17, _chk, _avx_unaligned, 4, 8; not memcpy_toio. */
        if (strncmp(name, base[i], n) == 0 && (!name[n] || strchr("@48.", name[n]) ||
                                               (name[n] == '_' && strcmp(name + n, "_toio") != 0 &&
                                                strcmp(name + n, "_fromio") != 0)))
            return true;
    }
    return false;
}

static int compare_place(struct objcheck_place a, struct objcheck_place b)
{
    if (a.section != b.section)
        return a.section < b.section ? -1 : 1;
    return a.offset < b.offset ? -1 : a.offset > b.offset;
}

static int compare_symbol(const void *a, const void *b)
{
    return compare_place(((const struct objcheck_symbol *)a)->at,
                         ((const struct objcheck_symbol *)b)->at);
}

static int compare_mark(const void *a, const void *b)
{
    return compare_place(((const struct objcheck_mark *)a)->at,
                         ((const struct objcheck_mark *)b)->at);
}

static int compare_reloc(const void *a, const void *b)
{
    return compare_place(((const struct objcheck_reloc *)a)->at,
                         ((const struct objcheck_reloc *)b)->at);
}

static int compare_name(const void *a, const void *b)
{
    uint64_t x = ((const struct objcheck_name *)a)->address;
    uint64_t y = ((const struct objcheck_name *)b)->address;

    return x < y ? -1 : x > y;
}

static bool is_code(const struct objcheck_elf *e, uint32_t section)
{
    return section < e->sections && (e->section[section].header.sh_flags & SHF_EXECINSTR) &&
           e->section[section].data;
}

/* The function descriptors of ppc64's first ABI. */
static bool is_opd(const struct objcheck_elf *e, uint32_t section)
{
    return e->header.e_machine == EM_PPC64 && section < e->sections &&
           strcmp(e->section[section].name, ".opd") == 0;
}

static int read_sections(struct objcheck_elf *e, char *error, size_t size)
{
    size_t count, names;

    if (elf_getshdrnum(e->elf, &count) != 0 || elf_getshdrstrndx(e->elf, &names) != 0)
        return fail(error, size, "no section headers: %s", elf_errmsg(-1));
    if (count > OBJCHECK_SECTIONS_MAX)
        return fail(error, size, "%zu sections, more than %u", count, OBJCHECK_SECTIONS_MAX);
    e->section = (struct objcheck_section *)calloc(count + 1, sizeof(*e->section));
    if (!e->section)
        return -ENOMEM;
    e->sections = count;
    for (size_t i = 0; i < count; i++) {
        struct objcheck_section *s = &e->section[i];
        Elf_Data *data;

        s->name = "";
        s->scn = elf_getscn(e->elf, i);
        if (!s->scn || !gelf_getshdr(s->scn, &s->header))
            return fail(error, size, "section header %zu: %s", i, elf_errmsg(-1));
        s->name = elf_strptr(e->elf, names, s->header.sh_name);
        if (!s->name)
            s->name = "";
        if (i == 0 || s->header.sh_type == SHT_NOBITS)
            continue;
        data = elf_rawdata(s->scn, NULL);
        if (data && data->d_buf) {
            s->data = (const uint8_t *)data->d_buf;
            s->size = data->d_size;
        }
    }
    return 0;
}

/* The place of an address or, in a relocatable object, of an offset in a section. */
static struct objcheck_place place_of(const struct objcheck_elf *e, uint32_t section,
                                      uint64_t value)
{
    struct objcheck_place none = {0, 0};

    if (e->relocatable)
        return section < e->sections ? (struct objcheck_place){section, value} : none;
    for (uint32_t i = 1; i < e->sections; i++) {
        const GElf_Shdr *h = &e->section[i].header;

        if ((h->sh_flags & SHF_ALLOC) && !(h->sh_flags & SHF_TLS) && value >= h->sh_addr &&
            value - h->sh_addr < h->sh_size)
            return (struct objcheck_place){i, value - h->sh_addr};
    }
    return none;
}

static int add_mark(struct objcheck_elf *e, struct objcheck_place at, char kind)
{
    void *p = grow(e->mark, e->marks, sizeof(*e->mark));

    if (!p)
        return -ENOMEM;
    e->mark = (struct objcheck_mark *)p;
    e->mark[e->marks++] = (struct objcheck_mark){at, kind};
    return 0;
}

static int add_copy(struct objcheck_elf *e, uint64_t address, const char *name)
{
    void *p = grow(e->copy, e->copies, sizeof(*e->copy));

    if (!p)
        return -ENOMEM;
    e->copy = (struct objcheck_name *)p;
    e->copy[e->copies++] = (struct objcheck_name){address, name};
    return 0;
}

static int add_function(struct objcheck_elf *e, const char *name, const GElf_Sym *sym)
{
    struct objcheck_symbol s = {.name = name, .size = sym->st_size};
    uint64_t value = sym->st_value;

    if (e->header.e_machine == EM_ARM) {
        s.thumb = value & 1;
        value &= ~(uint64_t)1;
    }
    s.at = place_of(e, sym->st_shndx, value);
    if (is_opd(e, s.at.section) && !objcheck_elf_pointer(e, s.at, &s.at))
        return 0;
    if (!is_code(e, s.at.section) || s.at.offset >= e->section[s.at.section].size)
        return 0;
    if (s.size > e->section[s.at.section].size - s.at.offset)
        s.size = e->section[s.at.section].size - s.at.offset;

    void *p = grow(e->symbol, e->symbols, sizeof(*e->symbol));

    if (!p)
        return -ENOMEM;
    e->symbol = (struct objcheck_symbol *)p;
    e->symbol[e->symbols++] = s;
    return !e->relocatable && objcheck_is_copy(name) ? add_copy(e, value, name) : 0;
}

static int add_symbol(struct objcheck_elf *e, const char *name, const GElf_Sym *sym)
{
    unsigned type = GELF_ST_TYPE(sym->st_info);
    bool is_function = type == STT_FUNC || type == STT_GNU_IFUNC ||
                       (type == STT_NOTYPE && GELF_ST_BIND(sym->st_info) != STB_LOCAL);

    if (sym->st_shndx == SHN_UNDEF) {
        e->imports_copy |= objcheck_is_copy(name);
        return 0;
    }
    if (type == STT_NOTYPE && name[0] == '$' && name[1] && strchr("atxd", name[1]) &&
        (!name[2] || name[2] == '.'))
        return add_mark(e, place_of(e, sym->st_shndx, sym->st_value), name[1]);
    return is_function && name[0] ? add_function(e, name, sym) : 0;
}

static int read_symbols(struct objcheck_elf *e, const struct objcheck_section *s, char *error,
                        size_t size)
{
    Elf_Data *data = elf_getdata(s->scn, NULL);
    size_t count = s->header.sh_entsize ? s->header.sh_size / s->header.sh_entsize : 0;
    GElf_Sym sym;

    if (!data)
        return fail(error, size, "symbol table: %s", elf_errmsg(-1));
    if (count > OBJCHECK_SYMBOLS_MAX)
        return fail(error, size, "%zu symbols, more than %u", count, OBJCHECK_SYMBOLS_MAX);
    for (size_t i = 1; i < count && gelf_getsym(data, (int)i, &sym); i++) {
        const char *name = elf_strptr(e->elf, s->header.sh_link, sym.st_name);
        int err = name ? add_symbol(e, name, &sym) : 0;

        if (err != 0)
            return err;
    }
    return 0;
}

/* Functions without a size end where the next one begins. Backwards, so that it is one pass. */
static void finish_symbols(struct objcheck_elf *e)
{
    struct objcheck_place here = {0, 0};
    uint64_t end = 0;

    if (e->symbols)
        qsort(e->symbol, e->symbols, sizeof(*e->symbol), compare_symbol);
    if (e->marks)
        qsort(e->mark, e->marks, sizeof(*e->mark), compare_mark);
    for (size_t i = e->symbols; i-- > 0;) {
        struct objcheck_symbol *s = &e->symbol[i];

        if (s->at.section != here.section)
            end = e->section[s->at.section].size;
        else if (s->at.offset != here.offset)
            end = here.offset;
        here = s->at;
        if (s->size == 0)
            s->size = end - s->at.offset;
    }
}

/* mips64el keeps the symbol in the low half of r_info, whatever gelf says. */
static size_t reloc_symbol(const struct objcheck_elf *e, uint64_t info)
{
    if (e->header.e_machine == EM_MIPS && e->wide && !e->big_endian)
        return info & 0xffffffff;
    return GELF_R_SYM(info);
}

/* Entry `i` of a relocation section, as RELA. */
static bool get_rela(const struct objcheck_section *s, Elf_Data *data, size_t i, GElf_Rela *rela)
{
    GElf_Rel rel;

    if (s->header.sh_type == SHT_RELA)
        return gelf_getrela(data, (int)i, rela) != NULL;
    if (!gelf_getrel(data, (int)i, &rel))
        return false;
    *rela = (GElf_Rela){rel.r_offset, rel.r_info, 0};
    return true;
}

static bool get_symbol(const struct objcheck_elf *e, size_t section, size_t index, GElf_Sym *sym,
                       const char **name)
{
    if (section >= e->sections)
        return false;

    const struct objcheck_section *s = &e->section[section];
    Elf_Data *data = s->header.sh_type == SHT_SYMTAB || s->header.sh_type == SHT_DYNSYM
                         ? elf_getdata(s->scn, NULL)
                         : NULL;

    if (!data || index > INT32_MAX || !gelf_getsym(data, (int)index, sym))
        return false;
    *name = elf_strptr(e->elf, s->header.sh_link, sym->st_name);
    if (!*name)
        *name = "";
    return true;
}

static size_t reloc_count(const struct objcheck_section *s)
{
    size_t count = s->header.sh_entsize ? s->header.sh_size / s->header.sh_entsize : 0;

    return count < OBJCHECK_SYMBOLS_MAX ? count : OBJCHECK_SYMBOLS_MAX;
}

/* The relocations of code, of function descriptors and of recorded sites. */
static int read_relocs(struct objcheck_elf *e, const struct objcheck_section *s)
{
    uint32_t where = s->header.sh_info;
    Elf_Data *data = elf_getdata(s->scn, NULL);
    GElf_Rela rela;
    GElf_Sym sym;

    if (!data || where >= e->sections ||
        !(is_code(e, where) || is_opd(e, where) ||
          strcmp(e->section[where].name, ".membus.access") == 0))
        return 0;
    for (size_t i = 0; i < reloc_count(s) && get_rela(s, data, i, &rela); i++) {
        struct objcheck_reloc r = {
            .at = {where, rela.r_offset}, .name = "", .in_place = s->header.sh_type == SHT_REL};

        if (get_symbol(e, s->header.sh_link, reloc_symbol(e, rela.r_info), &sym, &r.name) &&
            sym.st_shndx != SHN_UNDEF && sym.st_shndx < e->sections)
            r.target =
                (struct objcheck_place){sym.st_shndx, sym.st_value + (uint64_t)rela.r_addend};

        void *p = grow(e->reloc, e->relocs, sizeof(*e->reloc));

        if (!p)
            return -ENOMEM;
        e->reloc = (struct objcheck_reloc *)p;
        e->reloc[e->relocs++] = r;
    }
    return 0;
}

/* Procedure linkage tables that have a header (or none) and then an entry per relocation, in order.
 */
static const struct plt {
    unsigned machine, header, entry;
} plts[] = {
    {EM_X86_64, 16, 16}, {EM_386, 16, 16},  {EM_AARCH64, 32, 16}, {EM_AARCH64, 32, 24},
    {EM_RISCV, 32, 16},  {EM_S390, 32, 32}, {EM_ARM, 20, 12},     {EM_ARM, 32, 16},
    {EM_X86_64, 0, 16},  {EM_386, 0, 16},   {EM_AARCH64, 0, 16},  {EM_RISCV, 0, 16},
    {EM_S390, 0, 32},    {EM_ARM, 0, 12}, /* static programs, for indirect functions alone */
};

/* The address of entry 0 and the distance to the next: false when the layout is not known. */
static bool plt_layout(const struct objcheck_elf *e, size_t entries, uint64_t *first,
                       unsigned *step)
{
    for (size_t i = 1; i < e->sections; i++) {
        const struct objcheck_section *s = &e->section[i];

        if (strcmp(s->name, ".plt.sec") == 0 && s->header.sh_size == 16 * entries) {
            *first = s->header.sh_addr;
            *step = 16;
            return true;
        }
        if (strcmp(s->name, ".plt") != 0)
            continue;
        for (size_t k = 0; k < sizeof(plts) / sizeof(plts[0]); k++) {
            if (plts[k].machine == e->header.e_machine &&
                s->header.sh_size == plts[k].header + entries * plts[k].entry) {
                *first = s->header.sh_addr + plts[k].header;
                *step = plts[k].entry;
                return true;
            }
        }
    }
    return false;
}

/* What a dynamic relocation stands for: its symbol or, for an indirect function of a static
 * program, the function whose address it holds. */
static const char *slot_name(const struct objcheck_elf *e, const struct objcheck_section *s,
                             const GElf_Rela *rela)
{
    const char *name = "";
    GElf_Sym sym;

    if (reloc_symbol(e, rela->r_info) != 0)
        return get_symbol(e, s->header.sh_link, reloc_symbol(e, rela->r_info), &sym, &name) ? name
                                                                                            : "";
    for (size_t i = 0; i < e->copies; i++) {
        if (e->copy[i].address == (uint64_t)rela->r_addend)
            return e->copy[i].name;
    }
    return "";
}

/* The slots and the linkage table's entries that stand for mem*. */
static int read_slots(struct objcheck_elf *e, const struct objcheck_section *s)
{
    size_t length = strlen(s->name);
    bool plt = length >= 4 && strcmp(s->name + length - 4, ".plt") == 0;
    Elf_Data *data = elf_getdata(s->scn, NULL);
    uint64_t first = 0;
    unsigned step = 0;
    GElf_Rela rela;

    if (!plt && strcmp(s->name, ".rela.dyn") != 0 && strcmp(s->name, ".rel.dyn") != 0)
        return 0;
    if (plt)
        e->plt_named = plt_layout(e, reloc_count(s), &first, &step);
    for (size_t i = 0; data && i < reloc_count(s) && get_rela(s, data, i, &rela); i++) {
        const char *name = plt || reloc_symbol(e, rela.r_info) ? slot_name(e, s, &rela) : "";

        if (!objcheck_is_copy(name))
            continue;
        if (add_copy(e, rela.r_offset, name) != 0 ||
            (step && add_copy(e, first + i * step, name) != 0))
            return -ENOMEM;
    }
    return 0;
}

static int read_relocations(struct objcheck_elf *e)
{
    for (size_t i = 1; i < e->sections; i++) {
        const struct objcheck_section *s = &e->section[i];
        int err;

        if (s->header.sh_type != SHT_RELA && s->header.sh_type != SHT_REL)
            continue;
        err = e->relocatable ? read_relocs(e, s) : read_slots(e, s);
        if (err != 0)
            return err;
    }
    if (e->relocs)
        qsort(e->reloc, e->relocs, sizeof(*e->reloc), compare_reloc);
    return 0;
}

/* The full symbol table, or else the dynamic one. */
static int read_symbol_table(struct objcheck_elf *e, char *error, size_t size)
{
    const struct objcheck_section *best = NULL;

    for (size_t i = 1; i < e->sections; i++) {
        const struct objcheck_section *s = &e->section[i];

        if (s->header.sh_type == SHT_SYMTAB || (s->header.sh_type == SHT_DYNSYM && !best))
            best = s;
    }
    e->has_symbols = best != NULL;
    return best ? read_symbols(e, best, error, size) : 0;
}

int objcheck_elf_open(struct objcheck_elf *e, Elf *elf, char *error, size_t size)
{
    int err;

    *e = (struct objcheck_elf){.elf = elf};
    if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &e->header))
        return fail(error, size, "not an ELF file");
    e->wide = e->header.e_ident[EI_CLASS] == ELFCLASS64;
    e->big_endian = e->header.e_ident[EI_DATA] == ELFDATA2MSB;
    e->relocatable = e->header.e_type == ET_REL;
    if (!e->relocatable && e->header.e_type != ET_EXEC && e->header.e_type != ET_DYN)
        return fail(error, size, "neither an object, a program nor a library");
    err = read_sections(e, error, size);
    if (err == 0 && e->relocatable) /* before the symbols: function descriptors need them */
        err = read_relocations(e);
    if (err == 0)
        err = read_symbol_table(e, error, size);
    if (err == 0 && !e->relocatable) /* after the symbols: indirect functions need them */
        err = read_relocations(e);
    finish_symbols(e);
    if (e->copies)
        qsort(e->copy, e->copies, sizeof(*e->copy), compare_name);
    return err;
}

void objcheck_elf_close(struct objcheck_elf *e)
{
    free(e->section);
    free(e->symbol);
    free(e->mark);
    free(e->reloc);
    free(e->copy);
}

/* How many of the `count` elements of `size` bytes, sorted, each beginning with its place, are at
 * or before `at`. */
static size_t count_up_to(const void *array, size_t count, size_t size, struct objcheck_place at)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct objcheck_place *place =
            (const struct objcheck_place *)((const char *)array + mid * size);

        if (compare_place(*place, at) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static uint64_t get_word(const struct objcheck_elf *e, const uint8_t *p)
{
    unsigned n = e->wide ? 8 : 4;
    uint64_t v = 0;

    for (unsigned i = 0; i < n; i++)
        v |= (uint64_t)p[i] << 8 * (e->big_endian ? n - 1 - i : i);
    return v;
}

bool objcheck_elf_pointer(const struct objcheck_elf *e, struct objcheck_place at,
                          struct objcheck_place *to)
{
    const struct objcheck_section *s = &e->section[at.section];
    size_t n = e->wide ? 8 : 4;

    if (!s->data || at.offset > s->size || s->size - at.offset < n)
        return false;

    uint64_t value = get_word(e, s->data + at.offset);

    if (!e->relocatable) {
        *to = place_of(e, 0, value);
        return to->section != 0;
    }

    size_t up_to = count_up_to(e->reloc, e->relocs, sizeof(*e->reloc), at);

    if (up_to == 0 || compare_place(e->reloc[up_to - 1].at, at) != 0)
        return false;
    *to = e->reloc[up_to - 1].target;
    if (e->reloc[up_to - 1].in_place)
        to->offset += value;
    return to->section != 0;
}

const struct objcheck_symbol *objcheck_elf_function(const struct objcheck_elf *e,
                                                    struct objcheck_place at)
{
    size_t i = count_up_to(e->symbol, e->symbols, sizeof(*e->symbol), at);

    /* Functions may nest (cold parts, aliases), but not deep. */
    for (unsigned tries = 0; i-- > 0 && tries < 64; tries++) {
        const struct objcheck_symbol *s = &e->symbol[i];

        if (s->at.section != at.section)
            break;
        if (at.offset - s->at.offset < s->size)
            return s;
    }
    return NULL;
}

const char *objcheck_elf_copy_at(const struct objcheck_elf *e, uint64_t address)
{
    const struct objcheck_name key = {address, NULL};
    const struct objcheck_name *found =
        e->copies ? (const struct objcheck_name *)bsearch(&key, e->copy, e->copies, sizeof(key),
                                                          compare_name)
                  : NULL;

    return found ? found->name : NULL;
}

char objcheck_elf_mark(const struct objcheck_elf *e, struct objcheck_place at)
{
    size_t i = count_up_to(e->mark, e->marks, sizeof(*e->mark), at);

    return i && e->mark[i - 1].at.section == at.section ? e->mark[i - 1].kind : 0;
}

const struct objcheck_reloc *objcheck_elf_reloc(const struct objcheck_elf *e,
                                                struct objcheck_place at, uint64_t end,
                                                size_t *index)
{
    if (*index == 0 && at.offset > 0) {
        struct objcheck_place before = {at.section, at.offset - 1};

        *index = count_up_to(e->reloc, e->relocs, sizeof(*e->reloc), before);
    } else if (*index == 0) {
        struct objcheck_place before = {at.section - 1, UINT64_MAX};

        *index = count_up_to(e->reloc, e->relocs, sizeof(*e->reloc), before);
    }
    if (*index >= e->relocs || e->reloc[*index].at.section != at.section ||
        e->reloc[*index].at.offset >= end)
        return NULL;
    return &e->reloc[(*index)++];
}

uint64_t objcheck_elf_address(const struct objcheck_elf *e, struct objcheck_place at)
{
    return e->section[at.section].header.sh_addr + at.offset;
}

struct objcheck_place objcheck_elf_place(const struct objcheck_elf *e, uint64_t address)
{
    return e->relocatable ? (struct objcheck_place){0, 0} : place_of(e, 0, address);
}
