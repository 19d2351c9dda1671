/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TEST_AUDIT_TRACE_H
#define MEMBUS_TEST_AUDIT_TRACE_H

/*
 * Traces written by hand. One word an access:
 *
 *   S8+7         a store of 8 bytes at dst + 7; L4-1 is a load of 4 bytes at src - 1
 *   S8+0n        flags: v vector, s string, n non-temporal, z zeroing, r release
 *   S15+0m7fff   masked, with the mask in hexadecimal (m alone: all of it)
 *   S51+0m@-5/64 the instruction's operand: 64 bytes at dst - 5
 *   F            a fence that orders stores
 */

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <membus/audit.h>

static inline const char *audit_trace_flags(const char *text, struct membus_audit_access *a)
{
    static const char flags[] = "vsnzr";
    static const uint16_t kinds[] = {MEMBUS_AUDIT_VECTOR, MEMBUS_AUDIT_STRING,
                                     MEMBUS_AUDIT_NONTEMPORAL, MEMBUS_AUDIT_ZEROING,
                                     MEMBUS_AUDIT_RELEASE};
    const char *flag;
    char *end;

    for (; *text && (flag = strchr(flags, *text)); text++)
        a->kind |= kinds[flag - flags];
    if (*text == 'm') {
        a->kind |= MEMBUS_AUDIT_MASKED | MEMBUS_AUDIT_VECTOR;
        a->mask = isxdigit((unsigned char)text[1]) ? strtoull(text + 1, &end, 16)
                  : a->width < 64                  ? (UINT64_C(1) << a->width) - 1
                                                   : ~UINT64_C(0);
        text = isxdigit((unsigned char)text[1]) ? end : text + 1;
    }
    if (*text == '@') {
        a->operand_offset = strtol(text + 1, &end, 10);
        assert(*end == '/');
        a->operand_width = (uint32_t)strtoul(end + 1, &end, 10);
        text = end;
    }
    return text;
}

/* Reads `text` into at most `max` accesses; returns how many. A slip in the text is a failed
 * assertion. */
static inline size_t audit_trace_read(const char *text, struct membus_audit_access *out, size_t max)
{
    size_t count = 0;
    char *end;

    for (; *text; text++) {
        struct membus_audit_access a = {.kind = MEMBUS_AUDIT_FENCE};

        if (*text == ' ')
            continue;
        assert(count < max);
        if (*text == 'F') {
            text++;
        } else {
            assert(*text == 'S' || *text == 'L');
            a.kind = *text == 'S' ? MEMBUS_AUDIT_STORE : MEMBUS_AUDIT_LOAD;
            a.width = strtoul(text + 1, &end, 10);
            a.offset = strtol(end, &end, 10);
            a.operand_offset = a.offset;
            a.operand_width = (uint32_t)a.width;
            text = audit_trace_flags(end, &a);
        }
        assert(*text == ' ' || !*text);
        out[count++] = a;
        if (!*text)
            break;
    }
    return count;
}

#endif
