/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objcheck.h"
#include "objcheck_elf.h"

/* One object under check. */
struct check {
    struct objcheck_elf elf;
    struct objcheck_decoder *decoder;
    const struct objcheck_options *options;
    struct objcheck_report *report;
    struct objcheck_place here; /* of the instruction decoded last */
};

/* What an accessor or a site promises. */
struct promise {
    unsigned width;
    bool store;
    bool mmio;  /* a device is at the other end: what a hypervisor decodes, nothing else */
    bool split; /* narrower accesses may stand beside it, for an unaligned address (W2) */
};

static const char *const fault_names[OBJCHECK_FAULTS] = {
    [OBJCHECK_NO_ACCESS] = "no-access", [OBJCHECK_SEVERAL] = "several",
    [OBJCHECK_WIDTH] = "width",         [OBJCHECK_DIRECTION] = "direction",
    [OBJCHECK_FORM] = "form",           [OBJCHECK_CALL] = "call",
    [OBJCHECK_COPY_CALL] = "copy-call", [OBJCHECK_UNNAMED_CALL] = "unnamed-call",
    [OBJCHECK_UNKNOWN] = "unknown",
};

const char *objcheck_fault_name(enum objcheck_fault fault)
{
    return (unsigned)fault < OBJCHECK_FAULTS ? fault_names[fault] : "unknown";
}

static void copy_name(char *to, size_t size, const char *name)
{
    snprintf(to, size, "%s", name);
}

__attribute__((format(printf, 5, 6))) static void find(struct check *c, enum objcheck_fault fault,
                                                       const char *function, uint64_t address,
                                                       const char *format, ...)
{
    struct objcheck_report *r = c->report;
    va_list ap;

    if (r->findings >= OBJCHECK_FINDINGS_MAX)
        return;
    if ((r->findings & (r->findings - 1)) == 0) {
        size_t room = r->findings ? 2 * r->findings : 1;
        void *p = realloc(r->finding, room * sizeof(*r->finding));

        if (!p)
            abort(); /* a checker that forgets findings is worse than none */
        r->finding = (struct objcheck_finding *)p;
    }

    struct objcheck_finding *f = &r->finding[r->findings++];

    *f = (struct objcheck_finding){.fault = fault, .address = address};
    copy_name(f->function, sizeof(f->function), function);
    va_start(ap, format);
    vsnprintf(f->why, sizeof(f->why), format, ap);
    va_end(ap);
}

static void list(struct check *c, const char *function, const struct objcheck_insn *insn,
                 const struct objcheck_access *access, bool own)
{
    struct objcheck_report *r = c->report;

    if (r->listeds >= OBJCHECK_FINDINGS_MAX)
        return;
    if ((r->listeds & (r->listeds - 1)) == 0) {
        size_t room = r->listeds ? 2 * r->listeds : 1;
        void *p = realloc(r->listed, room * sizeof(*r->listed));

        if (!p)
            abort();
        r->listed = (struct objcheck_listed *)p;
    }

    struct objcheck_listed *l = &r->listed[r->listeds++];

    *l = (struct objcheck_listed){.address = insn->address};
    if (access)
        l->access = *access;
    l->access.own = own;
    copy_name(l->function, sizeof(l->function), function);
    copy_name(l->text, sizeof(l->text), insn->text);
}

/* On ppc64 a function may end in a traceback table, which begins with a word of zeros. */
static bool is_traceback(const struct check *c, const uint8_t *code, size_t size)
{
    static const uint8_t zeros[4];

    return c->elf.header.e_machine == EM_PPC64 && size >= sizeof(zeros) &&
           memcmp(code, zeros, sizeof(zeros)) == 0;
}

/* Decodes the instruction at `at`, not past `end`; steps over data. False at the end. */
static bool next_insn(struct check *c, struct objcheck_place *at, uint64_t end, bool thumb,
                      struct objcheck_insn *insn)
{
    const struct objcheck_section *s = &c->elf.section[at->section];

    if (end > s->size)
        end = s->size;
    for (; at->offset < end; at->offset++) {
        char mark = objcheck_elf_mark(&c->elf, *at);

        if (mark == 'd')
            continue;
        if (is_traceback(c, s->data + at->offset, end - at->offset))
            return false;
        objcheck_decode(c->decoder, s->data + at->offset, end - at->offset,
                        objcheck_elf_address(&c->elf, *at), mark ? mark == 't' : thumb, insn);
        c->here = *at;
        at->offset += insn->size;
        return true;
    }
    return false;
}

