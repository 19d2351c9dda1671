/* SPDX-License-Identifier: MIT */

/*
 * A library that calls the copies as early as a library can: in an IFUNC resolver, which the
 * dynamic loader calls while it relocates this library (before the preloaded one, which comes
 * earlier in the list and is relocated later), and in a constructor.
 */

#define _GNU_SOURCE
#include <string.h>

int early_resolver_result(void);
int early_constructor_result(void);

static int resolver_ok = -1, constructor_ok = -1;

/* volatile: the calls must stay calls. */
static void *(*volatile copy)(void *, const void *, size_t);

static int all_right(void *(*memcpy_now)(void *, const void *, size_t),
                     void *(*memmove_now)(void *, const void *, size_t),
                     void *(*memset_now)(void *, int, size_t))
{
    char to[96], from[96];

    for (int i = 0; i < 96; i++)
        from[i] = (char)(i * 7);
    memset_now(to, 0x55, sizeof(to));
    if (memcpy_now(to + 3, from + 1, 61) != to + 3)
        return 0;
    for (int i = 0; i < 96; i++) {
        if (to[i] != (i >= 3 && i < 64 ? from[i - 2] : 0x55))
            return 0;
    }
    memmove_now(from + 5, from, 80);
    for (int i = 5; i < 85; i++) {
        if (from[i] != (char)((i - 5) * 7))
            return 0;
    }
    memmove_now(from, from + 5, 80);
    for (int i = 0; i < 80; i++) {
        if (from[i] != (char)(i * 7))
            return 0;
    }
    return 1;
}

static int result(void)
{
    return resolver_ok;
}

static __attribute__((used)) int (*resolve(void))(void)
{
    resolver_ok = all_right(memcpy, memmove, memset);
    return result;
}

int early_resolver_result(void) __attribute__((ifunc("resolve")));

static __attribute__((constructor)) void construct(void)
{
    copy = memcpy;
    constructor_ok = all_right(copy, memmove, memset);
}

int early_constructor_result(void)
{
    return constructor_ok;
}
