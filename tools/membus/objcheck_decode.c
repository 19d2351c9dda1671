/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objcheck_isa.h"

struct objcheck_decoder {
    const struct objcheck_isa *isa;
    csh handle[2]; /* [1]: Thumb */
    cs_insn *insn;
    struct objcheck_riscv riscv;
    uint32_t ppc_locals; /* registers that hold the address of a local variable */
};

static const char *const form_names[OBJCHECK_FORMS] = {
    [OBJCHECK_PLAIN] = "plain",         [OBJCHECK_PAIR] = "pair",
    [OBJCHECK_WRITEBACK] = "writeback", [OBJCHECK_MULTIPLE] = "multiple",
    [OBJCHECK_VECTOR] = "vector",       [OBJCHECK_X87] = "x87",
    [OBJCHECK_STRING] = "string",       [OBJCHECK_NONTEMPORAL] = "nontemporal",
    [OBJCHECK_ATOMIC] = "atomic",       [OBJCHECK_PARTIAL] = "partial",
    [OBJCHECK_OTHER] = "other",
};

const char *objcheck_form_name(enum objcheck_form form)
{
    return (unsigned)form < OBJCHECK_FORMS ? form_names[form] : "other";
}

static const struct objcheck_isa *find_isa(unsigned machine, bool wide, bool big_endian)
{
    for (unsigned i = 0; i < objcheck_isa_count; i++) {
        const struct objcheck_isa *isa = &objcheck_isas[i];

        if (isa->machine == machine && isa->wide == wide &&
            (isa->big_endian < 0 || isa->big_endian == big_endian))
            return isa;
    }
    return NULL;
}

static int open_handle(struct objcheck_decoder *d, unsigned which, int mode)
{
    if (cs_open(d->isa->arch, (cs_mode)mode, &d->handle[which]) != CS_ERR_OK)
        return -ENOMEM;
    cs_option(d->handle[which], CS_OPT_DETAIL, CS_OPT_ON);
    return 0;
}

int objcheck_decoder_open(struct objcheck_decoder **decoder, unsigned machine, bool wide,
                          bool big_endian)
{
    const struct objcheck_isa *isa = find_isa(machine, wide, big_endian);

    if (!isa)
        return -ENOTSUP;

    struct objcheck_decoder *d = (struct objcheck_decoder *)calloc(1, sizeof(*d));

    if (!d)
        return -ENOMEM;
    d->isa = isa;
    *decoder = d;
    if (isa->machine == EM_RISCV)
        return 0;

    /* On arm and arm64, code of a big-endian program is little-endian since ARMv6 (BE8). */
    bool big = big_endian && isa->arch != CS_ARCH_ARM && isa->arch != CS_ARCH_ARM64;
    int mode = isa->mode | (big ? (int)CS_MODE_BIG_ENDIAN : 0);
    int err = isa->arch == CS_ARCH_ARM ? open_handle(d, 0, CS_MODE_ARM | CS_MODE_V8)
                                       : open_handle(d, 0, mode);

    if (err == 0 && isa->arch == CS_ARCH_ARM)
        err = open_handle(d, 1, CS_MODE_THUMB | CS_MODE_V8);
    if (err == 0) {
        d->insn = cs_malloc(d->handle[0]);
        err = d->insn ? 0 : -ENOMEM;
    }
    if (err != 0) {
        objcheck_decoder_close(d);
        *decoder = NULL;
    }
    return err;
}

void objcheck_decoder_close(struct objcheck_decoder *d)
{
    if (d->insn)
        cs_free(d->insn, 1);
    for (unsigned i = 0; i < 2; i++) {
        if (d->handle[i])
            cs_close(&d->handle[i]);
    }
    free(d);
}

void objcheck_decoder_reset(struct objcheck_decoder *d)
{
    d->riscv = (struct objcheck_riscv){0, 0};
    d->ppc_locals = 0;
}

const char *objcheck_decoder_name(const struct objcheck_decoder *d)
{
    return d->isa->name;
}

