/* SPDX-License-Identifier: MIT */

/*
 * The judge, on traces written by hand. Each row says exactly which rules its trace breaks, so
 * a right trace shows that nothing is found and a wrong one that nothing else is.
 */

#include "harness.h"

#include <stdio.h>

#include "audit_trace.h"

#define ACCESSES 8192

static const struct membus_audit_host x86 = {true, true, 16, false, 8};
static const struct membus_audit_host x86_device = {true, true, 16, true, 8};
static const struct membus_audit_host tso_8 = {true, true, 8, false, 8};  /* no 16-byte atomicity */
static const struct membus_audit_host weak = {false, true, 16, false, 8}; /* arm64 */
static const struct membus_audit_host aligned = {true, false, 8, false, 8}; /* splits unaligned */
static const struct membus_audit_host narrow = {true, false, 4, false, 4};  /* no 8-byte access */

struct row {
    const struct membus_audit_host *host;
    size_t n;
    unsigned dst, src;
    ptrdiff_t distance; /* 0: no overlap */
    const char *trace;
    const char *broken; /* ids, in the judge's order */
};

static void ids_of(uint32_t rules, char *text, size_t size)
{
    *text = '\0';
    for (int rule = 0; rule < MEMBUS_RULES; rule++) {
        if (rules & 1u << rule)
            snprintf(text + strlen(text), size - strlen(text), "%s%s", *text ? " " : "",
                     membus_audit_rule_id((enum membus_audit_rule)rule));
    }
}

static struct membus_audit_verdict judge_row(const struct row *r)
{
    static struct membus_audit_access access[ACCESSES];
    struct membus_audit_trace t = {.c = {r->n, r->dst, r->src, r->distance != 0, r->distance},
                                   .access = access,
                                   .count = audit_trace_read(r->trace, access, ACCESSES),
                                   .end = MEMBUS_AUDIT_RETURNED,
                                   .result_ok = true,
                                   .return_ok = true};
    struct membus_audit_verdict v;

    membus_audit_judge(&t, r->host, &v);
    return v;
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct membus_audit_verdict v = judge_row(&rows[i]);
        char broken[128];

        ids_of(v.broken, broken, sizeof(broken));
        if (strcmp(broken, rows[i].broken) != 0) {
            for (int rule = 0; rule < MEMBUS_RULES; rule++)
                if (v.why[rule][0])
                    print_error("%s: %s\n", membus_audit_rule_id((enum membus_audit_rule)rule),
                                v.why[rule]);
            fail_msg("row %zu, n=%zu dst+%u src+%u %+td \"%s\": breaks \"%s\", not \"%s\"", i,
                     rows[i].n, rows[i].dst, rows[i].src, rows[i].distance, rows[i].trace, broken,
                     rows[i].broken);
        }
        assert_int_equal(v.broken & ~v.applies, 0);
        for (int rule = 0; rule < MEMBUS_RULES; rule++)
            assert_int_equal(v.why[rule][0] != '\0', (v.broken >> rule) & 1);
    }
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void test_right_traces(void **state)
{
    static const struct row rows[] = {
        {&x86, 0, 0, 0, 0, "", ""},
        {&x86, 1, 63, 5, 0, "L1+0 S1+0", ""},
        {&x86, 2, 1, 0, 0, "L2+0 S2+0", ""},
        {&x86, 3, 0, 1, 0, "L2+0 L1+2 S2+0 S1+2", ""},
        {&x86, 3, 1, 1, 0, "L1+0 L2+1 S1+0 S2+1", ""},
        {&x86, 4, 3, 0, 0, "L4+0 S4+0", ""},
        {&x86, 8, 5, 3, 0, "L8+0 S8+0", ""},
        /* A wide masked load, and stores of the destination's elements. */
        {&x86, 15, 0, 3, 0, "L15+0m@0/64 S8+0 S4+8 S2+12 S1+14", ""},
        /* The last store may be masked, within the last word. */
        {&x86, 15, 0, 3, 0, "L15+0m@0/64 S8+0 S7+8m@0/64", ""},
        {&x86, 16, 16, 1, 0, "L16+0v S16+0v", ""},
        {&x86, 16, 8, 1, 0, "L16+0v S8+0 S8+8", ""},
        {&x86, 12, 4, 0, 0, "L8+0 L4+8 S4+0 S8+4", ""},
        {&x86, 64, 0, 7, 0, "L64+0v S56+0m@0/64 S8+56", ""},
        {&x86, 100, 3, 0, 0, "L64+0v L36+64m S61+0m@-3/64 S32+61m@61/64 S7+93m@61/64", ""},
        {&x86, 40, 0, 8, 0, "L32+0v L8+32 S32+0v S8+32", ""},
        {&weak, 16, 16, 0, 0, "L16+0v S16+0v", ""},
        {&weak, 24, 0, 0, 0, "L16+0v L8+16 S16+0v S8+16r", ""},
    };

    (void)state;
    CHECK(rows);
}

