/* SPDX-License-Identifier: MIT */
#include "audit/qemu_decode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WHOLE 256 /* a unit that no instruction's operand exceeds */

static const struct {
    const char *name;
    cs_arch arch;
    unsigned mode;
} modes[] = {
    {"arm64", CS_ARCH_ARM64, CS_MODE_ARM},
    {"armhf", CS_ARCH_ARM, CS_MODE_ARM}, /* Thumb by the address: see decode() */
    {"i386", CS_ARCH_X86, CS_MODE_32},
    {"mips", CS_ARCH_MIPS, CS_MODE_MIPS32 | CS_MODE_BIG_ENDIAN},
    {"mips64el", CS_ARCH_MIPS, CS_MODE_MIPS64},
    {"ppc64", CS_ARCH_PPC, CS_MODE_64 | CS_MODE_BIG_ENDIAN},
    {"ppc64el", CS_ARCH_PPC, CS_MODE_64},
    {"s390x", CS_ARCH_SYSZ, CS_MODE_BIG_ENDIAN},
    {"riscv64", CS_ARCH_MAX, 0}, /* Capstone 4 has none: its fences are read here */
};

int audit_qemu_decoder_open(struct audit_qemu_decoder *d, const struct audit_qemu_arch *arch)
{
    d->arch = arch;
    d->capstone = 0;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(modes[i].name, arch->name) != 0)
            continue;
        if (modes[i].arch == CS_ARCH_MAX)
            return 0;
        if (cs_open(modes[i].arch, (cs_mode)modes[i].mode, &d->capstone) != CS_ERR_OK)
            return -ENOTSUP;
        cs_option(d->capstone, CS_OPT_DETAIL, CS_OPT_ON);
        return 0;
    }
    return -ENOTSUP;
}

void audit_qemu_decoder_close(struct audit_qemu_decoder *d)
{
    if (d->capstone)
        cs_close(&d->capstone);
}

