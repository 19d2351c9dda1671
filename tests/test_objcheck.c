/* SPDX-License-Identifier: MIT */

/*
 * Objects built to fail, one per kind of failure and machine, and to pass; then files that are
 * broken on purpose. The machine code is by hand, from each architecture's manual.
 */

#define _GNU_SOURCE
#include "harness.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf_maker.h"
#include "objcheck.h"

#define GOOD    OBJCHECK_FAULTS /* no finding is expected */
#define LOAD32  "check_membus_ram_load_32"
#define LOAD64  "check_membus_ram_load_64"
#define STORE32 "check_membus_mmio_write_32"
#define MMIO64  "check_membus_mmio_read_64"

struct sample {
    const char *what;
    unsigned machine;
    const char *symbol;
    const char *code; /* hex */
    enum objcheck_fault fault;
    const char *callee;
};

static const struct sample samples[] = {
    {"amd64 mov eax, [rdi]", EM_X86_64, LOAD32, "8b07c3", GOOD, NULL},
    {"amd64 mov [rdi], esi", EM_X86_64, STORE32, "8937c3", GOOD, NULL},
    {"amd64 its own stack", EM_X86_64, LOAD32, "897c24fc8b07c3", GOOD, NULL},
    {"amd64 nothing", EM_X86_64, LOAD32, "c3", OBJCHECK_NO_ACCESS, NULL},
    {"amd64 twice", EM_X86_64, LOAD32, "8b078b07c3", OBJCHECK_SEVERAL, NULL},
    {"amd64 too narrow", EM_X86_64, LOAD64, "8b07c3", OBJCHECK_WIDTH, NULL},
    {"amd64 stores for a load", EM_X86_64, LOAD32, "8907c3", OBJCHECK_DIRECTION, NULL},
    {"amd64 movdqu", EM_X86_64, LOAD64, "f30f6f07c3", OBJCHECK_FORM, NULL},
    {"amd64 rep movsb", EM_X86_64, LOAD32, "f3a4c3", OBJCHECK_FORM, NULL},
    {"amd64 xchg", EM_X86_64, STORE32, "8737c3", OBJCHECK_FORM, NULL},
    {"amd64 movnti", EM_X86_64, STORE32, "0fc337c3", OBJCHECK_FORM, NULL},
    {"amd64 rbp that is no frame pointer", EM_X86_64, LOAD32, "8b4500c3", GOOD, NULL},
    {"amd64 calls", EM_X86_64, LOAD32, "e8000000008b07c3", OBJCHECK_CALL, "helper"},
    {"amd64 calls memcpy", EM_X86_64, LOAD32, "e8000000008b07c3", OBJCHECK_COPY_CALL, "memcpy"},
    {"amd64 no instruction", EM_X86_64, LOAD32, "8b0706c3", OBJCHECK_UNKNOWN, NULL},
    {"i386 fild", EM_386, LOAD64, "8b442404df28df3c24c3", GOOD, NULL},
    {"i386 fild from a device", EM_386, MMIO64, "8b442404df28df3c24c3", OBJCHECK_FORM, NULL},
    {"i386 two words", EM_386, LOAD64, "8b442404ff30c3", OBJCHECK_WIDTH, NULL},
    {"arm64 ldr w0, [x0]", EM_AARCH64, LOAD32, "000040b9c0035fd6", GOOD, NULL},
    {"arm64 stlr", EM_AARCH64, STORE32, "01fc9f88c0035fd6", GOOD, NULL},
    {"arm64 ldp", EM_AARCH64, LOAD64, "000440a9c0035fd6", OBJCHECK_FORM, NULL},
    {"arm64 ldr w1, [x0], #4", EM_AARCH64, LOAD32, "014440b8c0035fd6", OBJCHECK_FORM, NULL},
    {"arm64 ldr q0, [x0]", EM_AARCH64, LOAD64, "0000c03dc0035fd6", OBJCHECK_FORM, NULL},
    {"arm64 dc zva", EM_AARCH64, STORE32, "20740bd5c0035fd6", OBJCHECK_FORM, NULL},
    {"arm64 bl memset", EM_AARCH64, STORE32, "00000094010000b9c0035fd6", OBJCHECK_COPY_CALL,
     "memset"},
    {"arm ldr", EM_ARM, LOAD32, "000090e51eff2fe1", GOOD, NULL},
    {"arm ldrd", EM_ARM, LOAD64, "d000c0e11eff2fe1", GOOD, NULL},
    {"arm ldrd from a device", EM_ARM, MMIO64, "d000c0e11eff2fe1", OBJCHECK_FORM, NULL},
    {"arm ldm", EM_ARM, LOAD32, "060090e81eff2fe1", OBJCHECK_FORM, NULL},
    {"arm ldr with writeback", EM_ARM, LOAD32, "041090e41eff2fe1", OBJCHECK_FORM, NULL},
    {"arm ldrne", EM_ARM, LOAD32, "000090151eff2fe1", GOOD, NULL},
    {"arm vstmdb beside str", EM_ARM, STORE32, "001080e5020b20ed1eff2fe1", OBJCHECK_FORM, NULL},
    {"arm fstmiax beside str", EM_ARM, STORE32, "001080e5030b80ec1eff2fe1", OBJCHECK_FORM, NULL},
    {"ppc64el stfiwx beside stw", EM_PPC64, STORE32, "00008390ae1f207c2000804e", OBJCHECK_FORM,
     NULL},
    {"ppc64el stvewx beside stw", EM_PPC64, STORE32, "000083908e19407c2000804e", OBJCHECK_FORM,
     NULL},
    {"ppc64el lwz", EM_PPC64, LOAD32, "000063802000804e", GOOD, NULL},
    {"ppc64el lwzu", EM_PPC64, LOAD32, "040083842000804e", OBJCHECK_FORM, NULL},
    {"ppc64el lmw", EM_PPC64, LOAD32, "0000c3bb2000804e", OBJCHECK_FORM, NULL},
    {"ppc64el lvx", EM_PPC64, LOAD64, "ce18407c2000804e", OBJCHECK_FORM, NULL},
    {"s390x l", EM_S390, LOAD32, "5820200007fe", GOOD, NULL},
    {"s390x lrvh for a word", EM_S390, LOAD32, "e3202000001f07fe", OBJCHECK_WIDTH, NULL},
    {"s390x mvc", EM_S390, LOAD64, "d2072000300007fe", OBJCHECK_FORM, NULL},
    {"s390x lmg", EM_S390, LOAD64, "eb232000000407fe", OBJCHECK_FORM, NULL},
    {"mips64el lwu", EM_MIPS, LOAD32, "0000829c0800e00300000000", GOOD, NULL},
    {"mips64el lwl", EM_MIPS, LOAD32, "000082880800e00300000000", OBJCHECK_FORM, NULL},
    {"riscv64 lwu", EM_RISCV, LOAD32, "036505008280", GOOD, NULL},
    {"riscv64 c.lw", EM_RISCV, LOAD32, "08418280", GOOD, NULL},
    {"riscv64 ld for a word", EM_RISCV, "check_membus_mmio_read_32", "033505008280", OBJCHECK_WIDTH,
     NULL},
    {"riscv64 fld", EM_RISCV, LOAD64, "073505008280", OBJCHECK_FORM, NULL},
    {"riscv64 amoswap.w", EM_RISCV, STORE32, "2f25b5088280", OBJCHECK_FORM, NULL},
    {"riscv64 call memmove", EM_RISCV, LOAD32, "97000000e7800000036505008280", OBJCHECK_COPY_CALL,
     "memmove"},
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static size_t from_hex(const char *hex, uint8_t *to)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        unsigned byte;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        to[i] = (uint8_t)byte;
    }
    return n;
}