static void test_w1_once(void **state)
{
    static const struct row rows[] = {
        {&x86, 24, 0, 1, 0, "L24+0 S8+0 S8+16", "W1"},           /* a gap */
        {&x86, 24, 0, 1, 0, "L24+0 S8+0 S4+4 S8+8 S8+16", "W1"}, /* twice */
        {&x86, 16, 0, 1, 0, "L16+0 S1-1 S8+0 S8+8", "W1"},       /* before */
        {&x86, 16, 0, 1, 0, "L16+0 S8+0 S9+8", "W1"},            /* past the end */
        {&x86, 16, 0, 1, 0, "L16+0 S8+0 S8+8 S1+16", "W1 W5"},   /* past the end, last */
        {&x86, 0, 0, 0, 0, "S1+0", "W1"},                        /* nothing was asked */
        {&x86, 16, 0, 1, 0, "L16+0 S8+0", "W1 W5"},              /* the end is missing */
        {&x86, 16, 0, 1, 0, "L16+0", "W1 W5"},                   /* everything is */
        /* A masked store that leaves one byte out; the same with the byte stored before. */
        {&x86, 24, 0, 1, 0, "L24+0 S16+0mff7f S8+16", "W1 W3"},
        {&x86, 24, 0, 1, 0, "L24+0 S1+0 S16+0mfff7 S8+16", "W1 W3 W4"},
        {&x86, 24, 0, 1, 0, "L24+0 S8+0 S9+7m S8+16", "W1"},
    };

    (void)state;
    CHECK(rows);
}

static void test_w2_whole(void **state)
{
    static const struct row rows[] = {
        {&x86, 2, 1, 0, 0, "L2+0 S1+0 S1+1", "W2"},
        {&x86, 2, 0, 1, 0, "L2+0 S1+0 S1+1", "W2 W3"},
        {&x86, 2, 0, 1, 0, "L1+0 L1+1 S2+0", "W2"},
        {&x86, 4, 0, 1, 0, "L4+0 L4+0 S4+0", "W2"},
        {&x86, 4, 0, 1, 0, "L4+0 S4+0 S4+0", "W1 W2 W4"}, /* glibc */
        {&x86, 8, 0, 1, 0, "L8+0 S4+0 S4+4", "W2 W3"},
        {&x86, 8, 1, 0, 0, "L9-1 S8+0", "W2 L1"},
        {&x86, 1, 0, 0, 0, "L1+0", "W1 W2"},
        {&x86, 1, 0, 0, 0, "S1+0", "W2"},
        /* Masked is as good as plain when it covers the n bytes. */
        {&x86, 4, 2, 1, 0, "L4+0mf@0/64 S4+0mf@-2/64", ""},
        {&x86, 4, 2, 1, 0, "L4+0mf@0/64 S4+0md@-2/64", "W1 W2 W3"},
        /* 16 bytes are no business of W2, nor are 3. */
        {&x86, 3, 1, 0, 0, "L2+0 L1+2 S1+0 S2+1", ""},
        /* Where unaligned is not one access: the largest elements, ascending, on each side. */
        {&aligned, 8, 1, 0, 0, "L8+0 S1+0 S2+1 S4+3 S1+7", ""},
        {&aligned, 8, 0, 1, 0, "L1+0 L2+1 L4+3 L1+7 S8+0", ""},
        {&aligned, 8, 4, 4, 0, "L4+0 L4+4 S4+0 S4+4", ""},
        {&aligned, 8, 4, 0, 0, "L4+0 S4+0 L4+4 S4+4", ""},
        {&aligned, 2, 1, 1, 0, "L1+0 L1+1 S1+0 S1+1", ""},
        {&aligned, 8, 2, 1, 0, "L1+0 L1+1 S2+0 L1+2 L2+3 L1+5 S4+2 L1+6 L1+7 S2+6", ""},
        {&aligned, 8, 0, 0, 0, "L4+0 L4+4 S4+0 S4+4", "W2 W3 L3"},
        {&aligned, 8, 1, 0, 0, "L8+0 S8+0", "W2 W5"},
        {&aligned, 8, 4, 0, 0, "L8+0 S2+0 S2+2 S4+4", "W2 W3"},
        {&aligned, 8, 4, 0, 0, "L8+0 S4+4 S4+0", "W2 W4 W5"},
        {&aligned, 8, 4, 0, 0, "L2+0 L2+2 L4+4 S4+0 S4+4", "W2 L3"},
        {&aligned, 8, 0, 1, 0, "L1+0 L2+1 L4+3 L1+7 L1+7 S8+0", "W2"},
    };

    (void)state;
    CHECK(rows);
}

