/* SPDX-License-Identifier: MIT */
#include "groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB 1024u
#define MIB (1024u * KIB)

/* Cases above this size leave out the routines that are not BENCH_LARGE. */
#define LARGE (64 * KIB)

/* Every size to 256; a table's row is a range between powers of two. */
static void sizes(struct bench_suite *suite, bool quick)
{
    size_t most = 8, least = 0;

    for (size_t n = 0; n <= 256; n += quick ? 37 : 1) {
        unsigned first = suite->count;

        for (; n > most; most *= 2)
            least = most + 1;
        bench_add_offsets(suite, "sizes", n);
        for (unsigned i = first; i < suite->count; i++)
            snprintf(suite->cases[i].row, sizeof(suite->cases[i].row), "%zu-%zu", least, most);
    }
}

/* All offsets or, from 64 MiB on, none, for sizes next to each other are in one picture. */
static void add_class(struct bench_suite *suite, size_t n)
{
    if (n < 64 * MIB)
        bench_add_offsets(suite, "classes", n);
    else
        bench_add_fixed(suite, "classes", n, 0, 0);
}

static void classes(struct bench_suite *suite, bool quick)
{
    size_t limit = suite->arena.size < 64 * MIB ? suite->arena.size : 64 * MIB;

    for (size_t n = 256; n <= limit; n *= quick ? 16 : 2) {
        add_class(suite, n);
        if (!quick && n + n / 2 <= limit)
            add_class(suite, n + n / 2);
    }
}

static void memory(struct bench_suite *suite, bool quick)
{
    for (size_t n = 256; n <= (quick ? 1 : 256) * KIB; n *= 4)
        bench_add_scattered(suite, n);
}

static void mixes(struct bench_suite *suite, bool quick)
{
    for (unsigned align = 1; align <= (quick ? 1 : 8); align += 7) {
        for (unsigned mix = 0; mix < MIX_PARSE; mix++)
            bench_add_mix(suite, (enum bench_mix)mix, align);
    }
}

static void latency(struct bench_suite *suite, bool quick)
{
    static const uint16_t some[] = {1,  2,  4,   8,   12,  16,  24,   32,   48,
                                    64, 96, 128, 192, 256, 512, 1024, 2048, 4096};

    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i += quick ? 7 : 1) {
        unsigned first = suite->count;

        bench_add_offsets(suite, "latency", some[i]);
        for (unsigned k = first; k < suite->count; k++)
            suite->cases[k].kind = BENCH_LATENCY;
    }
}

static void parse(struct bench_suite *suite, bool quick)
{
    for (size_t n = 12; n <= 64; n += quick ? 26 : 4)
        bench_add_parse(suite, n);
    bench_add_mix(suite, MIX_PARSE, 1);
}

static void constants(struct bench_suite *suite, bool quick)
{
    for (size_t n = 1; n <= BENCH_CONSTANT_MAX; n += quick ? 21 : 1)
        bench_add_fixed(suite, "constant", n, 64, 64)->kind = BENCH_CONSTANT;
}

static void aliasing(struct bench_suite *suite, bool quick)
{
    static const uint16_t deltas[] = {1, 4, 8, 15, 16, 64, 2048};

    for (size_t n = 1 * KIB; n <= 64 * KIB; n *= quick ? 64 : 2) {
        for (size_t i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++)
            bench_add_aliasing(suite, n, deltas[i]);
    }
}

static void moves(struct bench_suite *suite, bool quick)
{
    size_t limit = quick ? 4 * KIB : 16 * MIB;

    for (size_t n = 64; n <= limit; n *= 4) {
        for (size_t d = 1; d < n; d = d < 8 ? 8 : d * (quick ? 8 : 2))
            bench_add_move(suite, n, d);
    }
}

static void mappings(struct bench_suite *suite, bool quick)
{
    mixes(suite, true);
    for (size_t n = 1; n <= 64 * KIB; n *= quick ? 256 : 4)
        bench_add_offsets(suite, "mapping", n);
}

static void orders(struct bench_suite *suite, bool quick)
{
    mixes(suite, true);
    for (size_t n = 1; n <= 64 * KIB; n *= quick ? 256 : 4)
        bench_add_offsets(suite, "order", n);
}