static uint64_t end_of(const struct objcheck_symbol *s)
{
    return s->at.offset + (s->size < OBJCHECK_CODE_MAX ? s->size : OBJCHECK_CODE_MAX);
}

/* Has the function a frame pointer? Else that register is one like any other. */
static bool has_frame(struct check *c, const struct objcheck_symbol *s)
{
    struct objcheck_place at = s->at;
    struct objcheck_insn insn;

    objcheck_decoder_reset(c->decoder);
    while (next_insn(c, &at, end_of(s), s->thumb, &insn)) {
        if (insn.sets_frame)
            return true;
    }
    return false;
}

static bool is_own(const struct objcheck_access *a, bool frame)
{
    return a->own || (a->frame && frame);
}

/* The forms that keep a promise. */
static bool form_allowed(const struct check *c, const struct promise *p, enum objcheck_form form)
{
    if (form == OBJCHECK_PLAIN)
        return true;
    if (p->mmio || p->width != 8)
        return false;
    return (form == OBJCHECK_PAIR && c->elf.header.e_machine == EM_ARM) ||
           (form == OBJCHECK_X87 && c->elf.header.e_machine == EM_386);
}

/* Judges one access; true if it is the promised one. */
static bool judge_access(struct check *c, const struct promise *p, const char *function,
                         const struct objcheck_insn *insn, const struct objcheck_access *a)
{
    if (!form_allowed(c, p, a->form)) {
        find(c, OBJCHECK_FORM, function, insn->address, "%s: a %s access", insn->text,
             objcheck_form_name(a->form));
        return false;
    }
    if (a->store != p->store || a->load == p->store) {
        find(c, OBJCHECK_DIRECTION, function, insn->address, "%s: a %s, and it is to be a %s",
             insn->text, a->store ? "store" : "load", p->store ? "store" : "load");
        return false;
    }
    if (p->split && a->width <= 4 && a->width != p->width)
        return false; /* of the loop that splits */
    if (a->width != p->width) {
        find(c, OBJCHECK_WIDTH, function, insn->address, "%s: %u bytes, and it is to be %u",
             insn->text, a->width, p->width);
        return false;
    }
    return true;
}

/* Calls to mem*, by relocation; true if there is one. */
static bool find_copy_relocs(struct check *c, const char *function, struct objcheck_place at,
                             uint64_t end)
{
    const struct objcheck_reloc *r;
    size_t index = 0;
    bool found = false;

    if (!c->elf.relocatable)
        return false;
    while ((r = objcheck_elf_reloc(&c->elf, at, end, &index))) {
        if (objcheck_is_copy(r->name)) {
            find(c, OBJCHECK_COPY_CALL, function, objcheck_elf_address(&c->elf, r->at), "calls %s",
                 r->name);
            found = true;
        }
    }
    return found;
}

/* The same in a linked file, by the address that an instruction goes to. */
static bool find_copy_target(struct check *c, const char *function,
                             const struct objcheck_insn *insn)
{
    const char *name = insn->has_target && !c->elf.relocatable
                           ? objcheck_elf_copy_at(&c->elf, insn->target)
                           : NULL;

    if (name)
        find(c, OBJCHECK_COPY_CALL, function, insn->address, "%s: calls %s", insn->text, name);
    return name != NULL;
}

/* The name of what an instruction calls, or "". On mips and riscv the relocation that names it may
 * be on an earlier instruction, which loads the address: the last before is taken. */
static const char *called_name(const struct check *c, const struct objcheck_symbol *caller,
                               const struct objcheck_insn *insn)
{
    bool earlier = c->elf.header.e_machine == EM_MIPS || c->elf.header.e_machine == EM_RISCV;
    const struct objcheck_reloc *r;
    const char *name = "";
    size_t index = 0;

    if (!c->elf.relocatable) {
        const struct objcheck_symbol *s =
            insn->has_target
                ? objcheck_elf_function(&c->elf, objcheck_elf_place(&c->elf, insn->target))
                : NULL;

        return s ? s->name : "";
    }
    while ((r = objcheck_elf_reloc(&c->elf, earlier ? caller->at : c->here,
                                   c->here.offset + insn->size, &index))) {
        if (r->name[0])
            name = r->name;
    }
    return name;
}

