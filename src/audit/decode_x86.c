/* SPDX-License-Identifier: MIT */
#include "audit/decode_x86.h"

#include <errno.h>
#include <string.h>

#include <Zydis/Zydis.h>

#include <membus/audit.h>

/* Components of the extended state: Intel SDM volume 1, section 13.1. */
#define XSTATE_X87    0x01
#define XSTATE_SSE    0x02
#define XSTATE_AVX    0x04
#define XSTATE_OPMASK 0x20

struct source {
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
};

/*
 * Moves that AVX-512 masks by element: exactly the elements whose mask bit is set are accessed, and
 * the others cannot fault (SDM volume 2, section 2.7.5). For other masked instructions that is not
 * said of every operand form, so they are unsupported on source and destination.
 */
static const struct {
    ZydisMnemonic mnemonic;
    uint8_t element;
    uint8_t cover;
} masked[] = {
    {ZYDIS_MNEMONIC_VMOVDQU8, 1, AUDIT_COVER_OPMASK},
    {ZYDIS_MNEMONIC_VMOVDQU16, 2, AUDIT_COVER_OPMASK},
    {ZYDIS_MNEMONIC_VMOVDQU32, 4, AUDIT_COVER_OPMASK},
    {ZYDIS_MNEMONIC_VMOVDQU64, 8, AUDIT_COVER_OPMASK},
    {ZYDIS_MNEMONIC_VMOVDQA32, 4, AUDIT_COVER_OPMASK},
    {ZYDIS_MNEMONIC_VMOVDQA64, 8, AUDIT_COVER_OPMASK},
    {ZYDIS_MNEMONIC_VMOVUPS, 4, AUDIT_COVER_OPMASK},
    {ZYDIS_MNEMONIC_VMOVUPD, 8, AUDIT_COVER_OPMASK},
    {ZYDIS_MNEMONIC_VMOVAPS, 4, AUDIT_COVER_OPMASK},
    {ZYDIS_MNEMONIC_VMOVAPD, 8, AUDIT_COVER_OPMASK},
    {ZYDIS_MNEMONIC_VMOVSS, 4, AUDIT_COVER_OPMASK},
    {ZYDIS_MNEMONIC_VMOVSD, 8, AUDIT_COVER_OPMASK},
    {ZYDIS_MNEMONIC_VPCOMPRESSB, 1, AUDIT_COVER_PACKED},
    {ZYDIS_MNEMONIC_VPCOMPRESSW, 2, AUDIT_COVER_PACKED},
    {ZYDIS_MNEMONIC_VPCOMPRESSD, 4, AUDIT_COVER_PACKED},
    {ZYDIS_MNEMONIC_VPCOMPRESSQ, 8, AUDIT_COVER_PACKED},
    {ZYDIS_MNEMONIC_VCOMPRESSPS, 4, AUDIT_COVER_PACKED},
    {ZYDIS_MNEMONIC_VCOMPRESSPD, 8, AUDIT_COVER_PACKED},
    {ZYDIS_MNEMONIC_VPEXPANDB, 1, AUDIT_COVER_PACKED},
    {ZYDIS_MNEMONIC_VPEXPANDW, 2, AUDIT_COVER_PACKED},
    {ZYDIS_MNEMONIC_VPEXPANDD, 4, AUDIT_COVER_PACKED},
    {ZYDIS_MNEMONIC_VPEXPANDQ, 8, AUDIT_COVER_PACKED},
    {ZYDIS_MNEMONIC_VEXPANDPS, 4, AUDIT_COVER_PACKED},
    {ZYDIS_MNEMONIC_VEXPANDPD, 8, AUDIT_COVER_PACKED},
    /* By the signs of the second operand (SDM: VMASKMOV, VPMASKMOV, MASKMOVDQU). */
    {ZYDIS_MNEMONIC_VMASKMOVPS, 4, AUDIT_COVER_SIGNS},
    {ZYDIS_MNEMONIC_VMASKMOVPD, 8, AUDIT_COVER_SIGNS},
    {ZYDIS_MNEMONIC_VPMASKMOVD, 4, AUDIT_COVER_SIGNS},
    {ZYDIS_MNEMONIC_VPMASKMOVQ, 8, AUDIT_COVER_SIGNS},
    {ZYDIS_MNEMONIC_MASKMOVDQU, 1, AUDIT_COVER_SIGNS},
    {ZYDIS_MNEMONIC_VMASKMOVDQU, 1, AUDIT_COVER_SIGNS},
    {ZYDIS_MNEMONIC_MASKMOVQ, 1, AUDIT_COVER_SIGNS_MMX},
};

