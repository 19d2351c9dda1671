/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TESTS_SPACE_MACHINE_H
#define MEMBUS_TESTS_SPACE_MACHINE_H

/* A space with an empty root for each test, and devices that write down what is done to them. */

#include "harness.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <membus/dma.h>
#include <membus/space.h>

#if defined(__SANITIZE_THREAD__)
/* liburcu is not built for the thread sanitizer, which so sees its queues as races; and guest
 * memory is a race by design: the generic accessors are C, and seen. What membus does with memory
 * of its own is watched. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:liburcu-bp.so\nrace:^membus_arch_\n";
}
#endif

static const struct membus_attrs no_attrs;

static struct {
    struct membus_region *root;
    struct membus_space *space;
    char trace[8192];
    size_t traced;
} m;

__attribute__((format(printf, 1, 2))) static inline void trace(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    m.traced += (size_t)vsnprintf(m.trace + m.traced, sizeof(m.trace) - m.traced, format, args);
    va_end(args);
}

#define assert_trace(expected)                  \
    do {                                        \
        assert_string_equal(m.trace, expected); \
        m.traced = 0;                           \
        m.trace[0] = 0;                         \
    } while (0)

#define assert_outcome(call, expected_status, expected_addr, expected_bytes) \
    do {                                                                     \
        struct membus_outcome outcome_ = (call);                             \
        assert_string_equal(membus_status_name(outcome_.status),             \
                            membus_status_name(expected_status));            \
        assert_int_equal(outcome_.addr, expected_addr);                      \
        assert_int_equal(outcome_.bytes, expected_bytes);                    \
    } while (0)

/* A device's read gives ascending bytes by offset: 0x10 + offset, and so on. */
static inline enum membus_status traced_read(void *data, uint64_t *value, uint64_t offset,
                                             unsigned size, struct membus_attrs attrs)
{
    (void)attrs;
    *value = 0;
    for (unsigned i = 0; i < size; i++)
        *value |= ((0x10 + offset + i) & 0xff) << 8 * i;
    trace("%sr%u@%" PRIx64 " ", (const char *)data, size, offset);
    return offset == 0xee ? MEMBUS_STATUS_DEVICE : MEMBUS_STATUS_OK;
}

static inline enum membus_status traced_write(void *data, uint64_t offset, uint64_t value,
                                              unsigned size, struct membus_attrs attrs)
{
    (void)attrs;
    trace("%sw%u@%" PRIx64 "=%" PRIx64 " ", (const char *)data, size, offset, value);
    return offset == 0xee ? MEMBUS_STATUS_DEVICE : MEMBUS_STATUS_OK;
}

static inline struct membus_region *new_io(const char *name, uint64_t size,
                                           const struct membus_region_ops *ops)
{
    struct membus_region *r;

    assert_int_equal(membus_region_new_io(&r, name, size, ops, (void *)(uintptr_t)name), 0);
    return r;
}

static inline struct membus_region *new_ram(const char *name, uint64_t size)
{
    struct membus_region *r;

    assert_int_equal(membus_region_new_ram(&r, name, size), 0);
    return r;
}

static inline void put(struct membus_region *r, uint64_t offset, int priority)
{
    assert_int_equal(membus_region_add(m.root, offset, r, priority), 0);
}

static inline uint8_t *memory_of(struct membus_region *r)
{
    return membus_region_mapping(r).addr;
}

static inline int set_up(void **state)
{
    (void)state;
    memset(&m, 0, sizeof(m));
    assert_int_equal(membus_region_new_container(&m.root, "root", MEMBUS_SIZE_ALL), 0);
    assert_int_equal(membus_space_new(&m.space, "space", m.root), 0);
    return 0;
}

/* What the test put into the root goes with it. */
static inline int keep_first(void *data, struct membus_region *sub)
{
    *(struct membus_region **)data = sub;
    return 1;
}

static inline int tear_down(void **state)
{
    struct membus_region *sub;

    (void)state;
    assert_int_equal(membus_space_delete(m.space), 0);
    while (membus_region_children(m.root, keep_first, &sub))
        assert_int_equal(membus_region_delete(sub), 0);
    assert_int_equal(membus_region_delete(m.root), 0);
    assert_int_equal(membus_synchronize(), 0);
    return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