static void test_w3_untorn(void **state)
{
    static const struct row rows[] = {
        {&x86, 16, 0, 1, 0, "L16+0 S4+0 S4+4 S8+8", "W3"},
        {&x86, 20, 4, 1, 0, "L20+0 S8+0 S4+8 S8+12", "W3"}, /* whole words, of the source */
        {&x86, 20, 4, 1, 0, "L20+0 S4+0 S8+4 S8+12", ""},
        {&x86, 7, 1, 0, 0, "L7+0 S1+0 S6+1m", ""},
        {&x86, 7, 1, 0, 0, "L7+0 S1+0 S1+1 S5+2m", "W3"}, /* the 2 bytes at +1 */
        {&x86, 17, 7, 0, 0, "L17+0 S3+0 S6+3m S8+9", "W3"},
        /* A part again after the whole is W1's; a part before the whole is torn. */
        {&x86, 24, 0, 1, 0, "L24+0 S8+0 S4+4 S8+8 S8+16", "W1"},
        {&x86, 24, 0, 1, 0, "L24+0 S1+0 S16+1m S8+17m", "W1 W3 W5"},
        /* 64-byte operands: torn in the middle unless 8-aligned; narrower ones are not. */
        {&x86, 59, 5, 0, 0, "L59+0m S51+0m@0/64 S8+51", "W3"},
        {&x86, 59, 5, 0, 0, "L59+0m S51+0m@-5/64 S8+51", ""},
        {&x86, 72, 1, 0, 0, "L72+0 S63+0m@-1/64 S8+63 S1+71", ""},
        {&x86, 72, 4, 0, 0, "L72+0 S4+0 S64+4v S4+68", ""},
        {&x86, 64, 4, 0, 0, "L64+0 S60+0m@0/64 S4+60", "W3"},
        {&x86, 64, 4, 0, 0, "L64+0 S60+0m@-4/64 S4+60", ""},
        {&x86, 43, 5, 0, 0, "L43+0m S32+0v@0/32 S3+32 S8+35", "W3"}, /* its end, not its middle */
        {&x86, 43, 5, 0, 0, "L43+0m S35+0m@0/32 S8+35", ""},
        /* The middle lies where nothing is written, or at an element's edge. */
        {&x86, 32, 5, 0, 0, "L32+0 S27+0m@0/64 S5+27m", ""},
        {&x86, 34, 5, 0, 0, "L34+0 S27+0m@-1/64 S7+27m", ""},
        {&x86, 34, 5, 0, 0, "L34+0 S34+0m@-1/64", "W5"},
        {&x86, 34, 5, 0, 0, "L34+0 S34+0m@0/64", "W3 W5"},
    };

    (void)state;
    CHECK(rows);
}

static void test_w4_ascending(void **state)
{
    static const struct row rows[] = {
        {&x86, 24, 0, 1, 0, "L24+0 S8+8 S8+0 S8+16", "W4"},
        {&x86, 16, 0, 1, 0, "L16+0 S8+8 S8+0", "W4 W5"},
        {&x86, 24, 0, 1, 0, "L24+0 S8+0 S8+0 S8+8 S8+16", "W1 W4"}, /* equal is not ascending */
        {&x86, 24, 0, 1, 0, "L24+0 S8+0 L1+0 F S8+8 S8+16", ""}, /* loads and fences do not count */
    };

    (void)state;
    CHECK(rows);
}