/* Calls that compilers make of arithmetic: where am I, swap the bytes, shift 64 bits. */
static bool is_harmless(const struct check *c, const struct objcheck_symbol *caller,
                        const struct objcheck_insn *insn)
{
    static const char *const harmless[] = {"__x86.get_pc_thunk.", "__bswapsi2", "__bswapdi2",
                                           "__lshrdi3", "__ashldi3"};
    const char *name = called_name(c, caller, insn);

    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        if (strncmp(name, harmless[i], strlen(harmless[i])) == 0)
            return true;
    }
    return false;
}

/* Where an instruction of the function goes. */
static struct objcheck_place target_of(const struct check *c, const struct objcheck_symbol *s,
                                       const struct objcheck_insn *insn)
{
    const uint64_t begin = c->elf.section[s->at.section].header.sh_addr;

    return c->elf.relocatable ? (struct objcheck_place){s->at.section, insn->target - begin}
                              : objcheck_elf_place(&c->elf, insn->target);
}

/* Does a jump leave the function, as what is left of a call at its end does? */
static bool goes_on_elsewhere(const struct check *c, const struct objcheck_symbol *s,
                              const struct objcheck_insn *insn)
{
    struct objcheck_place end = {s->at.section, end_of(s)}, to;
    const struct objcheck_reloc *r;
    size_t index = 0;

    if (!insn->jump)
        return false;
    if (c->elf.relocatable) {
        /* riscv: of the AUIPC before it */
        uint64_t back = c->elf.header.e_machine == EM_RISCV && insn->has_target ? 4 : 0;
        struct objcheck_place from = {c->here.section,
                                      c->here.offset > back ? c->here.offset - back : 0};

        while ((r = objcheck_elf_reloc(&c->elf, from, c->here.offset + insn->size, &index))) {
            to = r->target; /* an addend may count from behind the field: -4 */
            if (to.section && to.section == s->at.section && to.offset + 4 >= s->at.offset &&
                to.offset < end.offset)
                continue;
            if (to.section || r->name[0])
                return true;
        }
    }
    if (!insn->has_target)
        return false;
    to = target_of(c, s, insn);
    return to.section != s->at.section || to.offset < s->at.offset || to.offset >= end.offset;
}

static void check_accessor(struct check *c, const struct objcheck_symbol *s,
                           const struct promise *p)
{
    struct objcheck_place at = s->at;
    struct objcheck_insn insn;
    unsigned kept = 0, others = 0;
    bool copies = find_copy_relocs(c, s->name, at, end_of(s));
    bool frame = has_frame(c, s);

    c->report->accessors++;
    objcheck_decoder_reset(c->decoder);
    while (next_insn(c, &at, end_of(s), s->thumb, &insn)) {
        if (!insn.known)
            find(c, OBJCHECK_UNKNOWN, s->name, insn.address, "%s", insn.text);
        if ((insn.call || goes_on_elsewhere(c, s, &insn)) && !find_copy_target(c, s->name, &insn) &&
            !copies && !is_harmless(c, s, &insn))
            find(c, OBJCHECK_CALL, s->name, insn.address, "%s: %s", insn.text,
                 insn.call ? "calls a function" : "goes on in another function");
        for (unsigned i = 0; i < insn.accesses; i++) {
            if (is_own(&insn.access[i], frame))
                continue;
            if (judge_access(c, p, s->name, &insn, &insn.access[i]))
                kept++;
            else
                others++;
        }
    }
    if (kept == 0 && (others == 0 || p->split))
        find(c, OBJCHECK_NO_ACCESS, s->name, objcheck_elf_address(&c->elf, s->at),
             "no %s of %u bytes", p->store ? "store" : "load", p->width);
    if (kept > (p->split ? 2u : 1u)) /* split: in one piece, and as a piece */
        find(c, OBJCHECK_SEVERAL, s->name, objcheck_elf_address(&c->elf, s->at),
             "%u accesses where there is to be one", kept);
}

/* A number at the front of `text`: 8, 16, 32 or 64 bits; returns bytes, or 0. */
static unsigned parse_width(const char **text)
{
    char *end;
    unsigned long bits = strtoul(*text, &end, 10);

    if (end == *text || (bits != 8 && bits != 16 && bits != 32 && bits != 64))
        return 0;
    *text = end;
    return (unsigned)bits / 8;
}

