/* SPDX-License-Identifier: MIT */

/* One recorded call, an access a line: what one would otherwise step through in a debugger. */

#include <string.h>

#include "audit_tool.h"
#include "audit/judge.h"

static const char *const ends[] = {"returned",           "crashed",      "did not return",
                                   "made a system call", "not recorded", "not recorded exactly"};

static void kind_text(const struct membus_audit_access *a, char *text, size_t size)
{
    static const struct {
        uint16_t bit;
        const char *word;
    } words[] = {
        {MEMBUS_AUDIT_VECTOR, "vector"},   {MEMBUS_AUDIT_MASKED, "masked"},
        {MEMBUS_AUDIT_STRING, "string"},   {MEMBUS_AUDIT_NONTEMPORAL, "non-temporal"},
        {MEMBUS_AUDIT_ZEROING, "zeroing"}, {MEMBUS_AUDIT_RELEASE, "release"},
    };

    *text = '\0';
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (a->kind & words[i].bit)
            snprintf(text + strlen(text), size - strlen(text), "%s%s", *text ? " " : "",
                     words[i].word);
    }
}

/* Where the instruction is: an offset in the routine's module, or in another. */
static void print_ip(uint64_t ip, FILE *out)
{
    fprintf(out, "  ip %s0x%llx", ip & MEMBUS_AUDIT_IP_OTHER ? "elsewhere " : "",
            (unsigned long long)(ip & ~MEMBUS_AUDIT_IP_OTHER));
}

static void print_access(const struct membus_audit_access *a, size_t number, FILE *out)
{
    bool store = a->kind & MEMBUS_AUDIT_STORE;
    char kind[80], range[64];

    if (a->kind & MEMBUS_AUDIT_FENCE) {
        fprintf(out, "%5zu  fence%51s", number, "");
        print_ip(a->ip, out);
        fputc('\n', out);
        return;
    }
    kind_text(a, kind, sizeof(kind));
    snprintf(range, sizeof(range), "%s%+td..%+td", store ? "dst" : "src", a->offset,
             a->offset + (ptrdiff_t)a->width - 1);
    fprintf(out, "%5zu  %-5s %7zu bytes  %-20s  %-12s", number, store ? "store" : "load",
            membus_audit_covered(a), range, kind);
    print_ip(a->ip, out);
    if (a->operand_width && (a->operand_width != a->width || a->operand_offset != a->offset))
        fprintf(out, "  operand %u bytes at %+td", a->operand_width, a->operand_offset);
    fputc('\n', out);
}

void audit_trace_print(const struct audit *audit, const struct audit_routine *routine,
                       const struct membus_audit_trace *trace,
                       const struct membus_audit_verdict *verdict, FILE *out)
{
    char text[96];

    membus_audit_case_text(&trace->c, text, sizeof(text));
    fprintf(out, "%s, %s: %s after %llu instructions\n", routine->name, text, ends[trace->end],
            (unsigned long long)trace->instructions);
    for (size_t i = 0; i < trace->count; i++)
        print_access(&trace->access[i], i + 1, out);
    if (trace->text)
        fprintf(out, "       %s\n", trace->text);
    for (int rule = 0; rule < MEMBUS_RULES; rule++) {
        const char *why = strstr(verdict->why[rule], ": ");

        if (audit->rules >> rule & 1 && verdict->broken >> rule & 1)
            fprintf(out, "  breaks %s %s: %s\n", membus_audit_rule_id((enum membus_audit_rule)rule),
                    membus_audit_rule_title((enum membus_audit_rule)rule),
                    why ? why + 2 : verdict->why[rule]);
    }
    if (verdict->applies && !(verdict->broken & audit->rules))
        fputs("  keeps every rule\n", out);
    fputc('\n', out);
}