static void test_w5_last(void **state)
{
    static const struct row rows[] = {
        {&x86, 15, 0, 1, 0, "L15+0 S8+0 S8+7", "W1 W5"}, /* glibc */
        {&x86, 15, 0, 1, 0, "L15+0 S15+0m", "W5"},
        {&x86, 24, 0, 1, 0, "L24+0 S8+0 S16+8v", "W5"},
        {&x86, 24, 0, 1, 0, "L24+0 S16+0v S8+16", ""},
        {&x86, 24, 8, 1, 0, "L24+0 S8+0 S16+8v", "W5"}, /* 16 is for n = 16 alone */
        {&x86, 16, 0, 1, 0, "L16+0 S16+0v", ""},
        {&tso_8, 16, 0, 1, 0, "L16+0 S16+0v", "W5"},
        {&x86, 16, 8, 1, 0, "L16+0 S16+0v", "W5"},
        {&x86, 16, 0, 1, 0, "L16+0 S16+0v S8+8", "W1 W5"}, /* stored early */
        {&x86, 32, 0, 1, 0, "L32+0 S1+31 S24+0v S8+24", "W1 W3 W4 W5"},
        {&x86, 17, 0, 1, 0, "L17+0 S8+0 S9+8m", "W5"},
        {&x86, 5, 6, 1, 0, "L5+0 S2+0 S3+2m", ""},
        {&x86, 5, 6, 1, 0, "L5+0 S5+0m", "W5"},
        {&x86, 5, 1, 1, 0, "L5+0 S5+0m", ""}, /* all in the last word */
        /* W2 wins: 8 unaligned bytes in one store reach before the last word. */
        {&x86, 8, 5, 0, 0, "L8+0 S8+0", ""},
    };

    (void)state;
    CHECK(rows);
}

static void test_w6_visible(void **state)
{
    static const struct row rows[] = {
        {&x86, 24, 0, 1, 0, "L24+0 S8+0n S8+8 S8+16", "W6 W7"},
        {&x86, 24, 0, 1, 0, "L24+0 S8+0n S8+8n F S8+16", "W7"},
        {&x86, 24, 0, 1, 0, "L24+0 S8+0n F S8+8n S8+16", "W6 W7"},
        {&x86, 24, 0, 1, 0, "L24+0 S8+0 S8+8 S8+16n", "W6 W7"},
        {&x86, 24, 0, 1, 0, "L24+0 S8+0 S8+8 F S8+16n", "W7"},
        {&x86, 24, 0, 1, 0, "L16+0s S16+0s L8+16 S8+16", "W6 W7"},
        {&x86, 24, 0, 1, 0, "L16+0s S16+0s F L8+16 S8+16", "W7"},
        {&weak, 24, 0, 1, 0, "L24+0 S8+0 S8+8 S8+16", "W6"},
        {&weak, 24, 0, 1, 0, "L24+0 S8+0 S8+8 S8+16r", ""},
        {&weak, 24, 0, 1, 0, "L24+0 S8+0 S8+8 F S8+16", ""},
        {&weak, 24, 0, 1, 0, "L24+0 S8+0 F S8+8 S8+16", "W6"},
        {&weak, 24, 0, 1, 0, "L24+0 F S8+0r S8+8r S8+16", "W6"},
        {&weak, 8, 0, 1, 0, "L8+0 S8+0", ""},
    };

    (void)state;
    CHECK(rows);
}