static bool is_nontemporal(ZydisMnemonic m)
{
    switch (m) {
    case ZYDIS_MNEMONIC_MOVNTI:
    case ZYDIS_MNEMONIC_MOVNTQ:
    case ZYDIS_MNEMONIC_MOVNTDQ:
    case ZYDIS_MNEMONIC_MOVNTDQA:
    case ZYDIS_MNEMONIC_MOVNTPS:
    case ZYDIS_MNEMONIC_MOVNTPD:
    case ZYDIS_MNEMONIC_MOVNTSS:
    case ZYDIS_MNEMONIC_MOVNTSD:
    case ZYDIS_MNEMONIC_VMOVNTDQ:
    case ZYDIS_MNEMONIC_VMOVNTDQA:
    case ZYDIS_MNEMONIC_VMOVNTPS:
    case ZYDIS_MNEMONIC_VMOVNTPD:
    case ZYDIS_MNEMONIC_MASKMOVQ:
    case ZYDIS_MNEMONIC_MASKMOVDQU:
    case ZYDIS_MNEMONIC_VMASKMOVDQU:
    case ZYDIS_MNEMONIC_MOVDIRI: /* weakly ordered, as if to write-combining memory */
        return true;
    default:
        return false;
    }
}

/* Its memory operand is only a hint: nothing is loaded or stored, as far as anyone can see. */
static bool is_hint(const ZydisDecodedInstruction *i)
{
    switch (i->meta.category) {
    case ZYDIS_CATEGORY_NOP:
    case ZYDIS_CATEGORY_WIDENOP:
    case ZYDIS_CATEGORY_PREFETCH:
    case ZYDIS_CATEGORY_PREFETCHWT1:
    case ZYDIS_CATEGORY_CLDEMOTE:
    case ZYDIS_CATEGORY_CLFLUSHOPT:
    case ZYDIS_CATEGORY_CLWB:
        return true;
    default:
        return i->mnemonic == ZYDIS_MNEMONIC_CLFLUSH;
    }
}

