/* SPDX-License-Identifier: MIT */
#include "audit/record_x86.h"

/* The legacy region of XSAVE (SDM volume 1, section 13.4.1): x87/MMX and xmm registers. */
#define LEGACY_ST  32
#define LEGACY_XMM 160
#define XSTATE_BV  512

#define FLAG_DF 0x400u

int membus_audit_mutant;

uint64_t audit_effective_address(const struct audit_mem *m, const struct audit_regs *regs)
{
    uint64_t a = (uint64_t)m->disp;

    if (m->base >= 0)
        a += regs->gpr[m->base];
    if (m->index >= 0)
        a += regs->gpr[m->index] << m->shift;
    if (m->address32)
        a = (uint32_t)a;
    if (m->segment == 4)
        a += regs->fs_base;
    else if (m->segment == 5)
        a += regs->gs_base;
    return a;
}

static uint64_t low_bits(unsigned n)
{
    return n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
}

static bool in_use(const struct audit_regs *regs, unsigned component)
{
    return regs->xstate[XSTATE_BV] >> component & 1;
}

static uint64_t opmask(const struct audit_recorder *r, const struct audit_regs *regs, unsigned k)
{
    const unsigned char *p = regs->xstate + r->layout.opmask + 8 * k;
    uint64_t v = 0;

    if (!r->layout.opmask || !in_use(regs, 5)) /* in its initial state: zero */
        return 0;
    for (unsigned i = 8; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

/* Byte i of vector register v, or of an MMX register. */
static unsigned char vector_byte(const struct audit_recorder *r, const struct audit_regs *regs,
                                 unsigned v, unsigned i)
{
    if (i < 16)
        return in_use(regs, 1) ? regs->xstate[LEGACY_XMM + 16 * v + i] : 0;
    return in_use(regs, 2) ? regs->xstate[r->layout.ymm_high + 16 * v + i - 16] : 0;
}

static uint64_t elements_to_bytes(uint64_t elements, unsigned size, unsigned width)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i * size < width; i++)
        if (elements >> i & 1)
            bytes |= low_bits(size) << (i * size);
    return bytes;
}

static uint64_t sign_mask(const struct audit_recorder *r, const struct audit_mem *m,
                          const struct audit_regs *regs)
{
    uint64_t elements = 0;

    for (unsigned i = 0; i * m->element < m->width; i++) {
        unsigned last = i * m->element + m->element - 1;
        unsigned char top = m->cover == AUDIT_COVER_SIGNS
                                ? vector_byte(r, regs, m->mask_reg, last)
                                : regs->xstate[LEGACY_ST + 16 * m->mask_reg + last];

        elements |= (uint64_t)(top >> 7) << i;
    }
    return elements_to_bytes(elements, m->element, m->width);
}

/* Which of an operand's (up to 64) bytes are accessed. */
static uint64_t byte_mask(const struct audit_recorder *r, const struct audit_mem *m,
                          const struct audit_regs *regs)
{
    uint64_t k;

    if (m->cover == AUDIT_COVER_SIGNS || m->cover == AUDIT_COVER_SIGNS_MMX)
        return sign_mask(r, m, regs);
    k = opmask(r, regs, m->mask_reg) & low_bits(m->width / m->element);
    if (m->cover == AUDIT_COVER_PACKED) {
        unsigned bits = 0;

        for (; k; k &= k - 1)
            bits++;
        return low_bits(bits * m->element);
    }
    return elements_to_bytes(k, m->element, m->width);
}

static bool touches(const struct audit_recorder *r, uint64_t at, uint64_t width)
{
    return at < r->high && width > 0 && (at >= r->low || width > r->low - at);
}

/* A slot for one more access in the trace; NULL when it is full. */
static struct membus_audit_access *append(struct audit_recorder *r, const struct audit_insn *insn,
                                          unsigned kind)
{
    struct membus_audit_access *a = r->access + r->count;

    if (r->count >= r->capacity)
        return 0;
    r->count++;
    a->offset = 0;
    a->width = 0;
    a->mask = 0;
    a->operand_offset = 0;
    a->operand_width = 0;
    a->kind = (uint16_t)kind;
    a->ip = insn->ip;
    return a;
}

/* Makes `a`, the newest access, wrong as the mutant says. */
static void mutate(struct audit_recorder *r, const struct audit_insn *insn,
                   struct membus_audit_access *a)
{
    bool store = a->kind & MEMBUS_AUDIT_STORE;
    uint64_t nth = store ? r->stores++ : r->loads++;
    int mutant = membus_audit_mutant;