static bool starts(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* The value of an instruction of 4 bytes in the guest's order. */
static uint32_t word_of(const struct audit_qemu_decoder *d, const struct audit_share_insn *insn)
{
    const uint8_t *b = insn->bytes;

    if (d->arch->big_endian)
        return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

/*
 * FENCE pred,succ orders stores when both have W, and so do TSO and rw,rw. Unprivileged ISA,
 * 2.7 "Memory Ordering Instructions": pred in bits 27:24, succ in 23:20, W is bit 0 of each.
 */
static void decode_riscv(uint32_t word, struct audit_qemu_shape *shape)
{
    snprintf(shape->text, sizeof(shape->text), "0x%08x", word);
    if ((word & 0x707f) == 0x0f && word >> 24 & 1 && word >> 20 & 1)
        shape->kind = MEMBUS_AUDIT_FENCE;
    /* AMO and SC with rl. */
    if ((word & 0x7f) == 0x2f && word >> 25 & 1)
        shape->kind = MEMBUS_AUDIT_RELEASE;
}

/*
 * DMB and DSB order stores but for the domains that are of loads alone (CRm bits 1:0 are 01); Arm
 * ARM C6.2.81. STLR and its kin are releases.
 */
static void decode_arm(const cs_insn *i, uint32_t word, struct audit_qemu_shape *shape)
{
    bool wide = false;

    if (starts(i->mnemonic, "dmb") || starts(i->mnemonic, "dsb"))
        shape->kind = strstr(i->op_str, "ld") ? 0 : MEMBUS_AUDIT_FENCE;
    if (starts(i->mnemonic, "stl") && !starts(i->mnemonic, "stll"))
        shape->kind = MEMBUS_AUDIT_RELEASE;
    if ((word & ~31u) == 0xd50b7420) /* DC ZVA */
        shape->kind = MEMBUS_AUDIT_ZEROING;
    if (starts(i->mnemonic, "stnp"))
        shape->kind = MEMBUS_AUDIT_NONTEMPORAL;
    /* SIMD and floating-point loads and stores: bit 26 of a word whose bits 27 and 25 are 1, 0. */
    if (starts(i->mnemonic, "ld") || starts(i->mnemonic, "st"))
        wide = (word & 0x0e000000) == 0x0c000000;
    if (wide) {
        shape->kind |= MEMBUS_AUDIT_VECTOR;
        /* LD1/ST1 of 16-byte registers: Q, bit 30. LDP/STP: opc 10. LDR/STR: opc bit 23. */
        if ((word & 0xbe000000) == 0x0c000000)
            shape->unit = word >> 30 & 1 ? 16 : 8;
        else if ((word & 0x3a000000) == 0x28000000)
            shape->unit = word >> 30 == 2 ? 16 : 0;
        else
            shape->unit = word >> 23 & 1 && word >> 30 == 0 ? 16 : 0;
    }
}

/*
 * LDRD and STRD of 8 aligned bytes are one access with LPAE, which 'max' has (ARM ARM A3.5.3); QEMU
 * 7.2 reports two.
 */
static void decode_arm32(const cs_insn *i, struct audit_qemu_shape *shape)
{
    if (starts(i->mnemonic, "ldrd") || starts(i->mnemonic, "strd")) {
        shape->unit = 8;
        shape->aligned = true;
    }
    if (starts(i->mnemonic, "dmb") || starts(i->mnemonic, "dsb"))
        shape->kind = strstr(i->op_str, "ld") ? 0 : MEMBUS_AUDIT_FENCE;
    if (starts(i->mnemonic, "stl"))
        shape->kind = MEMBUS_AUDIT_RELEASE;
    if (i->mnemonic[0] == 'v') /* a list of D registers: an access each */
        shape->kind |= MEMBUS_AUDIT_VECTOR;
}

/* SDM vol. 2: MOVNT* are non-temporal; MOVS, STOS and REP are of unspecified order. */
static void decode_x86(const cs_insn *i, struct audit_qemu_shape *shape)
{
    shape->unit = WHOLE;
    if (strstr(i->mnemonic, "fence"))
        shape->kind = starts(i->mnemonic, "lfence") ? 0 : MEMBUS_AUDIT_FENCE;
    if (strstr(i->mnemonic, "movnt") || strstr(i->mnemonic, "maskmovdqu") ||
        strstr(i->mnemonic, "maskmovq") || starts(i->mnemonic, "movdiri"))
        shape->kind |= MEMBUS_AUDIT_NONTEMPORAL;
    if (i->detail->x86.prefix[0] == X86_PREFIX_REP &&
        (strstr(i->mnemonic, "movs") || strstr(i->mnemonic, "stos")) && i->detail->x86.op_count &&
        i->detail->x86.operands[0].type == X86_OP_MEM)
        shape->kind |= MEMBUS_AUDIT_STRING;
    if (shape->kind & MEMBUS_AUDIT_STRING)
        shape->unit = UINT32_MAX;
    for (unsigned n = 0; n < i->detail->x86.op_count; n++)
        if (i->detail->x86.operands[n].type == X86_OP_MEM && i->detail->x86.operands[n].size >= 16)
            shape->kind |= MEMBUS_AUDIT_VECTOR;
}

static void decode_mips(const cs_insn *i, uint32_t word, bool big_endian,
                        struct audit_qemu_shape *shape)
{
    static const char *const halves[] = {"swl", "swr", "sdl", "sdr", "lwl", "lwr", "ldl", "ldr"};

    for (size_t n = 0; n < sizeof(halves) / sizeof(halves[0]); n++) {
        if (strcmp(i->mnemonic, halves[n]) != 0)
            continue;
        shape->unit = 8;
        shape->word = halves[n][1] == 'w' ? 4 : 8;
        if (*halves[n] == 'l')
            shape->half = (halves[n][2] == 'l') == big_endian ? 1 : -1;
    }
    /* MD00087, SYNC: stype 0, 4 (wmb), 16 (mb) and 18 (release) order stores; 17 (acquire) and 19
     * (rmb) do not. SYNCI is for instructions. */
    if (strcmp(i->mnemonic, "sync") == 0) {
        unsigned stype = word >> 6 & 31;

        if (stype == 0 || stype == 4 || stype == 16 || stype == 18)
            shape->kind = MEMBUS_AUDIT_FENCE;
    }
}

/*
 * Power ISA, book II 4.6.3: SYNC (sync, lwsync, ptesync) and EIEIO all order stores to memory that
 * is cacheable and not guarded. Capstone 4 does not know the vector instructions of ISA 3.0, so
 * opcodes are read here; book I, appendix of opcodes.
 */
static void decode_ppc(uint32_t word, struct audit_qemu_shape *shape)
{
    unsigned primary = word >> 26, extended = word >> 1 & 0x3ff;

    if (primary == 31 && (extended == 598 || extended == 854))
        shape->kind = MEMBUS_AUDIT_FENCE;
    if (primary == 31 && extended == 1014)
        shape->kind = MEMBUS_AUDIT_ZEROING;
    /* Quadword DQ-forms (lxv, stxv: 61, low bits 01 and 101) and pairs (lxvp, stxvp: 6). */
    if ((primary == 61 && ((word & 7) == 1 || (word & 7) == 5)) || primary == 6)
        shape->unit = 16;
    /* X-forms of AltiVec (lvx, stvx, l) and VSX: lxvd2x, lxvw4x, lxvx, lxvl and their stores. */
    if (primary == 31) {
        static const uint16_t vector[] = {103, 359, 231, 487, 844, 780, 972,
                                          908, 268, 396, 812, 940, 876, 1004};

        for (size_t n = 0; n < sizeof(vector) / sizeof(vector[0]); n++)
            if (extended == vector[n])
                shape->unit = 16;
        if (extended == 269 || extended == 397 || extended == 301 || extended == 429)
            shape->unit = 16; /* lxvl, stxvl, lxvll, stxvll */
    }
    /* Prefixed plxv and pstxv are 8 bytes long and come as one. */
    if (shape->unit)
        shape->kind |= MEMBUS_AUDIT_VECTOR;
}

/*
 * MVC and its kin: one operand access as this CPU sees it, but "multiple-access references" as
 * others do, in any order; z/Architecture Principles of Operation, chapter 5, "Storage-operand
 * consistency". That is a string instruction as W7 means it.
 */
static void decode_s390x(const struct audit_share_insn *insn, const cs_insn *i,
                         struct audit_qemu_shape *shape)
{
    const uint8_t *b = insn->bytes;

    if (b[0] == 0xd2 || b[0] == 0xe8 || b[0] == 0x44 || b[0] == 0x0e || b[0] == 0xa8 ||
        (b[0] == 0xc6 && (b[1] & 15) == 0) || (b[0] == 0xe5 && b[1] == 0x0a)) {
        shape->kind = MEMBUS_AUDIT_STRING;
        shape->unit = UINT32_MAX;
    }
    /* VL, VST, VLL, VSTL, VLM, VSTM: e7; a register is 16 bytes. */
    if (b[0] == 0xe7) {
        shape->kind = MEMBUS_AUDIT_VECTOR;
        shape->unit = 16;
    }
    (void)i;
}

/* In Thumb state an instruction is 2 bytes, or 4 that begin with 111 and not 11100; in Arm state
 * it is 4 bytes. Debian's armhf is compiled to Thumb, its assembly to both: whichever decodes. */
static size_t disassemble(const struct audit_qemu_decoder *d, const struct audit_share_insn *insn,
                          cs_insn **i)
{
    uint16_t half = (uint16_t)(insn->bytes[1] << 8 | insn->bytes[0]);

    if (strcmp(d->arch->name, "armhf") == 0) {
        bool thumb = insn->size == 2 || insn->address % 4;

        /* Of 4 bytes at 4: a condition other than "always" in Arm state is rare, and vectors and
         * barriers are 1111; in Thumb state the first half says so. */
        if (!thumb && (half >> 11) >= 0x1d && (insn->bytes[3] >> 4) != 0xe &&
            (insn->bytes[3] >> 4) != 0xf)
            thumb = true;
        cs_option(d->capstone, CS_OPT_MODE, thumb ? CS_MODE_THUMB : CS_MODE_ARM);
    }
    return cs_disasm(d->capstone, insn->bytes, insn->size, insn->address, 1, i);
}

static void decode_by_name(const struct audit_qemu_decoder *d, const struct audit_share_insn *insn,
                           const cs_insn *i, struct audit_qemu_shape *shape)
{
    const char *name = d->arch->name;

    snprintf(shape->text, sizeof(shape->text), "%s", i->mnemonic);
    if (strcmp(name, "arm64") == 0)
        decode_arm(i, word_of(d, insn), shape);
    else if (strcmp(name, "armhf") == 0)
        decode_arm32(i, shape);
    else if (strcmp(name, "i386") == 0)
        decode_x86(i, shape);
    else if (starts(name, "mips"))
        decode_mips(i, word_of(d, insn), d->arch->big_endian, shape);
    else if (strcmp(name, "s390x") == 0)
        decode_s390x(insn, i, shape);
}

void audit_qemu_decode(const struct audit_qemu_decoder *d, const struct audit_share_insn *insn,
                       struct audit_qemu_shape *shape)
{
    cs_insn *i = NULL;

    memset(shape, 0, sizeof(*shape));
    shape->decoded = true;
    snprintf(shape->text, sizeof(shape->text), "an instruction");
    if (!d->capstone && insn->size == 4)
        decode_riscv(word_of(d, insn), shape);
    if (d->capstone && disassemble(d, insn, &i) == 1) {
        decode_by_name(d, insn, i, shape);
        cs_free(i, 1);
    } else if (strcmp(d->arch->name, "s390x") == 0) {
        decode_s390x(insn, NULL, shape);
    }
    if (starts(d->arch->name, "ppc") && insn->size == 4)
        decode_ppc(word_of(d, insn), shape);
}
