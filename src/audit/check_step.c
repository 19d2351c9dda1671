/* SPDX-License-Identifier: MIT */
#include "audit/check.h"

/* Compiled for general registers only: see record_x86.h. */

typedef uint64_t may_alias_u64 __attribute__((may_alias));

/* Where an access's byte i is, or NULL when it is masked off or outside the regions. */
static struct audit_check_region *locate(struct audit_check *k, const struct audit_recorder *r,
                                         const struct membus_audit_access *a, uint64_t i,
                                         uint64_t *index)
{
    uint64_t origin = a->kind & MEMBUS_AUDIT_STORE ? r->dst : r->src;
    uint64_t at = origin + (uint64_t)a->offset + i;

    if (a->mask && !(i < 64 && a->mask >> i & 1))
        return 0;
    for (unsigned n = 0; n < k->regions; n++) {
        *index = at - (uint64_t)(uintptr_t)k->region[n].memory;
        if (*index < k->region[n].size)
            return &k->region[n];
    }
    return 0;
}

/* An access wider than all the regions together is bounded by what can lie in them. */
static uint64_t bytes_of(const struct membus_audit_access *a)
{
    return a->width < 4 * AUDIT_CHECK_SIZE ? a->width : 4 * AUDIT_CHECK_SIZE;
}

static void show(struct audit_check *k, const struct audit_recorder *r,
                 const struct membus_audit_access *a, bool real)
{
    for (uint64_t i = 0; i < bytes_of(a); i++) {
        uint64_t at;
        struct audit_check_region *g = locate(k, r, a, i, &at);

        if (g)
            g->memory[at] = g->expected[at] = real ? g->real[at] : g->poison[at];
    }
}

void audit_check_before(struct audit_check *k, const struct audit_recorder *r, uint64_t first)
{
    for (uint64_t i = first; i < r->count; i++)
        if (r->access[i].kind & MEMBUS_AUDIT_LOAD)
            show(k, r, &r->access[i], true);
}

/* Takes a recorded store's bytes from memory to `real`; false if one has not changed. */
static bool take(struct audit_check *k, const struct audit_recorder *r,
                 const struct membus_audit_access *a)
{
    bool right = true;

    for (uint64_t i = 0; i < bytes_of(a); i++) {
        uint64_t at;
        struct audit_check_region *g = locate(k, r, a, i, &at);

        if (!g)
            continue;
        /* Where the byte is loaded too, expected is real, and the store may repeat it. */
        if (g->memory[at] == g->expected[at] && g->expected[at] == g->poison[at])
            right = false;
        g->real[at] = g->memory[at];
        g->memory[at] = g->expected[at];
    }
    return right;
}

static bool untouched(const struct audit_check_region *g)
{
    uint64_t i = 0;

    for (; i < g->size && ((uintptr_t)(g->memory + i) & 7); i++)
        if (g->memory[i] != g->expected[i])
            return false;
    for (; g->size - i >= 8; i += 8)
        if (*(const may_alias_u64 *)(g->memory + i) != *(const may_alias_u64 *)(g->expected + i))
            return false;
    for (; i < g->size; i++)
        if (g->memory[i] != g->expected[i])
            return false;
    return true;
}

bool audit_check_after(struct audit_check *k, const struct audit_recorder *r, uint64_t first)
{
    bool right = true;

    for (uint64_t i = first; i < r->count; i++)
        if (r->access[i].kind & MEMBUS_AUDIT_STORE)
            right = take(k, r, &r->access[i]) && right;
    for (unsigned n = 0; n < k->regions; n++)
        right = right && untouched(&k->region[n]);
    for (uint64_t i = first; i < r->count; i++)
        if (r->access[i].kind & MEMBUS_AUDIT_LOAD)
            show(k, r, &r->access[i], false);
    return right;
}