    if (mutant == (store ? AUDIT_MUTANT_STORE_SHORT : AUDIT_MUTANT_LOAD_SHORT))
        a->width--;
    if (mutant == AUDIT_MUTANT_STORE_WIDE && store)
        a->width++;
    if (mutant == (store ? AUDIT_MUTANT_STORE_OFF : AUDIT_MUTANT_LOAD_OFF))
        a->offset++;
    if (mutant == AUDIT_MUTANT_MASK_INVERTED && a->mask) {
        a->mask = ~(a->mask << (a->offset - a->operand_offset)) & low_bits(a->operand_width);
        a->offset = a->operand_offset;
        a->width = a->operand_width;
    }
    if (mutant == (store ? AUDIT_MUTANT_DROP_STORE : AUDIT_MUTANT_DROP_LOAD) && nth == 1)
        r->count--;
    if (mutant == AUDIT_MUTANT_EXTRA_STORE && store && nth == 0 && r->count < r->capacity) {
        struct membus_audit_access *extra = append(r, insn, a->kind);

        extra->offset = a->offset + (ptrdiff_t)a->width;
        extra->width = 1;
    }
}

/* The masked-off lanes at either end do not count into offset and width. */
static void trim(struct membus_audit_access *a, uint64_t mask)
{
    while (!(mask & 1)) {
        mask >>= 1;
        a->offset++;
        a->width--;
    }
    while (!(mask >> (a->width - 1) & 1))
        a->width--;
    a->mask = mask;
}

static int emit(struct audit_recorder *r, const struct audit_insn *insn, unsigned kind, uint64_t at,
                uint64_t width, uint64_t mask)
{
    bool store = kind & MEMBUS_AUDIT_STORE;
    struct membus_audit_access *a;

    if (store && r->fenced) {
        kind |= MEMBUS_AUDIT_RELEASE;
        r->fenced = false;
    }
    a = append(r, insn, kind);
    if (!a)
        return -1;
    a->offset = a->operand_offset = (ptrdiff_t)(at - (store ? r->dst : r->src));
    a->width = width;
    a->operand_width = (uint32_t)width;
    if (kind & MEMBUS_AUDIT_MASKED)
        trim(a, mask);
    if (membus_audit_mutant)
        mutate(r, insn, a);
    return 0;
}

/* One operand, in one direction. */
static int record_mem(struct audit_recorder *r, const struct audit_insn *insn,
                      const struct audit_mem *m, const struct audit_regs *regs, unsigned direction)
{
    uint64_t at, width = m->width, mask = 0;

    if (!(m->kind & direction))
        return 0;
    at = audit_effective_address(m, regs);
    if (m->cover == AUDIT_COVER_LINE)
        at &= ~UINT64_C(63);
    if (m->cover == AUDIT_COVER_REPEATED) {
        uint64_t times = regs->gpr[AUDIT_RCX];

        if (m->address32)
            times = (uint32_t)times;
        if (!times)
            return 0;
        if (times > UINT64_MAX / 2 / width)
            times = UINT64_MAX / 2 / width;
        width = times * m->element;
        if (regs->rflags & FLAG_DF)
            at -= width - m->element;
    }
    if (!touches(r, at, width))
        return 0;
    if (insn->inexact)
        return MEMBUS_AUDIT_UNSUPPORTED;
    if (m->kind & MEMBUS_AUDIT_MASKED) {
        mask = byte_mask(r, m, regs);
        if (!mask)
            return 0;
    }
    return emit(r, insn, (m->kind & ~(MEMBUS_AUDIT_LOAD | MEMBUS_AUDIT_STORE)) | direction, at,
                width, mask);
}

int audit_record(struct audit_recorder *r, const struct audit_insn *insn,
                 const struct audit_regs *regs)
{
    switch (insn->op) {
    case AUDIT_OP_SYSCALL:
        return MEMBUS_AUDIT_SYSCALL;
    case AUDIT_OP_TRAP:
        return MEMBUS_AUDIT_CRASHED;
    case AUDIT_OP_UNSUPPORTED:
        return MEMBUS_AUDIT_UNSUPPORTED;
    default:
        break;
    }
    if (insn->stack && touches(r, regs->gpr[AUDIT_RSP] - 8, 16))
        return MEMBUS_AUDIT_UNSUPPORTED;
    if (insn->fence) {
        if (!append(r, insn, MEMBUS_AUDIT_FENCE))
            return -1;
        r->fenced = true;
    }
    for (unsigned direction = MEMBUS_AUDIT_LOAD; direction <= MEMBUS_AUDIT_STORE; direction <<= 1) {
        for (unsigned i = 0; i < insn->mems; i++) {
            int end = record_mem(r, insn, &insn->mem[i], regs, direction);

            if (end)
                return end;
        }
    }
    return 0;
}