static bool is_one_of(const char *const *names, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count && names[i]; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* What the base register says of the access. */
static void judge_base(const struct objcheck_decoder *d, unsigned reg, struct objcheck_access *a)
{
    const char *name = reg ? cs_reg_name(d->handle[0], reg) : NULL;

    a->own = name && is_one_of(d->isa->own, 3, name);
    a->frame = name && is_one_of(d->isa->frame, 2, name);
}

static bool sets_frame(const struct objcheck_decoder *d, const char *text)
{
    for (unsigned i = 0; i < 4 && d->isa->set_frame[i]; i++) {
        if (strncmp(text, d->isa->set_frame[i], strlen(d->isa->set_frame[i])) == 0)
            return true;
    }
    return false;
}

static bool is_call(const struct objcheck_decoder *d, const char *mnemonic)
{
    for (const char *const *c = d->isa->calls; *c; c++) {
        if (strcmp(mnemonic, *c) == 0)
            return true;
    }
    return false;
}

/* x86: the operands tell everything. */

static bool x86_vector_register(unsigned reg)
{
    return (reg >= X86_REG_XMM0 && reg <= X86_REG_ZMM31) ||
           (reg >= X86_REG_MM0 && reg <= X86_REG_MM7);
}

/* Instructions with a memory operand that touch no memory. */
static bool x86_address_only(unsigned id)
{
    return id == X86_INS_LEA || id == X86_INS_NOP || id == X86_INS_PREFETCHT0 ||
           id == X86_INS_PREFETCHT1 || id == X86_INS_PREFETCHT2 || id == X86_INS_PREFETCHNTA ||
           id == X86_INS_PREFETCHW;
}

/* Instructions that access memory by a register that is no operand. */
static bool x86_unseen(unsigned id)
{
    return id == X86_INS_XLATB || id == X86_INS_MASKMOVQ || id == X86_INS_MASKMOVDQU ||
           id == X86_INS_VMASKMOVDQU;
}

static enum objcheck_form x86_form(const cs_insn *in, const cs_x86_op *op, bool vector)
{
    unsigned memory = 0;

    for (unsigned i = 0; i < in->detail->x86.op_count; i++)
        memory += in->detail->x86.operands[i].type == X86_OP_MEM;
    if (memory > 1 || strstr(in->mnemonic, "stos") || strstr(in->mnemonic, "lods") ||
        strstr(in->mnemonic, "rep"))
        return OBJCHECK_STRING;
    if (strstr(in->mnemonic, "movnt"))
        return OBJCHECK_NONTEMPORAL;
    if (in->id == X86_INS_FILD || in->id == X86_INS_FISTP)
        return OBJCHECK_X87;
    if (vector || in->mnemonic[0] == 'f')
        return OBJCHECK_VECTOR;
    if (in->detail->x86.prefix[0] == X86_PREFIX_LOCK ||
        (op->access & (CS_AC_READ | CS_AC_WRITE)) == (CS_AC_READ | CS_AC_WRITE) ||
        in->id == X86_INS_XCHG)
        return OBJCHECK_ATOMIC;
    return OBJCHECK_PLAIN;
}

/* Capstone 4 gives no access for some: the x87 ones by name, else both. */
static void x86_direction(const cs_insn *in, const cs_x86_op *op, struct objcheck_access *a)
{
    a->load = op->access & CS_AC_READ;
    a->store = op->access & CS_AC_WRITE;
    if (in->id == X86_INS_FILD || in->id == X86_INS_FISTP) {
        a->load = in->id == X86_INS_FILD;
        a->store = !a->load;
    } else if (!a->load && !a->store) {
        a->load = a->store = true;
    }
}

static void decode_x86(const struct objcheck_decoder *d, const cs_insn *in,
                       struct objcheck_insn *insn)
{
    const cs_x86 *x = &in->detail->x86;
    bool vector = false, branch = in->mnemonic[0] == 'j' || insn->call;

    insn->jump = branch && !insn->call;

    if (x86_unseen(in->id))
        insn->access[insn->accesses++] = (struct objcheck_access){
            .load = true, .store = in->id != X86_INS_XLATB, .form = OBJCHECK_OTHER};
    for (unsigned i = 0; i < x->op_count; i++)
        vector |= x->operands[i].type == X86_OP_REG && x86_vector_register(x->operands[i].reg);
    for (unsigned i = 0; i < x->op_count; i++) {
        const cs_x86_op *op = &x->operands[i];

        if (op->type == X86_OP_IMM && branch) {
            insn->has_target = true;
            insn->target = (uint64_t)op->imm;
        }
        if (op->type != X86_OP_MEM || x86_address_only(in->id))
            continue;
        if (op->mem.base == X86_REG_RIP) { /* perhaps the slot of an imported function */
            insn->has_target = true;
            insn->target = in->address + in->size + (uint64_t)op->mem.disp;
        }
        if (branch || insn->accesses == 2)
            continue;

        struct objcheck_access *a = &insn->access[insn->accesses++];

        *a = (struct objcheck_access){.width = op->size, .form = x86_form(in, op, vector)};
        judge_base(d, op->mem.base, a);
        x86_direction(in, op, a);
    }
}

/* All others: a table of mnemonics, and the registers where they decide. */

static const struct objcheck_mnemonic *find_mnemonic(const struct objcheck_isa *isa,
                                                     const char *name, size_t length)
{
    for (size_t i = 0; i < isa->count; i++) {
        if (strncmp(isa->table[i].name, name, length) == 0 && !isa->table[i].name[length])
            return &isa->table[i];
    }
    return NULL;
}

/* arm: without the condition and the width of the encoding, "ldrne.w". */
static size_t mnemonic_length(const struct objcheck_decoder *d, const cs_insn *in)
{
    size_t n = strcspn(in->mnemonic, d->isa->arch == CS_ARCH_ARM ? "." : "");

    if (d->isa->arch == CS_ARCH_ARM && in->detail->arm.cc != ARM_CC_AL &&
        in->detail->arm.cc != ARM_CC_INVALID && n > 2 && !is_call(d, in->mnemonic))
        n -= 2;
    return n;
}

/* arm64: width and kind by the first register; pairs and writeback. */
static void refine_aarch64(const struct objcheck_decoder *d, const cs_insn *in,
                           struct objcheck_access *a)
{
    const cs_arm64 *x = &in->detail->arm64;
    const char *reg = x->op_count && x->operands[0].type == ARM64_OP_REG
                          ? cs_reg_name(d->handle[0], x->operands[0].reg)
                          : NULL;
    unsigned width = 8;

    if (reg && reg[0] != 'w' && reg[0] != 'x' && reg[0] != 'l' && reg[0] != 'f' &&
        strcmp(reg, "sp") != 0) {
        a->form = OBJCHECK_VECTOR;
        width = reg[0] == 'b' ? 1 : reg[0] == 'h' ? 2 : reg[0] == 's' ? 4 : reg[0] == 'd' ? 8 : 16;
    } else if (reg && reg[0] == 'w') {
        width = 4;
    }
    if (a->width == 0)
        a->width = (uint8_t)(width << (a->form == OBJCHECK_PAIR));
    if (x->writeback)
        a->form = OBJCHECK_WRITEBACK;
}

/*
 * ppc: indexed forms name registers only, and at -O0 gcc puts the address of a local variable into
 * one first. So the registers that hold such an address are tracked, from an addition to r1
 * or r31 until something else is put there.
 */
static uint32_t ppc_register_bit(unsigned reg)
{
    return reg >= PPC_REG_R0 && reg <= PPC_REG_R31 ? UINT32_C(1) << (reg - PPC_REG_R0) : 0;
}

static bool ppc_names_local(const struct objcheck_decoder *d, const cs_ppc *x)
{
    const uint32_t frame = ppc_register_bit(PPC_REG_R1) | ppc_register_bit(PPC_REG_R31);

    for (unsigned i = 1; i < x->op_count; i++) {
        if (x->operands[i].type == PPC_OP_REG &&
            (ppc_register_bit(x->operands[i].reg) & (d->ppc_locals | frame)))
            return true;
    }
    return false;
}

static void track_ppc(struct objcheck_decoder *d, const cs_insn *in)
{
    const cs_ppc *x = &in->detail->ppc;
    bool local = (strcmp(in->mnemonic, "addi") == 0 || strcmp(in->mnemonic, "add") == 0) &&
                 ppc_names_local(d, x);
    uint32_t to =
        x->op_count && x->operands[0].type == PPC_OP_REG ? ppc_register_bit(x->operands[0].reg) : 0;

    if (strncmp(in->mnemonic, "st", 2) == 0)
        return;
    d->ppc_locals = local ? d->ppc_locals | to : d->ppc_locals & ~to;
}

static void refine_ppc(const struct objcheck_decoder *d, const cs_insn *in,
                       struct objcheck_access *a)
{
    a->frame |= ppc_names_local(d, &in->detail->ppc);
}

static void decode_table(const struct objcheck_decoder *d, const cs_insn *in,
                         struct objcheck_insn *insn)
{
    const struct objcheck_mnemonic *m = find_mnemonic(d->isa, in->mnemonic, mnemonic_length(d, in));
    struct objcheck_operand operand = d->isa->operand(in->detail);

    if (m ? m->direction == '-' : !operand.memory)
        return;

    struct objcheck_access *a = &insn->access[insn->accesses++];

    *a = (struct objcheck_access){
        .load = !m || m->direction != 's',
        .store = !m || m->direction != 'l',
        .width = m ? m->width : 0,
        .form = m ? m->form : OBJCHECK_OTHER,
    };
    judge_base(d, operand.base, a);
    if (d->isa->arch == CS_ARCH_PPC && !operand.memory)
        refine_ppc(d, in, a);
    if (m && d->isa->arch == CS_ARCH_ARM64)
        refine_aarch64(d, in, a);
    else if (d->isa->arch == CS_ARCH_ARM && in->detail->arm.writeback)
        a->form = OBJCHECK_WRITEBACK;
}

/* Where a branch goes: its last immediate. */
#define TARGET(field, type_imm)                                             \
    do {                                                                    \
        for (unsigned i = 0; i < in->detail->field.op_count; i++) {         \
            if (in->detail->field.operands[i].type == (type_imm)) {         \
                insn->has_target = true;                                    \
                insn->target = (uint64_t)in->detail->field.operands[i].imm; \
            }                                                               \
        }                                                                   \
    } while (0)

static void find_target(const struct objcheck_decoder *d, const cs_insn *in,
                        struct objcheck_insn *insn)
{
    if (in->mnemonic[0] != 'b' && in->mnemonic[0] != 'j' && !insn->call)
        return;
    /* s390x: of BCR and its kin the immediate is a mask, no target */
    insn->jump =
        !insn->call && !(d->isa->arch == CS_ARCH_SYSZ && strncmp(in->mnemonic, "bc", 2) == 0);
    if (d->isa->arch == CS_ARCH_ARM64)
        TARGET(arm64, ARM64_OP_IMM);
    else if (d->isa->arch == CS_ARCH_ARM)
        TARGET(arm, ARM_OP_IMM);
    else if (d->isa->arch == CS_ARCH_MIPS)
        TARGET(mips, MIPS_OP_IMM);
    else if (d->isa->arch == CS_ARCH_PPC)
        TARGET(ppc, PPC_OP_IMM);
    else
        TARGET(sysz, SYSZ_OP_IMM);
}

/* LRVH and STRVH, which Capstone 4 does not know: RXY-a format, base in bits 16 to 19. */
static bool decode_s390x_halves(const uint8_t *code, size_t size, struct objcheck_insn *insn)
{
    if (size < 6 || code[0] != 0xe3 || (code[5] != 0x1f && code[5] != 0x3f))
        return false;

    bool store = code[5] == 0x3f;
    unsigned base = code[2] >> 4;

    insn->size = 6;
    insn->known = true;
    insn->accesses = 1;
    insn->access[0] = (struct objcheck_access){.load = !store,
                                               .store = store,
                                               .width = 2,
                                               .own = base == 15,
                                               .frame = base == 11,
                                               .form = OBJCHECK_PLAIN};
    snprintf(insn->text, sizeof(insn->text), "%s %%r%u, (%%r%u)", store ? "strvh" : "lrvh",
             code[1] >> 4, base);
    return true;
}

/* Moves between general and vector registers, Power ISA 2.07B, Book I, 7.6.1.9: mfvsrd, mfvsrwz,
 * mtvsrd, mtvsrwa, mtvsrwz. */
static bool decode_ppc_moves(bool big_endian, const uint8_t *code, size_t size,
                             struct objcheck_insn *insn)
{
    if (size < 4)
        return false;

    uint32_t w = big_endian ? (uint32_t)code[0] << 24 | code[1] << 16 | code[2] << 8 | code[3]
                            : (uint32_t)code[3] << 24 | code[2] << 16 | code[1] << 8 | code[0];
    unsigned extended = w >> 1 & 0x3ff;

    if (w >> 26 != 31 || (extended != 51 && extended != 115 && extended != 179 && extended != 211 &&
                          extended != 243))
        return false;
    insn->size = 4;
    insn->known = true;
    snprintf(insn->text, sizeof(insn->text), "m[ft]vsr 0x%08x", w);
    return true;
}

/* What Capstone 4 does not know and compilers for the architecture's baseline emit. */
static bool decode_missing(const struct objcheck_decoder *d, const uint8_t *code, size_t size,
                           struct objcheck_insn *insn)
{
    if (d->isa->arch == CS_ARCH_SYSZ)
        return decode_s390x_halves(code, size, insn);
    if (d->isa->arch == CS_ARCH_PPC)
        return decode_ppc_moves(d->isa->big_endian, code, size, insn);
    return false;
}

/* Bytes to skip over what is no instruction. */
static unsigned undecoded_size(const struct objcheck_decoder *d, const uint8_t *code, size_t size,
                               bool thumb)
{
    unsigned n = 4;

    if (d->isa->arch == CS_ARCH_X86)
        n = 1;
    else if (d->isa->arch == CS_ARCH_SYSZ) /* PoP, "Instruction Formats": the first two bits */
        n = code[0] < 0x40 ? 2 : code[0] < 0xc0 ? 4 : 6;
    else if (thumb) /* DDI 0406C, A6.1 */
        n = size > 1 && (code[1] & 0xf8) > 0xe0 ? 4 : 2;
    return n < size ? n : (unsigned)size;
}

void objcheck_decode(struct objcheck_decoder *d, const uint8_t *code, size_t size, uint64_t address,
                     bool thumb, struct objcheck_insn *insn)
{
    if (d->isa->machine == EM_RISCV) {
        objcheck_riscv_decode(&d->riscv, code, size, address, insn);
        return;
    }

    const uint8_t *p = code;
    size_t left = size;
    uint64_t at = address;

    *insn = (struct objcheck_insn){.address = address};
    if (!cs_disasm_iter(d->handle[thumb && d->handle[1]], &p, &left, &at, d->insn)) {
        if (decode_missing(d, code, size, insn))
            return;
        insn->size = undecoded_size(d, code, size, thumb);
        snprintf(insn->text, sizeof(insn->text), "not an instruction (0x%02x...)", code[0]);
        return;
    }

    const cs_insn *in = d->insn;

    insn->size = in->size;
    insn->known = true;
    insn->call = is_call(d, in->mnemonic);
    snprintf(insn->text, sizeof(insn->text), "%s%s%.60s", in->mnemonic, in->op_str[0] ? " " : "",
             in->op_str);
    insn->sets_frame = sets_frame(d, insn->text);
    if (d->isa->arch == CS_ARCH_X86) {
        decode_x86(d, in, insn);
    } else {
        find_target(d, in, insn);
        decode_table(d, in, insn);
        if (d->isa->arch == CS_ARCH_PPC)
            track_ppc(d, in);
    }
}
