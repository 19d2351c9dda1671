/* SPDX-License-Identifier: MIT */

/* Random work, on the library and on the model. */

#include "space_model_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t next(struct model *m)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return m->random * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

static uint64_t below(struct model *m, uint64_t n)
{
    uint64_t choice = 0;

    if (!m->input)
        return next(m) % n;
    for (uint64_t range = 1; m->input_left && range && range < n; range <<= 8, m->input_left--)
        choice = choice << 8 | *m->input++;
    return choice % n;
}

static bool differ(struct model *m, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (!m->why[0])
        vsnprintf(m->why, sizeof(m->why), format, args);
    va_end(args);
    return true;
}

/* Devices and IOMMUs, as the library calls them. */

static enum membus_status device_read(void *data, uint64_t *value, uint64_t offset, unsigned size,
                                      struct membus_attrs attrs)
{
    struct node *n = data;
    struct model *m = n->model;
    size_t nth = m->reals;

    (void)attrs;
    *value = model_mix(offset, size, nth);
    model_record(m->real, &m->reals, (struct call){n->id, false, offset, 0, size});
    return model_behaviour(n->id, offset, nth);
}

static enum membus_status device_write(void *data, uint64_t offset, uint64_t value, unsigned size,
                                       struct membus_attrs attrs)
{
    struct node *n = data;
    struct model *m = n->model;
    size_t nth = m->reals;

    (void)attrs;
    model_record(m->real, &m->reals, (struct call){n->id, true, offset, value, size});
    return model_behaviour(n->id, offset, nth);
}

static bool device_accepts(void *data, uint64_t offset, unsigned size, bool write,
                           struct membus_attrs attrs)
{
    (void)data;
    (void)attrs;
    return model_acceptable(offset, size, write);
}

#define RW .read = device_read, .write = device_write
static const struct membus_region_ops all_ops[] = {
    {RW},
    {RW, .valid = {1, 8, false}, .impl = {1, 8, false}},
    {RW, .valid = {1, 8, false}, .impl = {4, 4, false}, .endian = MEMBUS_ENDIAN_BIG},
    {RW, .valid = {2, 4, false}, .impl = {1, 2, false}, .endian = MEMBUS_ENDIAN_BIG},
    {RW, .valid = {1, 8, true}, .impl = {1, 4, true}},
    {RW, .valid = {1, 8, true}, .impl = {8, 8, true}, .endian = MEMBUS_ENDIAN_BIG},
    {RW, .valid = {4, 4, false}, .impl = {8, 8, false}, .endian = MEMBUS_ENDIAN_NATIVE},
    {RW, .accepts = device_accepts, .valid = {1, 4, false}, .impl = {1, 1, false}},
    {.write = device_write, .valid = {1, 2, false}, .impl = {1, 4, false}},
};
#define OPS (sizeof(all_ops) / sizeof(all_ops[0]))

static void iommu_translate(void *data, struct membus_iommu_entry *entry, uint64_t offset,
                            unsigned access, struct membus_attrs attrs)
{
    struct node *n = data;
    uint64_t page = offset / PAGE;

    (void)access;
    (void)attrs;
    entry->target = n->model->behind;
    entry->addr = page * PAGE;
    entry->translated = model_iommu_page(page) * PAGE;
    entry->mask = PAGE - 1;
    entry->permission = model_iommu_permission(page);
}

static const struct membus_iommu_ops iommu_ops = {.translate = iommu_translate, .page_min = PAGE};

/* Comparisons. */

static bool compare_calls(struct model *m)
{
    size_t n = m->reals > m->expecteds ? m->reals : m->expecteds;

    for (size_t i = 0; i < n; i++) {
        const struct call *r = &m->real[i], *e = &m->expected[i];

        if (i >= m->reals || i >= m->expecteds || r->node != e->node || r->write != e->write ||
            r->offset != e->offset || r->value != e->value || r->size != e->size)
            return differ(m,
                          "call %zu of %zu/%zu: node %d/%d %d/%d offset %#" PRIx64 "/%#" PRIx64
                          " size %u/%u value %#" PRIx64 "/%#" PRIx64,
                          i, m->reals, m->expecteds, r->node, e->node, r->write, e->write,
                          r->offset, e->offset, r->size, e->size, r->value, e->value);
    }
    if (n > CALLS / 2)
        m->reals = m->expecteds = 0;
    return false;
}