const struct bench_group bench_groups[] = {
    {"mix",
     "sizes at random, as a device model or a network moves them",
     mixes,
     BENCH_COPIES,
     "glibc",
     {NULL}},
    {"sizes",
     "every size from 0 to 256, the same again and again",
     sizes,
     BENCH_COPIES,
     "glibc",
     {NULL}},
    {"classes", "256 bytes to 64 MiB, through all caches", classes, BENCH_COPIES, "glibc", {NULL}},
    {"memory", "from and to memory, scattered", memory, BENCH_LARGE, "glibc", {NULL}},
    {"aliasing",
     "a small distance modulo 4 KiB between the buffers",
     aliasing,
     BENCH_COPIES,
     "glibc",
     {NULL}},
    {"latency", "each copy waits for the one before", latency, BENCH_COPIES, "glibc", {NULL}},
    {"parse",
     "a descriptor is copied and its fields are loaded",
     parse,
     BENCH_COPIES,
     "glibc",
     {NULL}},
    {"constant",
     "sizes that the compiler knows",
     constants,
     0,
     "glibc",
     {"glibc again", "membus", "compiler"}},
    {"move", "overlapping moves upwards, by distance", moves, BENCH_MOVES, "glibc memmove", {NULL}},
    {"mapping",
     "through mappings, by the rules of each cache mode (on RAM labelled so)",
     mappings,
     BENCH_MODES,
     "glibc",
     {"glibc again", "membus"}},
    {"order",
     "strict order against the default",
     orders,
     0,
     "glibc",
     {"glibc again", "membus", "membus strict", "mapping NORMAL", "mapping strict"}},
    {NULL, NULL, NULL, 0, NULL, {NULL}},
};

bool bench_listed(const char *list, const char *name)
{
    size_t length = strlen(name);

    for (const char *p = list; p; p = *p ? p + 1 : NULL) {
        size_t n = strcspn(p, ",");

        if (n == length && strncmp(p, name, n) == 0)
            return true;
        p += n;
        if (!*p)
            break;
    }
    return !list;
}

static bool wanted(const struct bench_group *group, const struct bench_routine *r, const char *only)
{
    if (r->skipped || (!only && bench_routine_repeats(r)))
        return false;
    for (size_t i = 0; i < sizeof(group->also) / sizeof(group->also[0]) && group->also[i]; i++) {
        if (strcmp(group->also[i], r->name) == 0)
            return bench_listed(only, r->name) || (r->flags & BENCH_SELF);
    }
    if (!(r->flags & group->flags) || strcmp(r->name, group->baseline) == 0)
        return false;
    if ((r->flags & BENCH_MODES) && !(group->flags & BENCH_MODES))
        return false;
    return bench_listed(only, r->name) || (r->flags & BENCH_SELF);
}

static unsigned choose(const struct bench_group *group, const struct bench_case *c,
                       const char *only, const struct bench_routine **chosen)
{
    unsigned count = 0;

    chosen[count++] = bench_routine(group->baseline);
    for (const struct bench_routine *r = bench_routines; r->name && count < BENCH_ROUTINES_MAX;
         r++) {
        if (c->n > LARGE && !(r->flags & BENCH_LARGE))
            continue;
        if (c->kind != BENCH_CONSTANT && !r->loop[c->kind])
            continue;
        if (wanted(group, r, only))
            chosen[count++] = r;
    }
    return count;
}

static struct bench_record *append(struct bench_records *records)
{
    struct bench_record *grown =
        (struct bench_record *)realloc(records->records, (records->count + 1) * sizeof(*grown));

    if (!grown) {
        fputs("bench: out of memory\n", stderr);
        exit(1);
    }
    records->records = grown;
    return &grown[records->count++];
}

void bench_group_measure(struct bench_records *records, const struct bench_group *group,
                         struct bench_suite *suite, const struct bench_settings *settings,
                         const char *only, bool quick)
{
    group->cases(suite, quick);
    for (unsigned i = 0; i < suite->count; i++) {
        const struct bench_routine *chosen[BENCH_ROUTINES_MAX];
        struct bench_record *record = append(records);

        record->c = suite->cases[i];
        record->c.group = group->name;
        record->c.ops = NULL;
        record->count = choose(group, &suite->cases[i], only, chosen);
        bench_measure(&suite->cases[i], settings, chosen, record->count, record->results);
    }
    bench_suite_free(suite);
}

const struct bench_result *bench_record_result(const struct bench_record *record,
                                               const char *routine)
{
    for (unsigned i = 0; i < record->count; i++) {
        if (strcmp(record->results[i].routine->name, routine) == 0)
            return &record->results[i];
    }
    return NULL;
}