/* A host whose widest access is 4 bytes: its elements and its last word are of 4. */
static void test_narrow_host(void **state)
{
    static const struct row rows[] = {
        {&narrow, 8, 0, 0, 0, "L4+0 L4+4 S4+0 S4+4", ""},
        {&x86, 8, 0, 0, 0, "L4+0 L4+4 S4+0 S4+4", "W2 W3 L3"},
        {&narrow, 16, 0, 0, 0, "L4+0 L4+4 L4+8 L4+12 S4+0 S4+4 S4+8 S4+12", ""},
        {&narrow, 4, 0, 0, 0, "L2+0 L2+2 S2+0 S2+2", "W2 W3 L3"},
        {&narrow, 16, 0, 0, 0, "L4+0 L4+4 L4+8 L4+12 S4+0 S4+4 S8+8", "W5"},
    };

    (void)state;
    check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_w7_no_exotic(void **state)
{
    static const struct row rows[] = {
        {&x86, 8, 0, 0, 0, "L8+0s S8+0s", "W7"},
        {&x86, 8, 0, 0, 0, "L8+0 S8+0n", "W7"},
        {&x86, 72, 0, 0, 0, "L72+0 S64+0z S8+64", "W7"},
        {&x86, 8, 0, 0, 0, "L8+0s S8+0", ""}, /* a string load is not a store */
    };

    (void)state;
    CHECK(rows);
}

static void test_l1_inside(void **state)
{
    static const struct row rows[] = {
        {&x86, 15, 0, 1, 0, "L16+0 S8+0 S7+8m", "L1"},
        {&x86, 15, 0, 1, 0, "L1-1 L15+0m S8+0 S7+8m", "L1"},
        {&x86, 15, 0, 1, 0, "L15+0m@-1/64 S8+0 S7+8m", ""}, /* idle lanes load nothing */
        {&x86, 0, 0, 0, 0, "L1+0", "L1"},
    };

    (void)state;
    CHECK(rows);
}

static void test_l2_device_once(void **state)
{
    static const struct row rows[] = {
        {&x86_device, 16, 0, 0, 0, "L8+0 L8+8 S8+0 S8+8", ""},
        {&x86_device, 15, 0, 1, 0, "L8+0 L8+7 S8+0 S7+8m", "L2"},
        {&x86, 15, 0, 1, 0, "L8+0 L8+7 S8+0 S7+8m", ""},
        {&x86_device, 16, 0, 1, 0, "L8+8 L8+0 S8+0 S8+8", "L2"},
        {&x86_device, 16, 0, 1, 0, "L8+0 S8+0 S8+8", "L2"},
        {&x86_device, 16, 0, 1, 0, "L16+0s S8+0 S8+8", "L2"},
        {&x86_device, 16, 0, 1, 0, "L1-1 L16+0 S8+0 S8+8", "L1"},
        {&x86_device, 0, 0, 0, 0, "", ""},
    };

    (void)state;
    CHECK(rows);
}

static void test_l3_untorn(void **state)
{
    static const struct row rows[] = {
        {&x86, 16, 0, 8, 0, "L4+0 L4+4 L8+8 S8+0 S8+8", "L3"},
        {&x86, 16, 0, 4, 0, "L4+0 L4+4 L8+8 S8+0 S8+8", ""}, /* mutually aligned to 4 only */
        {&x86, 16, 0, 4, 0, "L4+0 L2+4 L2+6 L8+8 S8+0 S8+8", "L3"},
        {&x86, 16, 0, 1, 0, "L1+0 L1+1 L14+2 S8+0 S8+8", ""},
        {&x86, 16, 0, 8, 0, "L8+8 L8+0 L4+2 S8+0 S8+8", ""}, /* loads may overlap, in any order */
        {&x86, 15, 1, 1, 0, "L8+0 L8+7 S1+0 S2+1 S4+3 S8+7", ""},
        {&x86, 15, 3, 3, 0, "L8+0 L8+7 S1+0 S4+1 S8+5 S2+13", "L3"},
    };

    (void)state;
    CHECK(rows);
}

static void test_o1_exact(void **state)
{
    static const struct row rows[] = {
        {&x86, 16, 0, 0, 4, "L16+0 S8+0 S8+8", ""},
        {&x86, 16, 0, 0, 4, "L16+0 S8+8 S8+0", "W4 W5 O1"},
        {&x86, 16, 0, 0, -4, "L16+0 S8+8 S8+0", "W4 W5"},
        {&x86, 16, 0, 0, 16, "L16+0 S8+8 S8+0", "W4 W5"},
        {&x86, 16, 0, 0, 15, "L16+0 S8+8 S8+0", "W4 W5 O1"},
        {&x86, 16, 0, 0, 1, "L16+0 S8+0n F S8+8", "W7"}, /* W7 is not O1's */
        {&x86, 16, 0, 0, 1, "L17+0 S8+0 S8+8", "L1"},
        /* src follows from the distance: mutually aligned to 4, whatever src_align says. */
        {&x86, 16, 0, 1, 4, "L2+0 L2+2 L4+4 L8+8 S8+0 S8+8", "L3"},
        {&x86, 16, 3, 0, -5, "L16+0 S1+0 S4+1 S8+5 S3+13m", ""},
    };

    (void)state;
    CHECK(rows);
}

static void test_ends(void **state)
{
    static const struct {
        enum membus_audit_end end;
        bool result, returned;
        ptrdiff_t distance;
        const char *broken;
    } rows[] = {
        {MEMBUS_AUDIT_RETURNED, false, true, 0, "RESULT"},
        {MEMBUS_AUDIT_RETURNED, true, false, 0, "RESULT"},
        {MEMBUS_AUDIT_RETURNED, false, true, 3, "O1 RESULT"},
        {MEMBUS_AUDIT_CRASHED, false, false, 0, "RUNS"},
        {MEMBUS_AUDIT_ENDLESS, false, false, 3, "RUNS"},
        {MEMBUS_AUDIT_SYSCALL, false, false, 0, "RUNS"},
        {MEMBUS_AUDIT_UNSUPPORTED, false, false, 0, ""},
        {MEMBUS_AUDIT_INEXACT, false, false, 0, ""},
    };
    struct membus_audit_access access[4];
    struct membus_audit_trace t = {.access = access, .signal = 11, .fault_addr = 0x10};
    struct membus_audit_verdict v;
    char broken[128];

    (void)state;
    t.count = audit_trace_read("L16+0 S8+0 S8+8", access, 4);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t.c = (struct membus_audit_case){16, 0, 1, rows[i].distance != 0, rows[i].distance};
        t.end = rows[i].end;
        t.result_ok = rows[i].result;
        t.return_ok = rows[i].returned;
        membus_audit_judge(&t, &x86, &v);
        ids_of(v.broken, broken, sizeof(broken));
        assert_string_equal(broken, rows[i].broken);
        if (rows[i].end != MEMBUS_AUDIT_RETURNED)
            assert_int_equal(v.applies & ~(1u << MEMBUS_RULE_RUNS), 0);
    }
    membus_audit_judge(&t, &x86, &v);
    assert_int_equal(v.applies, 0); /* not recorded exactly: nothing is said of it */
}

