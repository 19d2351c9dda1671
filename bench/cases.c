/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "cases.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define KIB  1024u
#define MIB  (1024u * KIB)
#define PAGE 4096u

/* Sizes of a mix: long enough that no branch predictor learns them by heart. */
#define MIX_OPS 262144u

/* What a mix runs over, on each side: with both it stays in the first-level cache but for the
 * 4 KiB copies' own traffic. */
#define MIX_SPAN 8192u

/* What moves run over. */
#define MOVE_SPAN (24 * KIB)

int bench_arena_init(struct bench_arena *arena, size_t size)
{
    /* A source at 2 KiB of its page does not alias with the destination; room for offsets. */
    size_t each = size + 2 * (size_t)PAGE;
    char *p =
        (char *)mmap(NULL, 2 * each, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return -errno;
    madvise(p, 2 * each, MADV_HUGEPAGE); /* as guest memory has it; if not, the same for all */
    memset(p, 0x5a, 2 * each);
    *arena = (struct bench_arena){p, p + each, size, each};
    return 0;
}

void bench_suite_free(struct bench_suite *suite)
{
    for (unsigned i = 0; i < suite->count; i++)
        free(suite->cases[i].ops);
    free(suite->cases);
    suite->cases = NULL;
    suite->count = 0;
}

static void *need(void *p)
{
    if (!p) {
        fputs("bench: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

static struct bench_case *add(struct bench_suite *suite, const char *group, size_t n, size_t ops)
{
    suite->cases = (struct bench_case *)need(
        realloc(suite->cases, (suite->count + 1) * sizeof(*suite->cases)));

    struct bench_case *c = &suite->cases[suite->count++];

    *c = (struct bench_case){
        .group = group,
        .n = n,
        .bytes = (double)n,
        .dst = suite->arena.dst,
        .src = suite->arena.src,
        .ops = (struct bench_op *)need(calloc(ops, sizeof(struct bench_op))),
        .mask = ops - 1,
    };
    bench_size_name(c->row, sizeof(c->row), n);
    return c;
}

void bench_size_name(char *name, size_t size, size_t n)
{
    if (n >= MIB && n % (MIB / 2) == 0)
        snprintf(name, size, "%g MiB", (double)n / MIB);
    else if (n >= KIB && n % (KIB / 2) == 0)
        snprintf(name, size, "%g KiB", (double)n / KIB);
    else
        snprintf(name, size, "%zu", n);
}

struct bench_case *bench_add_fixed(struct bench_suite *suite, const char *group, size_t n,
                                   size_t dst, size_t src)
{
    struct bench_case *c = add(suite, group, n, 1);

    c->ops[0] = (struct bench_op){(uint32_t)n, (uint32_t)dst, (uint32_t)(PAGE / 2 + src)};
    snprintf(c->name, sizeof(c->name), "%zu, dst+%zu src+%zu", n, dst, src);
    return c;
}

/* Offsets of a fixed size, from a line. */
static const struct {
    uint8_t dst, src;
} offsets[] = {{0, 0}, {8, 40}, {0, 3}, {5, 0}, {3, 21}};

void bench_add_offsets(struct bench_suite *suite, const char *group, size_t n)
{
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
        bench_add_fixed(suite, group, n, offsets[i].dst, offsets[i].src);
}

struct bench_case *bench_add_aliasing(struct bench_suite *suite, size_t n, size_t delta)
{
    struct bench_case *c = add(suite, "aliasing", n, 1);

    c->ops[0] = (struct bench_op){(uint32_t)n, (uint32_t)delta, 0};
    c->distance = delta;
    snprintf(c->name, sizeof(c->name), "%zu, d mod 4096 = %zu", n, delta);
    return c;
}

/* xorshift: the same sequence in every run and on every machine. */
static uint32_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

static uint32_t between(uint64_t *state, uint32_t least, uint32_t most)
{
    return least + next(state) % (most - least + 1);
}

struct bench_case *bench_add_scattered(struct bench_suite *suite, size_t n)
{
    struct bench_case *c = add(suite, "memory", n, MIX_OPS);
    uint64_t state = 88172645463325252;
    uint32_t pages = (uint32_t)((suite->arena.size - n) / PAGE);

    for (size_t i = 0; i <= c->mask; i++)
        c->ops[i] = (struct bench_op){(uint32_t)n, next(&state) % pages * PAGE,
                                      next(&state) % pages * PAGE + PAGE / 2};
    c->fresh = true;
    c->batches = 10; /* few copies fit into one, and each of them meets another page */
    snprintf(c->name, sizeof(c->name), "%zu, scattered", n);
    return c;
}

/* Several places in turn, as far as the first-level cache has them: in one place every move would
 * wait for the stores of the one before. */
struct bench_case *bench_add_move(struct bench_suite *suite, size_t n, size_t d)
{
    size_t places = 1, apart = (n + d + 63) & ~(size_t)63;

    while (places < 16 && 2 * places * apart <= MOVE_SPAN)
        places *= 2;

    struct bench_case *c = add(suite, "move", n, places);

    c->src = c->dst;
    c->overlaps = true;
    c->distance = d;
    for (size_t i = 0; i < places; i++)
        c->ops[i] =
            (struct bench_op){(uint32_t)n, (uint32_t)(i * apart + d), (uint32_t)(i * apart)};
    snprintf(c->name, sizeof(c->name), "%zu, d = %zu", n, d);
    return c;
}

/* Out of a ring of 4 KiB into a variable, as a device model does. */
struct bench_case *bench_add_parse(struct bench_suite *suite, size_t n)
{
    size_t stride = n <= 16 ? 16 : n <= 32 ? 32 : 64;
    struct bench_case *c = add(suite, "parse", n, PAGE / stride);

    for (size_t i = 0; i <= c->mask; i++)
        c->ops[i] = (struct bench_op){(uint32_t)n, 0, (uint32_t)(PAGE / 2 + i * stride)};
    c->kind = BENCH_PARSE;
    snprintf(c->name, sizeof(c->name), "%zu", n);
    return c;
}

const char *const bench_mix_name[BENCH_MIXES] = {
    "1-16", "1-64", "1-256", "64-1500", "dma", "12-64",
};

/* What a device model moves: 60 % 1 to 16 bytes, 25 % 64 to 1500, 15 % a page. */
static uint32_t dma_size(uint64_t *state)
{
    uint32_t percent = next(state) % 100;

    if (percent < 60)
        return between(state, 1, 16);
    return percent < 85 ? between(state, 64, 1500) : PAGE;
}

static uint32_t mix_size(enum bench_mix mix, uint64_t *state)
{
    switch (mix) {
    case MIX_1_16:
        return between(state, 1, 16);
    case MIX_1_64:
        return between(state, 1, 64);
    case MIX_1_256:
        return between(state, 1, 256);
    case MIX_64_1500:
        return between(state, 64, 1500);
    case MIX_PARSE:
        return between(state, 3, 16) * 4;
    default:
        return dma_size(state);
    }
}

struct bench_case *bench_add_mix(struct bench_suite *suite, enum bench_mix mix, unsigned align)
{
    struct bench_case *c = add(suite, mix == MIX_PARSE ? "parse" : "mix", 0, MIX_OPS);
    uint64_t state = 88172645463325252, total = 0;

    for (size_t i = 0; i <= c->mask; i++) {
        uint32_t n = mix_size(mix, &state), room = (MIX_SPAN - n) / align;

        c->ops[i] = (struct bench_op){n, next(&state) % room * align, next(&state) % room * align};
        total += n;
    }
    c->bytes = (double)total / MIX_OPS;
    c->fresh = true; /* glibc and glibc again share their branches: no ops twice in a row */
    c->kind = mix == MIX_PARSE ? BENCH_PARSE : BENCH_THROUGHPUT;
    snprintf(c->name, sizeof(c->name), "random %s, %s", bench_mix_name[mix],
             align == 1 ? "any alignment" : "8-aligned");
    snprintf(c->row, sizeof(c->row), "%s%s", bench_mix_name[mix], align == 1 ? "" : ", 8-aligned");
    return c;
}