/* "membus_ram_load_le32": family, verb, width. Returns false for any other name. */
static bool parse_accessor(const struct check *c, const char *symbol, struct promise *p)
{
    static const char *const verbs[] = {"load_", "read_", "store_", "write_"};
    const char *name = strstr(symbol, "membus_");
    bool ram;

    if (!name || (name != symbol && name[-1] != '_' && name[-1] != '.'))
        return false;
    name += strlen("membus_");
    ram = strncmp(name, "ram_", 4) == 0;
    p->mmio = strncmp(name, "mmio_", 5) == 0;
    if (!ram && !p->mmio && strncmp(name, "arch_", 5) != 0)
        return false;
    name += ram ? 4 : 5;
    for (unsigned i = 0; i < 4; i++) {
        size_t n = strlen(verbs[i]);

        if (strncmp(name, verbs[i], n) != 0)
            continue;
        name += n;
        name += strncmp(name, "le", 2) == 0 || strncmp(name, "be", 2) == 0 ? 2 : 0;
        p->store = i >= 2;
        p->width = parse_width(&name);
        name += strncmp(name, "_relaxed", 8) == 0 ? 8 : 0;
        p->split = ram && p->width > 1 &&
                   (c->elf.header.e_machine == EM_ARM || c->elf.header.e_machine == EM_MIPS ||
                    c->elf.header.e_machine == EM_RISCV);
        return p->width && (!*name || *name == '.');
    }
    return false;
}

/* In an object: a static function of that name, to which the assembler needs no relocation. */
static void find_copy_near(struct check *c, const struct objcheck_symbol *s,
                           const struct objcheck_insn *insn)
{
    const struct objcheck_place to = target_of(c, s, insn);
    const struct objcheck_symbol *f =
        (insn->call || insn->jump) && insn->has_target ? objcheck_elf_function(&c->elf, to) : NULL;
    size_t index = 0;

    if (f && f->at.offset == to.offset && objcheck_is_copy(f->name) &&
        !objcheck_elf_reloc(&c->elf, c->here, c->here.offset + insn->size, &index))
        find(c, OBJCHECK_COPY_CALL, s->name, insn->address, "%s: calls %s", insn->text, f->name);
}

/* Code that holds a site calls no mem*, as far as can be told. */
static void check_function(struct check *c, const struct objcheck_symbol *s)
{
    struct objcheck_place at = s->at;
    struct objcheck_insn insn;
    bool blind = !c->elf.relocatable && !c->elf.plt_named && c->elf.imports_copy;

    c->report->functions++;
    find_copy_relocs(c, s->name, at, end_of(s));
    while (c->elf.relocatable && next_insn(c, &at, end_of(s), s->thumb, &insn))
        find_copy_near(c, s, &insn);
    while (!c->elf.relocatable && next_insn(c, &at, end_of(s), s->thumb, &insn)) {
        if (find_copy_target(c, s->name, &insn) || !insn.call || !blind)
            continue;

        /* Through a register a call may go anywhere: on mips all do, elsewhere only those by a
         * pointer, which no linkage table has a part in. */
        struct objcheck_place to = {0, 0};

        if (insn.has_target)
            to = objcheck_elf_place(&c->elf, insn.target);
        else if (c->elf.header.e_machine != EM_MIPS)
            continue;
        if (!to.section || !objcheck_elf_function(&c->elf, to)) {
            find(c, OBJCHECK_UNNAMED_CALL, s->name, insn.address,
                 "%s: a call that cannot be named, in a file that imports mem*: check its objects",
                 insn.text);
            blind = false; /* once a function */
        }
    }
}

/* The code between two labels is one access, as recorded. */
static void check_site(struct check *c, struct objcheck_place at, struct objcheck_place end,
                       const struct promise *p)
{
    const struct objcheck_symbol *s = objcheck_elf_function(&c->elf, at);
    const char *function = s ? s->name : "";
    uint64_t address = objcheck_elf_address(&c->elf, at);
    bool x87 = c->elf.header.e_machine == EM_386 && p->width == 8;
    struct promise other = *p;
    struct objcheck_insn insn;
    unsigned kept = 0, insns = 0;

    c->report->sites++;
    while (next_insn(c, &at, end.offset, s && s->thumb, &insn)) {
        insns++;
        if (!insn.known)
            find(c, OBJCHECK_UNKNOWN, function, insn.address, "%s", insn.text);
        other.store = x87 ? insn.accesses && insn.access[0].store : p->store;
        for (unsigned i = 0; i < insn.accesses; i++) {
            bool good = judge_access(c, &other, function, &insn, &insn.access[i]);

            kept += good && other.store == p->store;
        }
    }
    if (kept == 0)
        find(c, OBJCHECK_NO_ACCESS, function, address, "no %s of %u bytes",
             p->store ? "store" : "load", p->width);
    if (kept > 1 || insns > (x87 ? 2u : 1u))
        find(c, OBJCHECK_SEVERAL, function, address, "%u instructions, %u accesses, for one", insns,
             kept);
}