/* A move onto itself may store nothing; what it stores is judged as ever. */
static void test_in_place(void **state)
{
    static const struct {
        bool overlapping;
        const char *trace, *broken;
    } rows[] = {
        {true, "", ""},
        {true, "L16+0", ""},
        {true, "L16+0 S8+0 S8+8", ""},
        {true, "L16+0 S8+0", "W1 W5"},
        {false, "L16+0", "W1 W5"},
    };
    struct membus_audit_access access[4];
    struct membus_audit_trace t = {
        .access = access, .end = MEMBUS_AUDIT_RETURNED, .result_ok = true, .return_ok = true};
    struct membus_audit_verdict v;
    char broken[128];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t.c = (struct membus_audit_case){16, 0, 0, rows[i].overlapping, 0};
        t.count = audit_trace_read(rows[i].trace, access, 4);
        membus_audit_judge(&t, &x86, &v);
        ids_of(v.broken, broken, sizeof(broken));
        assert_string_equal(broken, rows[i].broken);
    }
}

static void test_applies(void **state)
{
    static const struct {
        struct row r;
        const char *applies;
    } rows[] = {
        {{&x86, 0, 0, 0, 0, "", ""}, "W1 W7 L1 RESULT RUNS"},
        {{&x86, 1, 0, 0, 0, "L1+0 S1+0", ""}, "W1 W2 W4 W6 W7 L1 RESULT RUNS"},
        {{&x86, 2, 1, 1, 0, "L2+0 S2+0", ""}, "W1 W2 W4 W6 W7 L1 RESULT RUNS"},
        {{&x86, 2, 0, 2, 0, "L2+0 S2+0", ""}, "W1 W2 W3 W4 W6 W7 L1 L3 RESULT RUNS"},
        {{&x86_device, 3, 0, 1, 0, "L3+0 S3+0", ""}, "W1 W3 W4 W5 W6 W7 L1 L2 RESULT RUNS"},
        {{&x86, 3, 0, 0, 2, "L3+0 S3+0", ""}, "W1 W3 W4 W5 W6 W7 L1 L3 O1 RESULT RUNS"},
        {{&x86, 3, 0, 0, -2, "L3+0 S3+0", ""}, "W1 W3 W4 W5 W6 W7 L1 L3 RESULT RUNS"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct membus_audit_verdict v = judge_row(&rows[i].r);
        char applies[128];

        ids_of(v.applies, applies, sizeof(applies));
        assert_string_equal(applies, rows[i].applies);
    }
}

static void test_wording(void **state)
{
    static const struct {
        struct row r;
        enum membus_audit_rule rule;
        const char *why;
    } rows[] = {
        {{&x86, 15, 0, 3, 0, "L8+0 L8+7 S8+0 S8+7", ""},
         MEMBUS_RULE_W1,
         "n=15 dst+0 src+3: store 2 (8 bytes at +7) stores byte +7 again, first stored by store 1 "
         "(8 bytes at +0)"},
        {{&x86, 24, 0, 1, 0, "S8+0 S8+16", ""},
         MEMBUS_RULE_W1,
         "n=24 dst+0 src+1: bytes +8 to +15 are never stored"},
        {{&x86, 300, 5, 0, 9, "S1+1 S32+268v", ""},
         MEMBUS_RULE_O1,
         "n=300 dst+5 distance+9: an overlap that a window of 9 bytes keeps exact breaks W1, W3, "
         "W5"},
        {{&x86, 16, 0, 1, 0, "S8+8n S8+0", ""},
         MEMBUS_RULE_W4,
         "n=16 dst+0 src+1: store 2 (8 bytes at +0) follows store 1 (non-temporal 8 bytes at +8)"},
        {{&x86, 16, 0, 1, 0, "L17+0 S16+0mff7f", ""},
         MEMBUS_RULE_W3,
         "n=16 dst+0 src+1: store 1 (masked 15 of 16 bytes at +0) writes only part of the aligned "
         "8 bytes at +0"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct membus_audit_verdict v = judge_row(&rows[i].r);

        assert_string_equal(v.why[rows[i].rule], rows[i].why);
    }
    assert_string_equal(membus_audit_rule_id(MEMBUS_RULE_O1), "O1");
    assert_string_equal(membus_audit_rule_title(MEMBUS_RULE_W1), "once");
    assert_string_equal(membus_audit_rule_id(MEMBUS_RULES), "?");
}

/*
 * The judge thinks in maximal elements and in windows. This is the rule as written: each byte, and
 * each element of 2, 4 and 8 bytes, for itself.
 */
struct plain {
    bool w1, w3, l3;
};

static bool in(const struct membus_audit_access *a, ptrdiff_t from, size_t size)
{
    return a->offset <= from && from + (ptrdiff_t)size <= a->offset + (ptrdiff_t)a->width;
}

static void judge_element(const struct membus_audit_trace *t, ptrdiff_t at, size_t size,
                          struct plain *p)
{
    bool loaded = false, met = false;

    for (size_t i = 0; i < t->count; i++) {
        const struct membus_audit_access *a = &t->access[i];
        bool touches = a->offset < at + (ptrdiff_t)size && at < a->offset + (ptrdiff_t)a->width;

        loaded = loaded || ((a->kind & MEMBUS_AUDIT_LOAD) && in(a, at, size));
        if (!(a->kind & MEMBUS_AUDIT_STORE) || !touches || met)
            continue;
        met = true;
        p->w3 = p->w3 || !in(a, at, size);
    }
    if ((t->c.dst_align - t->c.src_align) % size == 0)
        p->l3 = p->l3 || !loaded;
}

static struct plain judge_plainly(const struct membus_audit_trace *t)
{
    struct plain p = {false, false, false};
    unsigned *times = calloc(t->c.n + 1, sizeof(*times));

    for (size_t i = 0; i < t->count; i++) {
        const struct membus_audit_access *a = &t->access[i];

        for (ptrdiff_t at = a->offset; at < a->offset + (ptrdiff_t)a->width; at++) {
            if (!(a->kind & MEMBUS_AUDIT_STORE))
                continue;
            if (at < 0 || (size_t)at >= t->c.n)
                p.w1 = true;
            else
                times[at]++;
        }
    }
    for (size_t at = 0; at < t->c.n; at++)
        p.w1 = p.w1 || times[at] != 1;
    free(times);
    for (size_t size = 2; size <= 8; size *= 2) {
        for (size_t at = 0; at + size <= t->c.n; at++) {
            if ((at + t->c.dst_align) % size == 0)
                judge_element(t, (ptrdiff_t)at, size, &p);
        }
    }
    return p;
}

/* An ascending trace of random widths, then up to three slips in it. */
static size_t random_trace(struct membus_audit_access *access, size_t n, unsigned dst)
{
    size_t count = 0;

    for (size_t at = 0; at < n;) {
        size_t width = (size_t)1 << rand() % 5; /* narrow: none tears in its middle */

        if (rand() % 4)
            width = (at + dst) % 8 ? 8 - (at + dst) % 8 : width < 8 ? 8 : width;
        width = width < n - at ? width : n - at;
        access[count++] = (struct membus_audit_access){
            .kind = MEMBUS_AUDIT_LOAD, .offset = (ptrdiff_t)at, .width = width};
        access[count++] = (struct membus_audit_access){
            .kind = MEMBUS_AUDIT_STORE, .offset = (ptrdiff_t)at, .width = width};
        at += width;
    }
    for (int slips = rand() % 4; slips > 0 && count; slips--) {
        struct membus_audit_access *a = &access[(size_t)rand() % count];
        struct membus_audit_access *b = &access[(size_t)rand() % count], swap = *a;

        if (rand() % 2) {
            *a = *b;
            *b = swap;
        } else {
            a->offset += rand() % 3 - 1;
            a->width += (size_t)(rand() % 2);
        }
    }
    return count;
}

static void test_against_plain(void **state)
{
    static struct membus_audit_access access[2 * 20000];
    unsigned found[2][3] = {{0}};

    (void)state;
    srand(1);
    for (int round = 0; round < 20016; round++) {
        struct membus_audit_trace t = {.access = access, .result_ok = true, .return_ok = true};
        struct membus_audit_verdict v;
        struct plain p;

        t.c.n = round < 20000 ? (size_t)rand() % 48 : 8000 + (size_t)rand() % 600;
        t.c.dst_align = (unsigned)rand() % 64;
        t.c.src_align = rand() % 2 ? t.c.dst_align : (unsigned)rand() % 64;
        t.count = random_trace(access, t.c.n, t.c.dst_align);
        membus_audit_judge(&t, &x86, &v);
        p = judge_plainly(&t);
        assert_int_equal(v.broken >> MEMBUS_RULE_W1 & 1, p.w1);
        assert_int_equal(v.broken >> MEMBUS_RULE_W3 & 1, p.w3);
        assert_int_equal(v.broken >> MEMBUS_RULE_L3 & 1, p.l3);
        found[p.w1][0]++;
        found[p.w3][1]++;
        found[p.l3][2]++;
    }
    for (int i = 0; i < 3; i++) {
        assert_true(found[0][i] > 500);
        assert_true(found[1][i] > 500);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_traces), cmocka_unit_test(test_w1_once),
        cmocka_unit_test(test_w2_whole),     cmocka_unit_test(test_w3_untorn),
        cmocka_unit_test(test_w4_ascending), cmocka_unit_test(test_w5_last),
        cmocka_unit_test(test_w6_visible),   cmocka_unit_test(test_w7_no_exotic),
        cmocka_unit_test(test_l1_inside),    cmocka_unit_test(test_l2_device_once),
        cmocka_unit_test(test_l3_untorn),    cmocka_unit_test(test_o1_exact),
        cmocka_unit_test(test_ends),         cmocka_unit_test(test_applies),
        cmocka_unit_test(test_wording),      cmocka_unit_test(test_against_plain),
        cmocka_unit_test(test_narrow_host),  cmocka_unit_test(test_in_place),
    };

    return RUN_TESTS(tests);
}