static struct elf_plan plan_of(unsigned machine, const char *symbol, const char *hex, uint8_t *code)
{
    struct elf_plan p = {
        .machine = machine,
        .wide = machine != EM_386 && machine != EM_ARM,
        .big_endian = machine == EM_S390,
        .symbol = symbol,
        .code = code,
        .size = from_hex(hex, code),
    };

    return p;
}

/* What came of the objects checked last. */
struct seen {
    unsigned objects, accessors, sites, functions, routines;
    size_t findings, listed;
    bool has[OBJCHECK_FAULTS];
    struct objcheck_listed line[8];
    char error[200], why[200];
};

static void see(void *data, const struct objcheck_report *r)
{
    struct seen *s = (struct seen *)data;

    s->objects++;
    s->accessors += r->accessors;
    s->sites += r->sites;
    s->functions += r->functions;
    s->routines += r->routines;
    s->findings += r->findings;
    for (size_t i = 0; i < r->findings; i++) {
        s->has[r->finding[i].fault] = true;
        strcpy(s->why, r->finding[i].why);
    }
    for (size_t i = 0; i < r->listeds && i < 8; i++)
        s->line[i] = r->listed[i];
    s->listed += r->listeds;
    if (r->error[0])
        strcpy(s->error, r->error);
}

static const struct objcheck_options no_options = {NULL};

static int check(char *contents, size_t size, const struct objcheck_options *options,
                 struct seen *seen)
{
    char error[200] = "";
    int err;

    memset(seen, 0, sizeof(*seen));
    err = objcheck_contents(contents, size, "test", options, see, seen, error, sizeof(error));
    if (err != 0) {
        assert_true(error[0] != '\0');
        strcpy(seen->error, error);
    }
    return err;
}

static struct seen check_plan(const struct elf_plan *plan)
{
    struct seen seen;
    size_t size;
    char *contents = elf_make(plan, &size);