/* Sites: pairs of pointers, then a byte 'l' or 's' and a byte of width (membus/arch.h). */
static int check_sites(struct check *c, uint32_t section, const struct objcheck_symbol **around,
                       size_t *count)
{
    const struct objcheck_section *s = &c->elf.section[section];
    size_t pointer = c->elf.wide ? 8 : 4, entry = 2 * pointer + 2;

    for (size_t i = 0; i + entry <= s->size; i += entry) {
        const uint8_t *e = s->data + i;
        struct promise p = {.store = e[2 * pointer] == 's', .width = e[2 * pointer + 1]};
        struct objcheck_place from, to;

        if ((e[2 * pointer] != 'l' && e[2 * pointer] != 's') ||
            (p.width != 1 && p.width != 2 && p.width != 4 && p.width != 8)) {
            snprintf(c->report->error, sizeof(c->report->error),
                     "%s: entry %zu is no record of an access", s->name, i / entry);
            return -EINVAL;
        }
        if (!objcheck_elf_pointer(&c->elf, (struct objcheck_place){section, i}, &from) ||
            !objcheck_elf_pointer(&c->elf, (struct objcheck_place){section, i + pointer}, &to) ||
            !c->elf.section[from.section].data)
            continue; /* code that the linker dropped */
        if (from.section != to.section || to.offset < from.offset || to.offset - from.offset > 64) {
            c->report->sites++;
            find(c, OBJCHECK_SEVERAL, "", objcheck_elf_address(&c->elf, from),
                 "entry %zu of %s: its two ends are not around one instruction", i / entry,
                 s->name);
            continue;
        }
        if (c->elf.header.e_machine == EM_ARM) {
            from.offset &= ~(uint64_t)1;
            to.offset &= ~(uint64_t)1;
        }
        check_site(c, from, to, &p);

        const struct objcheck_symbol *f = objcheck_elf_function(&c->elf, from);

        if (!f) {
            snprintf(c->report->error, sizeof(c->report->error),
                     "a recorded access at %#" PRIx64 " is in no function that has a symbol "
                     "(stripped?): whether that calls memcpy cannot be told",
                     objcheck_elf_address(&c->elf, from));
        } else if (*count == 0 || around[*count - 1] != f) {
            around[(*count)++] = f;
        }
    }
    return 0;
}

static int compare_pointer(const void *a, const void *b)
{
    const struct objcheck_symbol *x = *(const struct objcheck_symbol *const *)a;
    const struct objcheck_symbol *y = *(const struct objcheck_symbol *const *)b;

    return x < y ? -1 : x > y;
}

/* All recorded sites of the object, then each function around one, once. */
static int check_recorded(struct check *c)
{
    for (uint32_t i = 1; i < c->elf.sections; i++) {
        const struct objcheck_section *s = &c->elf.section[i];
        size_t count = 0;

        if (strcmp(s->name, ".membus.access") != 0 || !s->data)
            continue;

        const struct objcheck_symbol **around = (const struct objcheck_symbol **)calloc(
            s->size / 10 + 1, sizeof(const struct objcheck_symbol *));
        int err = around ? check_sites(c, i, around, &count) : -ENOMEM;

        if (count)
            qsort(around, count, sizeof(const struct objcheck_symbol *), compare_pointer);
        for (size_t k = 0; k < count; k++) {
            if (k == 0 || around[k] != around[k - 1])
                check_function(c, around[k]);
        }
        free(around);
        if (err != 0)
            return err;
    }
    return 0;
}

static void list_routine(struct check *c, const struct objcheck_symbol *s)
{
    struct objcheck_place at = s->at;
    struct objcheck_insn insn;

    bool frame = has_frame(c, s);

    c->report->routines++;
    objcheck_decoder_reset(c->decoder);
    while (next_insn(c, &at, end_of(s), s->thumb, &insn)) {
        if (!insn.known)
            find(c, OBJCHECK_UNKNOWN, s->name, insn.address, "%s", insn.text);
        for (unsigned i = 0; i < insn.accesses; i++)
            list(c, s->name, &insn, &insn.access[i], is_own(&insn.access[i], frame));
        if (insn.call)
            list(c, s->name, &insn, NULL, false);
    }
}