static bool compare_memory(struct model *m)
{
    for (int i = 0; i < REGIONS; i++) {
        const struct node *n = &m->node[i];

        if (!n->region || (n->kind != MEMBUS_REGION_RAM && n->kind != MEMBUS_REGION_ROM_DEVICE))
            continue;
        if (memcmp(membus_region_mapping(n->region).addr, n->memory, n->last + 1))
            return differ(m, "memory of node %d", i);
    }
    if (memcmp(membus_region_mapping(m->behind_ram).addr, m->behind_memory,
               sizeof(m->behind_memory)))
        return differ(m, "memory behind the IOMMU");
    return false;
}

struct walk {
    struct model *m;
    uint64_t at; /* next address */
};

static bool same_outcome(const struct membus_outcome *a, const struct membus_outcome *b)
{
    return a->status == b->status && a->addr == b->addr && a->bytes == b->bytes;
}

static int compare_range(void *data, const struct membus_range *r)
{
    struct walk *w = data;
    struct model *m = w->m;
    uint64_t start = r->start - m->base, last = r->last - m->base;
    const struct owner *o;

    for (; w->at < start && w->at < SPAN; w->at++) {
        if (m->map[w->at].node >= 0)
            return differ(m, "address %" PRIu64 " is unassigned", w->at);
    }
    if (start >= SPAN || start != w->at || last >= SPAN)
        return differ(m, "range at %" PRIu64 "-%" PRIu64, start, last);
    o = &m->map[start];
    if (o->node < 0 || m->node[o->node].region != r->region || o->offset != r->offset ||
        o->readonly != !!(r->flags & MEMBUS_RANGE_READONLY))
        return differ(m, "owner of %" PRIu64 ": node %d", start, o->node);
    if (model_run_end(m, start) != last || r->extent - r->last != m->map[last].left)
        return differ(m, "range at %" PRIu64 " ends at %" PRIu64 " not %" PRIu64 ", extent", start,
                      last, model_run_end(m, start));
    w->at = last + 1;
    return 0;
}

static bool compare_view(struct model *m)
{
    struct walk w = {m, 0};

    if (membus_space_ranges(m->space, compare_range, &w))
        return true;
    for (; w.at < SPAN; w.at++) {
        if (m->map[w.at].node >= 0)
            return differ(m, "address %" PRIu64 " is unassigned", w.at);
    }
    return false;
}

/* Random work. Each returns true if library and model differ. */

static bool random_value(struct model *m, uint64_t addr)
{
    uint8_t mine[8] = {0};
    struct access x = {.buf = mine, .write = below(m, 2)};
    struct membus_attrs attrs = {0};
    struct membus_outcome real, expected;
    uint32_t value = (uint32_t)next(m);
    bool big = below(m, 2);

    for (unsigned i = 0; i < 4 && x.write; i++)
        mine[i] = (uint8_t)(value >> 8 * (big ? 3 - i : i));
    expected = model_access(m, &x, addr, 4);
    if (x.write)
        real = big ? membus_space_store_be32(m->space, m->base + addr, value, attrs)
                   : membus_space_store_le32(m->space, m->base + addr, value, attrs);
    else
        real = big ? membus_space_load_be32(m->space, &value, m->base + addr, attrs)
                   : membus_space_load_le32(m->space, &value, m->base + addr, attrs);
    for (unsigned i = 0; i < 4; i++) {
        if (mine[i] != (uint8_t)(value >> 8 * (big ? 3 - i : i)))
            return differ(m, "value at %" PRIu64, addr);
    }
    return same_outcome(&real, &expected) ? false
                                          : differ(m, "outcome of a value at %" PRIu64, addr);
}