static const char *why_unsupported(const struct source *s)
{
    const ZydisDecodedOperand *op = s->op;

    switch (s->insn.mnemonic) {
    case ZYDIS_MNEMONIC_MOVDIR64B:
    case ZYDIS_MNEMONIC_ENQCMD:
    case ZYDIS_MNEMONIC_ENQCMDS:
        return "a 64-byte direct store is not recorded";
    case ZYDIS_MNEMONIC_XBEGIN:
    case ZYDIS_MNEMONIC_XEND:
    case ZYDIS_MNEMONIC_XABORT:
        return "a transaction has no program order to record";
    case ZYDIS_MNEMONIC_POPF:
    case ZYDIS_MNEMONIC_POPFD:
    case ZYDIS_MNEMONIC_POPFQ:
    case ZYDIS_MNEMONIC_WRFSBASE:
    case ZYDIS_MNEMONIC_WRGSBASE:
    case ZYDIS_MNEMONIC_WRPKRU:
        return "it changes state that the engine runs on";
    case ZYDIS_MNEMONIC_BT:
    case ZYDIS_MNEMONIC_BTS:
    case ZYDIS_MNEMONIC_BTR:
    case ZYDIS_MNEMONIC_BTC:
        if (op[0].type == ZYDIS_OPERAND_TYPE_MEMORY && op[1].type == ZYDIS_OPERAND_TYPE_REGISTER)
            return "a bit string's address is not recorded";
        break;
    case ZYDIS_MNEMONIC_XLAT:
        return "its index, al, is not recorded";
    case ZYDIS_MNEMONIC_ENTER:
        if (op[1].imm.value.u & 31)
            return "what it loads by the frame pointer is not recorded";
        break;
    default:
        break;
    }
    if (s->insn.meta.category == ZYDIS_CATEGORY_AMX_TILE)
        return "tiles are not recorded";
    if (s->insn.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
        return "a far branch is not followed";
    for (unsigned i = 0; i < s->insn.operand_count; i++) {
        if (op[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
            ZydisRegisterGetClass(op[i].reg.value) == ZYDIS_REGCLASS_SEGMENT &&
            (op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
            return "it changes state that the engine runs on";
        if (op[i].type != ZYDIS_OPERAND_TYPE_MEMORY)
            continue;
        if (op[i].mem.type == ZYDIS_MEMOP_TYPE_VSIB)
            return "gathers and scatters are not recorded";
        if (op[i].mem.base == ZYDIS_REGISTER_EIP)
            return "an eip-relative operand cannot be moved to a slot";
    }
    return NULL;
}

static bool is_vector(const struct source *s)
{
    for (unsigned i = 0; i < s->insn.operand_count_visible; i++) {
        if (s->op[i].type != ZYDIS_OPERAND_TYPE_REGISTER)
            continue;
        switch (ZydisRegisterGetClass(s->op[i].reg.value)) {
        case ZYDIS_REGCLASS_MMX:
        case ZYDIS_REGCLASS_XMM:
        case ZYDIS_REGCLASS_YMM:
        case ZYDIS_REGCLASS_ZMM:
            return true;
        default:
            break;
        }
    }
    return false;
}

static int8_t gpr_of(ZydisRegister r)
{
    switch (ZydisRegisterGetClass(r)) {
    case ZYDIS_REGCLASS_GPR32:
    case ZYDIS_REGCLASS_GPR64:
        return ZydisRegisterGetId(r);
    default:
        return -1;
    }
}

static void decode_address(struct audit_insn *insn, struct audit_mem *m, const struct source *s,
                           const ZydisDecodedOperand *op)
{
    m->base = gpr_of(op->mem.base);
    m->index = gpr_of(op->mem.index);
    m->shift = op->mem.scale == 8 ? 3 : op->mem.scale == 4 ? 2 : op->mem.scale == 2 ? 1 : 0;
    m->disp = op->mem.disp.has_displacement ? op->mem.disp.value : 0;
    m->address32 = s->insn.address_width == 32;
    m->segment = op->mem.segment == ZYDIS_REGISTER_FS   ? 4
                 : op->mem.segment == ZYDIS_REGISTER_GS ? 5
                                                        : 0;
    if (op->mem.base == ZYDIS_REGISTER_RIP) {
        m->disp += (int64_t)(insn->address + s->insn.length);
        insn->disp_at = (int8_t)s->insn.raw.disp.offset;
    }
    /* pop computes its operand's address after it has popped (SDM: POP). */
    if (s->insn.mnemonic == ZYDIS_MNEMONIC_POP && op->mem.base == ZYDIS_REGISTER_RSP)
        m->disp += op->size / 8;
}

static void set_xstate(struct audit_insn *insn, const struct audit_mem *m)
{
    if (m->cover == AUDIT_COVER_OPMASK || m->cover == AUDIT_COVER_PACKED)
        insn->xstate |= XSTATE_OPMASK;
    else if (m->cover == AUDIT_COVER_SIGNS)
        insn->xstate |= XSTATE_SSE | XSTATE_AVX;
    else if (m->cover == AUDIT_COVER_SIGNS_MMX)
        insn->xstate |= XSTATE_X87;
}

/* The vector register with the mask: the one before the data, or maskmovdqu's second operand. */
static uint8_t sign_register(const struct source *s)
{
    return (uint8_t)ZydisRegisterGetId(s->op[1].reg.value);
}

/* Which bytes of the operand are accessed. */
static void decode_cover(struct audit_insn *insn, struct audit_mem *m, const struct source *s)
{
    bool opmask = s->insn.avx.mask.mode != ZYDIS_MASK_MODE_DISABLED &&
                  s->insn.avx.mask.mode != ZYDIS_MASK_MODE_INVALID &&
                  s->insn.avx.mask.reg > ZYDIS_REGISTER_K0 &&
                  s->insn.avx.mask.reg <= ZYDIS_REGISTER_K7;

    m->cover = AUDIT_COVER_ALL;
    for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++) {
        bool signs =
            masked[i].cover == AUDIT_COVER_SIGNS || masked[i].cover == AUDIT_COVER_SIGNS_MMX;

        if (masked[i].mnemonic != s->insn.mnemonic || (!signs && !opmask))
            continue;
        m->cover = masked[i].cover;
        m->element = masked[i].element;
        m->mask_reg = signs ? sign_register(s) : (uint8_t)ZydisRegisterGetId(s->insn.avx.mask.reg);
        m->kind |= MEMBUS_AUDIT_MASKED;
        set_xstate(insn, m);
        return;
    }
    if (opmask) {
        insn->inexact = true;
        insn->why = "which bytes it accesses under its mask is not architected";
    }
}

static void decode_string(struct audit_insn *insn, struct audit_mem *m, const struct source *s)
{
    if (s->insn.meta.category != ZYDIS_CATEGORY_STRINGOP ||
        !(s->insn.attributes &
          (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)))
        return;
    m->cover = AUDIT_COVER_REPEATED;
    m->element = (uint8_t)m->width;
    m->kind |= MEMBUS_AUDIT_STRING;
    switch (s->insn.mnemonic) {
    case ZYDIS_MNEMONIC_CMPSB:
    case ZYDIS_MNEMONIC_CMPSW:
    case ZYDIS_MNEMONIC_CMPSD:
    case ZYDIS_MNEMONIC_CMPSQ:
    case ZYDIS_MNEMONIC_SCASB:
    case ZYDIS_MNEMONIC_SCASW:
    case ZYDIS_MNEMONIC_SCASD:
    case ZYDIS_MNEMONIC_SCASQ:
        insn->inexact = true;
        insn->why = "where a repeated comparison stops is not recorded";
        break;
    default:
        break;
    }
}

/* pop, ret, leave: the operand is implied, and is the stack. */
static bool is_stack(const ZydisDecodedOperand *op)
{
    return op->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN && op->mem.base == ZYDIS_REGISTER_RSP;
}

static void decode_mem(struct audit_insn *insn, const struct source *s,
                       const ZydisDecodedOperand *op, uint16_t kind)
{
    struct audit_mem *m;

    if (op->type != ZYDIS_OPERAND_TYPE_MEMORY)
        return;
    if (op->mem.type != ZYDIS_MEMOP_TYPE_MEM) {
        struct audit_mem unused = {0};

        decode_address(insn, &unused, s, op); /* lea: its displacement moves all the same */
        return;
    }
    if (is_stack(op)) {
        insn->stack = true;
        return;
    }
    m = &insn->mem[insn->mems];
    decode_address(insn, m, s, op);
    if (is_hint(&s->insn))
        return;
    insn->mems++;
    m->width = op->size / 8u;
    m->kind = kind;
    if (op->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
        m->kind |= MEMBUS_AUDIT_LOAD;
    if (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
        m->kind |= MEMBUS_AUDIT_STORE;
    if (m->width == 0 || s->insn.meta.category == ZYDIS_CATEGORY_XSAVE ||
        s->insn.meta.category == ZYDIS_CATEGORY_XSAVEOPT) {
        insn->inexact = true;
        insn->why = "its operand has no fixed width";
    }
    /* x87's 10 bytes, fxsave and the like: a second CPU saw fstpt torn after its first 8. */
    if (m->width > 8 && !(kind & MEMBUS_AUDIT_VECTOR) &&
        s->insn.mnemonic != ZYDIS_MNEMONIC_CMPXCHG16B) {
        insn->inexact = true;
        insn->why = "in how many pieces it is made is not architected";
    }
    decode_cover(insn, m, s);
    decode_string(insn, m, s);
}

/* clzero: the line that rax points into (AMD APM volume 3). */
static void decode_clzero(struct audit_insn *insn)
{
    struct audit_mem *m = &insn->mem[0];

    memset(m, 0, sizeof(*m));
    m->base = AUDIT_RAX;
    m->index = -1;
    m->cover = AUDIT_COVER_LINE;
    m->kind = MEMBUS_AUDIT_STORE | MEMBUS_AUDIT_ZEROING;
    m->width = 64;
    insn->mems = 1;
}

static void decode_target(struct audit_insn *insn, const struct source *s)
{
    const ZydisDecodedOperand *op = &s->op[0];

    if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
        ZydisCalcAbsoluteAddress(&s->insn, op, insn->address, &insn->target);
    else if (op->type == ZYDIS_OPERAND_TYPE_REGISTER)
        insn->target_reg = gpr_of(op->reg.value);
    else
        insn->target_mem = true;
    if (insn->target_mem)
        decode_address(insn, &insn->branch_mem, s, op);
}

static void decode_op(struct audit_insn *insn, const struct source *s)
{
    insn->op = AUDIT_OP_RUN;
    switch (s->insn.meta.category) {
    case ZYDIS_CATEGORY_UNCOND_BR:
        insn->op = AUDIT_OP_JUMP;
        decode_target(insn, s);
        return;
    case ZYDIS_CATEGORY_CALL:
        insn->op = AUDIT_OP_CALL;
        decode_target(insn, s);
        return;
    case ZYDIS_CATEGORY_RET:
        insn->op = AUDIT_OP_RETURN;
        if (s->op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
            insn->pop = (uint16_t)s->op[0].imm.value.u;
        return;
    case ZYDIS_CATEGORY_COND_BR:
        /* 70-7f and 0f 80-8f are jcc, e0-e3 the rest. */
        insn->op = s->insn.opcode >= 0xe0 ? AUDIT_OP_LOOP : AUDIT_OP_JCC;
        decode_target(insn, s);
        return;
    default:
        break;
    }
    if (s->insn.mnemonic == ZYDIS_MNEMONIC_SYSCALL || s->insn.mnemonic == ZYDIS_MNEMONIC_SYSENTER ||
        (s->insn.mnemonic == ZYDIS_MNEMONIC_INT && s->op[0].imm.value.u == 0x80))
        insn->op = AUDIT_OP_SYSCALL;
    else if (s->insn.mnemonic == ZYDIS_MNEMONIC_INT3 || s->insn.mnemonic == ZYDIS_MNEMONIC_INT1)
        insn->op = AUDIT_OP_TRAP;
}

static bool is_fence(const struct source *s)
{
    if (s->insn.mnemonic == ZYDIS_MNEMONIC_SFENCE || s->insn.mnemonic == ZYDIS_MNEMONIC_MFENCE)
        return true;
    if (s->insn.attributes & ZYDIS_ATTRIB_HAS_LOCK)
        return true;
    return s->insn.mnemonic == ZYDIS_MNEMONIC_XCHG && (s->op[0].type == ZYDIS_OPERAND_TYPE_MEMORY ||
                                                       s->op[1].type == ZYDIS_OPERAND_TYPE_MEMORY);
}

static void decode_operands(struct audit_insn *insn, const struct source *s)
{
    uint16_t kind = 0;

    if (is_vector(s))
        kind |= MEMBUS_AUDIT_VECTOR;
    if (is_nontemporal(s->insn.mnemonic))
        kind |= MEMBUS_AUDIT_NONTEMPORAL;
    for (unsigned i = 0; i < s->insn.operand_count && insn->mems < AUDIT_INSN_MEMS; i++)
        decode_mem(insn, s, &s->op[i], kind);
    if (s->insn.mnemonic == ZYDIS_MNEMONIC_CLZERO)
        decode_clzero(insn);
}

int audit_decode(struct audit_insn *insn, uint64_t address, const unsigned char *bytes, size_t n)
{
    static ZydisDecoder decoder;
    static bool ready;
    struct source s;

    if (!ready) {
        ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        ready = true;
    }
    memset(insn, 0, sizeof(*insn));
    insn->address = address;
    insn->disp_at = -1;
    insn->target_reg = -1;
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, n, &s.insn, s.op)))
        return -EILSEQ;
    insn->length = s.insn.length;
    insn->opcode = s.insn.opcode;
    insn->address32 = s.insn.address_width == 32;
    insn->mnemonic = ZydisMnemonicGetString(s.insn.mnemonic);
    memcpy(insn->bytes, bytes, insn->length);
    decode_op(insn, &s);
    if (insn->op == AUDIT_OP_SYSCALL || insn->op == AUDIT_OP_TRAP)
        return 0;
    insn->why = why_unsupported(&s);
    if (insn->why) {
        insn->op = AUDIT_OP_UNSUPPORTED;
        return 0;
    }
    insn->fence = is_fence(&s);
    decode_operands(insn, &s);
    return 0;
}
