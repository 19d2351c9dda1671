/* SPDX-License-Identifier: MIT */
#include "audit/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Neither is the 0xff that makes the destination's own filling out of what belongs there. */
static const unsigned char poisons[AUDIT_POISONS] = {0xa5, 0x5a};

#define ARRAYS 4 /* real, expected, poison, plain */

int audit_check_open(struct audit_check *k)
{
    memset(k, 0, sizeof(*k));
    if (posix_memalign(&k->buffer, 64, 2 * ARRAYS * (size_t)AUDIT_CHECK_SIZE))
        return -ENOMEM;
    return 0;
}

void audit_check_close(struct audit_check *k)
{
    free(k->buffer);
    k->buffer = NULL;
}

bool audit_check_fits(const struct audit_arena *a)
{
    for (unsigned r = 0; r < a->regions; r++)
        if (a->region[r].size + 8 > AUDIT_CHECK_SIZE)
            return false;
    return a->n <= MEMBUS_AUDIT_CHECK_MAX;
}

/* Lays the arrays of region `r` out so that words of them and of the memory are aligned alike. */
static void lay_out(struct audit_check *k, const struct audit_arena *a, unsigned r)
{
    struct audit_check_region *g = &k->region[r];
    unsigned char *p = (unsigned char *)k->buffer + (size_t)r * ARRAYS * AUDIT_CHECK_SIZE +
                       (uintptr_t)a->region[r].start % 8;

    g->memory = a->region[r].start;
    g->size = a->region[r].size;
    g->real = p;
    g->expected = p + AUDIT_CHECK_SIZE;
    g->poison = p + 2 * AUDIT_CHECK_SIZE;
    g->plain = p + 3 * AUDIT_CHECK_SIZE;
}

void audit_check_note_plain(struct audit_check *k, const struct audit_arena *a)
{
    k->regions = a->regions;
    for (unsigned r = 0; r < a->regions; r++) {
        lay_out(k, a, r);
        memcpy(k->region[r].plain, k->region[r].memory, k->region[r].size);
    }
}

void audit_check_begin(struct audit_check *k, const struct audit_arena *a, unsigned poison)
{
    for (unsigned r = 0; r < k->regions; r++) {
        struct audit_check_region *g = &k->region[r];

        audit_arena_before(a, r, g->real);
        audit_arena_after(a, r, g->poison);
        for (size_t i = 0; i < g->size; i++)
            g->poison[i] ^= poisons[poison];
        memcpy(g->expected, g->poison, g->size);
        memcpy(g->memory, g->poison, g->size);
    }
    k->active = true;
}

bool audit_check_end(struct audit_check *k)
{
    bool same = true;

    k->active = false;
    for (unsigned r = 0; r < k->regions; r++) {
        same = same && !memcmp(k->region[r].real, k->region[r].plain, k->region[r].size);
        memcpy(k->region[r].memory, k->region[r].real, k->region[r].size);
    }
    return same;
}