static int check_symbols(struct check *c)
{
    for (size_t i = 0; i < c->elf.symbols; i++) {
        const struct objcheck_symbol *s = &c->elf.symbol[i];
        struct promise p = {0};

        if (c->options->routine) {
            if (strcmp(s->name, c->options->routine) == 0)
                list_routine(c, s);
        } else if (parse_accessor(c, s->name, &p)) {
            check_accessor(c, s, &p);
        }
    }
    return c->options->routine ? 0 : check_recorded(c);
}

static void check_elf(Elf *elf, const struct objcheck_options *options,
                      struct objcheck_report *report)
{
    struct check c = {.options = options, .report = report};
    int err = objcheck_elf_open(&c.elf, elf, report->error, sizeof(report->error));

    report->machine = "?";
    if (err == 0) {
        err =
            objcheck_decoder_open(&c.decoder, c.elf.header.e_machine, c.elf.wide, c.elf.big_endian);
        if (err == -ENOTSUP)
            snprintf(report->error, sizeof(report->error),
                     "machine %u (ELF%s, %s-endian) is none that objcheck knows",
                     c.elf.header.e_machine, c.elf.wide ? "64" : "32",
                     c.elf.big_endian ? "big" : "little");
    }
    if (err == 0) {
        report->machine = objcheck_decoder_name(c.decoder);
        err = check_symbols(&c);
        if (!c.elf.has_symbols && report->sites == 0 && !report->error[0])
            snprintf(report->error, sizeof(report->error),
                     "no symbols and no recorded accesses: it was stripped");
        for (size_t i = 1; i < c.elf.sections && !report->accessors && !report->sites; i++) {
            if (strncmp(c.elf.section[i].name, ".gnu.lto_", 9) == 0 && !report->error[0])
                snprintf(report->error, sizeof(report->error),
                         "no code yet, it is compiled when linked: check what comes of the link, "
                         "or compile with -ffat-lto-objects");
        }
        objcheck_decoder_close(c.decoder);
    }
    if (err == -ENOMEM)
        snprintf(report->error, sizeof(report->error), "out of memory");
    objcheck_elf_close(&c.elf);
}

static void check_one(Elf *elf, const char *name, const char *member,
                      const struct objcheck_options *options, objcheck_sink *sink, void *data)
{
    struct objcheck_report report = {.machine = "?"};

    snprintf(report.object, sizeof(report.object), member ? "%s(%s)" : "%s", name, member);
    check_elf(elf, options, &report);
    sink(data, &report);
    free(report.finding);
    free(report.listed);
}

static int check_archive(Elf *archive, const char *name, const struct objcheck_options *options,
                         objcheck_sink *sink, void *data, char *error, size_t error_size)
{
    Elf_Cmd command = ELF_C_READ_MMAP; /* as libelf calls what elf_memory() was given */
    unsigned members = 0;
    Elf *elf;

    while ((elf = elf_begin(-1, command, archive))) {
        const Elf_Arhdr *header = elf_getarhdr(elf);
        const char *member = header && header->ar_name ? header->ar_name : "?";

        if (member[0] != '/') /* the archive's own tables */
            check_one(elf, name, member, options, sink, data);
        command = elf_next(elf);
        elf_end(elf);
        if (++members > OBJCHECK_MEMBERS_MAX) {
            snprintf(error, error_size, "%s: more than %u members", name, OBJCHECK_MEMBERS_MAX);
            return -EINVAL;
        }
    }
    if (members == 0) {
        snprintf(error, error_size, "%s: an archive without members", name);
        return -EINVAL;
    }
    return 0;
}

int objcheck_contents(char *contents, size_t size, const char *name,
                      const struct objcheck_options *options, objcheck_sink *sink, void *data,
                      char *error, size_t error_size)
{
    Elf *elf;
    int err = 0;

    elf_version(EV_CURRENT);
    elf = size ? elf_memory(contents, size) : NULL;
    if (elf && elf_kind(elf) == ELF_K_AR) {
        err = check_archive(elf, name, options, sink, data, error, error_size);
    } else if (elf && elf_kind(elf) == ELF_K_ELF) {
        check_one(elf, name, NULL, options, sink, data);
    } else if (size >= 8 && memcmp(contents, "!<thin>\n", 8) == 0) {
        snprintf(error, error_size, "%s: a thin archive, which holds no code: name its members",
                 name);
        err = -EINVAL;
    } else {
        snprintf(error, error_size, "%s: neither an ELF file nor an archive", name);
        err = -EINVAL;
    }
    elf_end(elf);
    return err;
}