static bool random_access(struct model *m)
{
    uint8_t mine[2 * SPAN], theirs[2 * SPAN];
    uint64_t addr = below(m, SPAN), len = below(m, 8) ? below(m, 25) : below(m, SPAN);
    struct access x = {.buf = mine, .write = below(m, 2), .memory_only = below(m, 8) == 0};
    struct membus_attrs attrs = {.memory_only = x.memory_only};
    struct membus_outcome real, expected;
    bool fill = x.write && below(m, 4) == 0;
    uint8_t byte = (uint8_t)next(m);

    if (below(m, 4) == 0)
        return random_value(m, addr);
    for (size_t i = 0; i < sizeof(mine); i++)
        mine[i] = theirs[i] = fill ? byte : (uint8_t)next(m);
    expected = model_access(m, &x, addr, len);
    if (fill)
        real = membus_space_fill(m->space, m->base + addr, byte, len, attrs);
    else if (x.write)
        real = membus_space_write(m->space, m->base + addr, theirs, len, attrs);
    else
        real = membus_space_read(m->space, theirs, len, m->base + addr, attrs);
    if (compare_calls(m))
        return true;
    if (!same_outcome(&real, &expected))
        return differ(m,
                      "%s of %" PRIu64 " at %" PRIu64 ": %s at %#" PRIx64 " %" PRIu64
                      ", not %s at %#" PRIx64 " %" PRIu64,
                      x.write ? "write" : "read", len, addr, membus_status_name(real.status),
                      real.addr, real.bytes, membus_status_name(expected.status), expected.addr,
                      expected.bytes);
    return memcmp(mine, theirs, sizeof(mine)) ? differ(m, "bytes at %" PRIu64, addr) : false;
}

static int pick(struct model *m)
{
    for (;;) {
        int i = (int)below(m, REGIONS);

        if (m->node[i].region)
            return i;
    }
}

static int free_node(const struct model *m)
{
    for (int i = 1; i < REGIONS; i++) {
        if (!m->node[i].region && !m->node[i].ghost)
            return i;
    }
    return -1;
}

static uint64_t random_size(struct model *m)
{
    return below(m, 3) ? UINT64_C(1) << below(m, 7) : 1 + below(m, SPAN);
}

/* Is `a` at or below `b`? */
static bool reaches(const struct model *m, int b, int a)
{
    if (a == b)
        return true;
    if (m->node[b].target >= 0 && reaches(m, m->node[b].target, a))
        return true;
    for (int i = 0; i < REGIONS; i++) {
        if (m->node[i].region && m->node[i].container == b && reaches(m, i, a))
            return true;
    }
    return false;
}

static bool expect(struct model *m, const char *what, int real, int expected)
{
    return real == expected ? false : differ(m, "%s: %d, not %d", what, real, expected);
}

static bool create(struct model *m)
{
    static const enum membus_region_kind kinds[] = {
        MEMBUS_REGION_CONTAINER, MEMBUS_REGION_CONTAINER, MEMBUS_REGION_IO,
        MEMBUS_REGION_IO,        MEMBUS_REGION_IO,        MEMBUS_REGION_RAM,
        MEMBUS_REGION_RAM,       MEMBUS_REGION_ALIAS,     MEMBUS_REGION_ALIAS,
        MEMBUS_REGION_IOMMU,     MEMBUS_REGION_ROM_DEVICE};
    int i = free_node(m);
    uint64_t size = random_size(m);
    struct node *n;
    int target, error = 0;

    if (i < 0)
        return false;
    n = &m->node[i];
    *n = (struct node){.model = m,
                       .id = i,
                       .container = -1,
                       .target = -1,
                       .enabled = true,
                       .direct = true,
                       .last = size - 1,
                       .kind = kinds[below(m, sizeof(kinds) / sizeof(kinds[0]))]};
    target = pick(m);
    n->ops = below(m, 8) ? &all_ops[below(m, OPS)] : NULL;
    switch (n->kind) {
    case MEMBUS_REGION_CONTAINER:
        n->ops = NULL;
        error = membus_region_new_container(&n->region, "container", size);
        break;
    case MEMBUS_REGION_IO:
        error = membus_region_new_io(&n->region, "io", size, n->ops, n);
        break;
    case MEMBUS_REGION_RAM:
        n->ops = NULL;
        error = membus_region_new_ram(&n->region, "ram", size);
        break;
    case MEMBUS_REGION_ROM_DEVICE:
        n->ops = &all_ops[below(m, OPS)];
        error = membus_region_new_rom_device(&n->region, "romd", size, n->ops, n);
        break;
    case MEMBUS_REGION_IOMMU:
        n->ops = NULL;
        error = membus_region_new_iommu(&n->region, "iommu", size, &iommu_ops, n);
        break;
    default:
        n->ops = NULL;
        n->target_offset = below(m, 3) ? 0 : below(m, SPAN);
        error = membus_region_new_alias(&n->region, "alias", m->node[target].region,
                                        n->target_offset, size);
        n->target = target;
    }
    return expect(m, "create", error, 0);
}