    assert_int_equal(check(contents, size, &no_options, &seen), 0);
    free(contents);
    return seen;
}

static void test_accessors(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        uint8_t code[64];
        struct elf_plan p = plan_of(s->machine, s->symbol, s->code, code);

        p.callee = s->callee;

        struct seen seen = check_plan(&p);

        if (seen.error[0] || seen.accessors != 1)
            fail_msg("%s: %u accessors, error '%s'", s->what, seen.accessors, seen.error);
        if (s->fault == GOOD && seen.findings)
            fail_msg("%s: it is good, and: %s", s->what, seen.why);
        if (s->fault != GOOD && !seen.has[s->fault])
            fail_msg("%s: no finding '%s' (last: %s)", s->what, objcheck_fault_name(s->fault),
                     seen.why);
    }
}

/* Thumb code by the symbol's lowest bit, and big-endian Power. */
static void test_modes(void **state)
{
    uint8_t code[64];
    struct elf_plan p = plan_of(EM_ARM, LOAD32, "00687047", code);
    struct seen seen;

    (void)state;
    p.thumb = true;
    seen = check_plan(&p);
    assert_int_equal(seen.accessors, 1);
    assert_int_equal(seen.findings, 0);
    p = plan_of(EM_PPC64, LOAD32, "806300004e800020", code);
    p.big_endian = true;
    seen = check_plan(&p);
    assert_int_equal(seen.accessors, 1);
    assert_int_equal(seen.findings, 0);
}

/* A recorded access in a function of any name. */
static void test_sites(void **state)
{
    static const struct {
        unsigned machine;
        const char *code;
        size_t at, size;
        char kind;
        uint8_t width;
        enum objcheck_fault fault;
    } sites[] = {
        {EM_X86_64, "908b07c3", 1, 2, 'l', 4, GOOD},
        {EM_X86_64, "908b07c3", 1, 2, 's', 4, OBJCHECK_DIRECTION},
        {EM_X86_64, "908b07c3", 1, 2, 'l', 8, OBJCHECK_WIDTH},
        {EM_X86_64, "90908b07c3", 1, 1, 'l', 4, OBJCHECK_NO_ACCESS},
        {EM_X86_64, "8b078b07c3", 0, 4, 'l', 4, OBJCHECK_SEVERAL},
        {EM_386, "df28df3c24c3", 0, 5, 'l', 8, GOOD},
        {EM_AARCH64, "000040b9c0035fd6", 0, 4, 'l', 4, GOOD},
        {EM_AARCH64, "000440a9c0035fd6", 0, 4, 'l', 8, OBJCHECK_FORM},
        {EM_MIPS, "0000829c0800e00300000000", 0, 4, 'l', 4, GOOD},
        {EM_S390, "5820200007fe", 0, 4, 'l', 4, GOOD},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
        uint8_t code[64];
        struct elf_plan p = plan_of(sites[i].machine, "driver", sites[i].code, code);

        p.site = sites[i].at;
        p.site_size = sites[i].size;
        p.site_kind = sites[i].kind;
        p.site_width = sites[i].width;

        struct seen seen = check_plan(&p);

        assert_int_equal(seen.sites, 1);
        assert_int_equal(seen.functions, 1);
        if (sites[i].fault == GOOD ? seen.findings != 0 : !seen.has[sites[i].fault])
            fail_msg("site %zu: %zu findings, last: %s", i, seen.findings, seen.why);
    }
}

/* Code around a site may call, but no mem*. */
static void test_copy_call_around_site(void **state)
{
    uint8_t code[64];
    struct elf_plan p = plan_of(EM_X86_64, "driver", "e8000000008b07c3", code);
    struct seen seen;

    (void)state;
    p.site = 5;
    p.site_size = 2;
    p.site_kind = 'l';
    p.site_width = 4;
    p.callee = "helper";
    seen = check_plan(&p);
    assert_int_equal(seen.findings, 0);
    p.callee = "__memcpy_chk";
    seen = check_plan(&p);
    assert_int_equal(seen.findings, 1);
    assert_true(seen.has[OBJCHECK_COPY_CALL]);
}

static void test_routine(void **state)
{
    const struct objcheck_options options = {"driver"}, nobody = {"nobody"};
    uint8_t code[64];
    struct elf_plan p = plan_of(EM_X86_64, "driver", "8b070fb757044889160f7f07e800000000c3", code);
    struct seen seen;
    size_t size;
    char *contents = elf_make(&p, &size);

    (void)state;
    assert_int_equal(check(contents, size, &options, &seen), 0);
    assert_int_equal(seen.routines, 1);
    assert_int_equal(seen.listed, 5);
    assert_true(seen.line[0].access.load && seen.line[0].access.width == 4);
    assert_true(seen.line[1].access.load && seen.line[1].access.width == 2);
    assert_int_equal(seen.line[1].address, 2);
    assert_true(seen.line[2].access.store && seen.line[2].access.width == 8);
    assert_int_equal(seen.line[3].access.form, OBJCHECK_VECTOR);
    assert_false(seen.line[4].access.load || seen.line[4].access.store); /* the call */
    assert_int_equal(check(contents, size, &nobody, &seen), 0);
    assert_int_equal(seen.routines, 0);
    free(contents);
}

