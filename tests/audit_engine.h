/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TEST_AUDIT_ENGINE_H
#define MEMBUS_TEST_AUDIT_ENGINE_H

/* What the tests of the recording engines share. */

#include <errno.h>
#include <stdlib.h>

#include <membus/audit.h>

#include "harness.h"

static const struct membus_audit_engine_ops *const engines[] = {&membus_audit_slots,
                                                                &membus_audit_ptrace};
#define ENGINES (sizeof(engines) / sizeof(engines[0]))

/* The path that the build passes in `variable`. */
static inline const char *object_of(const char *variable)
{
    const char *path = getenv(variable);

    if (!path)
        fail_msg("%s is not set: run this by meson test", variable);
    return path;
}

static inline struct membus_audit_target routine(const char *symbol, bool check)
{
    struct membus_audit_target t = {
        .object = object_of("MEMBUS_TEST_ROUTINES"), .symbol = symbol, .check = check};

    return t;
}

/* Opens, or fails the test; where ptrace is not permitted, returns NULL. */
static inline struct membus_audit_engine *open_engine(const struct membus_audit_engine_ops *ops,
                                                      const struct membus_audit_target *target)
{
    struct membus_audit_engine *engine = NULL;
    char error[256] = "";
    int e = ops->open(&engine, target, error, sizeof(error));

    if (e == -EPERM && ops == &membus_audit_ptrace) {
        static bool said;

        if (!said)
            SKIP_PART("", "the ptrace engine", error);
        said = true;
        return NULL;
    }
    if (e)
        fail_msg("%s: open %s: %d %s", ops->name, target->symbol, e, error);
    assert_non_null(engine);
    return engine;
}

#endif