static bool add(struct model *m)
{
    int c = pick(m), i = pick(m);
    struct node *n = &m->node[i];
    uint64_t offset = below(m, SPAN);
    int priority = (int)below(m, 4) - 1, expected = 0, real;
    bool cycle = reaches(m, i, c);

    if (below(m, 64) == 0)
        offset = UINT64_MAX - below(m, 8);
    if (n->container >= 0 || i == 0)
        expected = i == 0 && !cycle ? 0 : -EEXIST;
    else if (m->node[c].kind == MEMBUS_REGION_ALIAS)
        expected = -EINVAL;
    else if (offset > UINT64_MAX - n->last)
        expected = -EOVERFLOW;
    else if (cycle && m->mutant != MODEL_NO_CYCLE_CHECK)
        expected = -ELOOP;
    if (i == 0)
        return false; /* the root stays where it is */
    real = membus_region_add(m->node[c].region, offset, n->region, priority);
    if (expect(m, "add", real, expected))
        return true;
    if (real == 0) {
        n->container = c;
        n->offset = offset;
        n->priority = priority;
        n->order = ++m->additions;
    }
    return false;
}

static bool take(struct model *m)
{
    int i = pick(m);
    struct node *n = &m->node[i];

    if (i == 0)
        return false;
    if (expect(m, "remove", membus_region_remove(n->region), n->container >= 0 ? 0 : -EINVAL))
        return true;
    n->container = -1;
    return false;
}

static bool drop(struct model *m)
{
    int i = pick(m), expected = 0;
    struct node *n = &m->node[i];

    if (i == 0)
        return false;
    for (int k = 0; k < REGIONS; k++) {
        if (m->node[k].region && m->node[k].target == i)
            expected = -EBUSY;
    }
    if (expect(m, "delete", membus_region_delete(n->region), expected))
        return true;
    for (int k = 0; k < REGIONS && !expected; k++) {
        if (m->node[k].container == i)
            m->node[k].container = -1;
    }
    if (!expected) {
        n->region = NULL;
        n->ghost = true;
    }
    return false;
}

static bool resize(struct model *m)
{
    int i = pick(m), expected = 0;
    struct node *n = &m->node[i];
    uint64_t size = random_size(m);

    if (i == 0)
        return false;
    if (n->kind == MEMBUS_REGION_RAM || n->kind == MEMBUS_REGION_ROM_DEVICE)
        expected = -EOPNOTSUPP;
    else if (n->container >= 0 && size - 1 > UINT64_MAX - n->offset)
        expected = -EOVERFLOW;
    if (expect(m, "resize", membus_region_set_size(n->region, size), expected))
        return true;
    if (!expected)
        n->last = size - 1;
    return false;
}

static bool realias(struct model *m)
{
    int i = pick(m), target = pick(m), expected = 0;
    struct node *n = &m->node[i];
    uint64_t offset = below(m, SPAN);

    if (n->kind != MEMBUS_REGION_ALIAS)
        expected = -EINVAL;
    else if (reaches(m, target, i))
        expected = -ELOOP;
    if (expect(m, "alias", membus_region_set_alias(n->region, m->node[target].region, offset),
               expected))
        return true;
    if (!expected) {
        n->target = target;
        n->target_offset = offset;
    }
    return false;
}

static bool tweak(struct model *m)
{
    int i = pick(m);
    struct node *n = &m->node[i];
    bool value = below(m, 3) != 0;
    int priority = (int)below(m, 4) - 1;
    uint64_t offset = below(m, SPAN);

    switch (below(m, 5)) {
    case 0:
        n->enabled = value;
        return expect(m, "enable", membus_region_set_enabled(n->region, value), 0);
    case 1:
        n->readonly = !value;
        return expect(m, "readonly", membus_region_set_readonly(n->region, !value), 0);
    case 2:
        if (n->kind != MEMBUS_REGION_ROM_DEVICE)
            return expect(m, "direct", membus_region_set_direct(n->region, value), -EINVAL);
        n->direct = value;
        return expect(m, "direct", membus_region_set_direct(n->region, value), 0);
    case 3:
        if (i == 0)
            return false;
        if (n->priority != priority)
            n->order = ++m->additions;
        n->priority = priority;
        return expect(m, "priority", membus_region_set_priority(n->region, priority), 0);
    default:
        if (i == 0)
            return false;
        n->offset = offset;
        return expect(m, "move", membus_region_set_offset(n->region, offset), 0);
    }
}