static void test_archive(void **state)
{
    uint8_t code[64];
    struct elf_plan p = plan_of(EM_X86_64, LOAD32, "8b078b07c3", code);
    struct seen seen;
    size_t size, archive_size;
    char *contents = elf_make(&p, &size);
    char *archive = elf_archive(contents, size, &archive_size);

    (void)state;
    assert_int_equal(check(archive, archive_size, &no_options, &seen), 0);
    assert_int_equal(seen.objects, 1);
    assert_true(seen.has[OBJCHECK_SEVERAL]);
    free(archive);
    archive = elf_archive("no object", 9, &archive_size);
    assert_int_equal(check(archive, archive_size, &no_options, &seen), 0);
    assert_string_equal(seen.error, "not an ELF file");
    free(archive);
    free(contents);
}

static void test_what_cannot_be_checked(void **state)
{
    char text[] = "#!/bin/sh\n";
    uint8_t code[64];
    struct elf_plan p = plan_of(EM_SPARCV9, LOAD32, "81c3e008", code);
    struct seen seen;

    (void)state;
    seen = check_plan(&p);
    assert_non_null(strstr(seen.error, "machine 43"));
    p = plan_of(EM_X86_64, NULL, "8b07c3", code);
    seen = check_plan(&p);
    assert_non_null(strstr(seen.error, "no symbols"));
    assert_int_equal(check(text, sizeof(text), &no_options, &seen), -EINVAL);
    assert_int_equal(check(text, 0, &no_options, &seen), -EINVAL);
    assert_non_null(strstr(seen.error, "neither an ELF file nor an archive"));
    p = plan_of(EM_X86_64, "driver", "8b07c3", code);
    p.site_size = 2;
    p.site_kind = 'x';
    p.site_width = 4;
    seen = check_plan(&p);
    assert_non_null(strstr(seen.error, "no record of an access"));
}

/* Whatever is said of them, it is said without a crash. */
static void test_truncated(void **state)
{
    uint8_t code[64];
    struct elf_plan p = plan_of(EM_AARCH64, LOAD32, "00000094000040b9c0035fd6", code);
    size_t size;
    char *contents, *copy;

    (void)state;
    p.callee = "memcpy";
    p.site = 4;
    p.site_size = 4;
    p.site_kind = 'l';
    p.site_width = 4;
    contents = elf_make(&p, &size);
    for (size_t n = 0; n < size; n++) {
        struct seen seen;

        copy = (char *)malloc(n ? n : 1); /* its own size: a sanitizer sees a step past it */
        assert_non_null(copy);
        memcpy(copy, contents, n);
        check(copy, n, &no_options, &seen);
        assert_false(seen.accessors && seen.findings == 0 && !seen.error[0]);
        free(copy);
    }
    free(contents);
}

static void test_mutated(void **state)
{
    static const unsigned machines[] = {EM_X86_64, EM_386,  EM_AARCH64, EM_ARM,
                                        EM_PPC64,  EM_MIPS, EM_S390,    EM_RISCV};
    uint64_t random = 88172645463325252u;

    (void)state;
    for (unsigned i = 0; i < 16000; i++) {
        uint8_t code[64];
        struct elf_plan p =
            plan_of(machines[i % 8], LOAD32, "8b0706c38b0706c38b0706c38b0706c3", code);
        struct seen seen;
        size_t size;
        char *contents;

        p.callee = "memcpy";
        p.site_size = 4;
        p.site_kind = 'l';
        p.site_width = 4;
        contents = elf_make(&p, &size);
        for (unsigned k = 0; k < 1 + i % 5; k++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            contents[random % size] = (char)(random >> 32);
        }
        check(contents, size, &no_options, &seen);
        free(contents);
    }
}

static void test_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OBJCHECK_FAULTS; i++)
        assert_non_null(objcheck_fault_name((enum objcheck_fault)i));
    for (unsigned i = 0; i < OBJCHECK_FORMS; i++)
        assert_non_null(objcheck_form_name((enum objcheck_form)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accessors),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_sites),
        cmocka_unit_test(test_copy_call_around_site),
        cmocka_unit_test(test_routine),
        cmocka_unit_test(test_archive),
        cmocka_unit_test(test_what_cannot_be_checked),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_mutated),
        cmocka_unit_test(test_names),
    };

    return RUN_TESTS(tests);
}