static bool change(struct model *m)
{
    switch (below(m, 12)) {
    case 0:
    case 1:
        return create(m);
    case 2:
    case 3:
    case 4:
        return add(m);
    case 5:
        return take(m);
    case 6:
        return below(m, 3) ? false : drop(m);
    case 7:
        return resize(m);
    case 8:
        return realias(m);
    default:
        return tweak(m);
    }
}

/* Some changes at once; accesses in between see the map as it was. */
static bool transaction(struct model *m)
{
    unsigned changes = 1 + (unsigned)below(m, 5);
    bool differs = false, nested = below(m, 2);

    membus_transaction_begin();
    for (unsigned i = 0; i < changes && !differs; i++) {
        if (nested)
            membus_transaction_begin();
        differs = change(m);
        if (nested)
            membus_transaction_commit();
        if (m->mutant == MODEL_NO_TRANSACTIONS)
            model_make_map(m);
        differs = differs || random_access(m) || compare_calls(m);
    }
    membus_transaction_commit();
    return differs;
}

static bool one_step(struct model *m)
{
    if (below(m, 4) == 0 ? transaction(m) : change(m))
        return true;
    model_make_map(m);
    for (int i = 0; i < REGIONS; i++)
        m->node[i].ghost = false;
    if (compare_view(m))
        return true;
    for (int i = 0; i < 3; i++) {
        if (random_access(m) || compare_calls(m))
            return true;
    }
    return compare_memory(m);
}

/* A run. */

static void set_up(struct model *m, unsigned long seed)
{
    struct node *root = &m->node[0];

    m->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
    m->base = seed % 3 == 0 ? -(uint64_t)SPAN : 0;
    *root = (struct node){.model = m,
                          .container = -1,
                          .target = -1,
                          .enabled = true,
                          .direct = true,
                          .last = SPAN - 1,
                          .kind = MEMBUS_REGION_CONTAINER};
    membus_region_new_container(&root->region, "root", SPAN);
    membus_region_new_container(&m->top, "top", MEMBUS_SIZE_ALL);
    membus_region_new_ram(&m->behind_ram, "behind", sizeof(m->behind_memory));
    membus_space_new(&m->behind, "behind", m->behind_ram);
    if (m->base)
        membus_region_add(m->top, m->base, root->region, 0);
    membus_space_new(&m->space, "model", m->base ? m->top : root->region);
    model_make_map(m);
}

static void tear_down(struct model *m)
{
    bool again = true;

    membus_space_delete(m->space);
    membus_space_delete(m->behind);
    while (again) { /* aliases before their targets */
        again = false;
        for (int i = 0; i < REGIONS; i++) {
            if (m->node[i].region && membus_region_delete(m->node[i].region) == 0) {
                m->node[i].region = NULL;
                again = true;
            }
        }
    }
    membus_region_delete(m->top);
    membus_region_delete(m->behind_ram);
}

const char *model_run(unsigned long seed, enum model_mutant mutant)
{
    static struct model m;
    bool differs = false;

    memset(&m, 0, sizeof(m));
    m.mutant = mutant;
    set_up(&m, seed);
    for (int i = 0; i < STEPS && !differs; i++)
        differs = one_step(&m);
    tear_down(&m);
    if (seed % 64 == 0)
        membus_synchronize(); /* what was deleted does not pile up */
    return differs ? m.why : NULL;
}

const char *model_run_input(const unsigned char *input, size_t n)
{
    static struct model m;
    static unsigned runs;
    bool differs = false;

    memset(&m, 0, sizeof(m));
    set_up(&m, n ? input[0] : 0);
    m.input = n ? input + 1 : (const unsigned char *)"";
    m.input_left = n ? n - 1 : 0;
    while (m.input_left && !differs)
        differs = one_step(&m);
    tear_down(&m);
    if (++runs % 64 == 0)
        membus_synchronize();
    return differs ? m.why : NULL;
}

const char *model_mutant_name(enum model_mutant mutant)
{
    static const char *const names[MODEL_MUTANTS] = {"right",
                                                     "first added wins",
                                                     "low priority wins",
                                                     "holes are solid",
                                                     "alias not clipped",
                                                     "no transactions",
                                                     "no cycle check",
                                                     "readonly ignored",
                                                     "piece straddles",
                                                     "piece stops at range",
                                                     "big-endian forgotten",
                                                     "narrow write stays narrow",
                                                     "stops at error",
                                                     "memory-only ignored"};

    return names[mutant];
}
