/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "objcheck_isa.h"

/*
 * RISC-V, RV64GC, as far as accesses and calls go. "The RISC-V Instruction Set Manual, volume I":
 * chapter "RV32/64G Instruction Set Listings" for the opcodes, and chapter "C" for the compressed
 * ones, whose bit fields are named as there.
 */

enum {
    REG_SP = 2,
    REG_GP = 3,
    REG_S0 = 8, /* the frame pointer at -O0 */
};

static const char *const reg_names[32] = {
    "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
    "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
    "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};

static uint32_t bits(uint32_t v, unsigned high, unsigned low)
{
    return v >> low & ((UINT32_C(2) << (high - low)) - 1);
}

static int64_t sign_extend(uint32_t v, unsigned width)
{
    return (int64_t)((uint64_t)v << (64 - width)) >> (64 - width);
}

__attribute__((format(printf, 2, 3))) static void text(struct objcheck_insn *insn,
                                                       const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(insn->text, sizeof(insn->text), format, ap);
    va_end(ap);
}

static void access_at(struct objcheck_insn *insn, const char *name, bool store, unsigned width,
                      enum objcheck_form form, unsigned reg, int64_t offset, unsigned base)
{
    insn->access[insn->accesses++] = (struct objcheck_access){
        .load = !store,
        .store = store,
        .own = base == REG_SP || base == REG_GP,
        .frame = base == REG_S0,
        .width = (uint8_t)width,
        .form = form,
    };
    text(insn, "%s %s, %" PRId64 "(%s)", name, reg_names[reg], offset, reg_names[base]);
}

static void jump(struct objcheck_insn *insn, const char *name, bool call, uint64_t target)
{
    insn->call = call;
    insn->jump = !call;
    insn->has_target = true;
    insn->target = target;
    text(insn, "%s 0x%" PRIx64, name, target);
}

static void decode_load(uint32_t w, struct objcheck_insn *insn)
{
    static const char *const name[8] = {"lb", "lh", "lw", "ld", "lbu", "lhu", "lwu", NULL};
    unsigned f = bits(w, 14, 12);

    if (!name[f]) {
        insn->known = false;
        return;
    }
    access_at(insn, name[f], false, 1u << (f & 3), OBJCHECK_PLAIN, bits(w, 11, 7),
              sign_extend(bits(w, 31, 20), 12), bits(w, 19, 15));
}

static void decode_store(uint32_t w, struct objcheck_insn *insn)
{
    static const char *const name[4] = {"sb", "sh", "sw", "sd"};
    unsigned f = bits(w, 14, 12);

    if (f > 3) {
        insn->known = false;
        return;
    }
    access_at(insn, name[f], true, 1u << f, OBJCHECK_PLAIN, bits(w, 24, 20),
              sign_extend(bits(w, 31, 25) << 5 | bits(w, 11, 7), 12), bits(w, 19, 15));
}

/* LOAD-FP and STORE-FP: scalar floating point, and the V extension's. */
static void decode_vector(uint32_t w, bool store, struct objcheck_insn *insn)
{
    unsigned f = bits(w, 14, 12);
    bool scalar = f >= 1 && f <= 4;
    unsigned width = scalar ? 1u << f : 16;

    access_at(insn, store ? "fs/vs" : "fl/vl", store, width, OBJCHECK_VECTOR, bits(w, 11, 7), 0,
              bits(w, 19, 15));
}

static void decode_atomic(uint32_t w, struct objcheck_insn *insn)
{
    access_at(insn, "amo", true, bits(w, 14, 12) == 3 ? 8 : 4, OBJCHECK_ATOMIC, bits(w, 11, 7), 0,
              bits(w, 19, 15));
    insn->access[0].load = true;
}

static void decode_jalr(struct objcheck_riscv *state, uint32_t w, struct objcheck_insn *insn)
{
    unsigned rd = bits(w, 11, 7), base = bits(w, 19, 15);
    int64_t offset = sign_extend(bits(w, 31, 20), 12);

    text(insn, "jalr %s, %" PRId64 "(%s)", reg_names[rd], offset, reg_names[base]);
    insn->call = rd != 0;
    insn->jump = rd == 0;
    if (state->reg == base && base != 0) {
        insn->has_target = true;
        insn->target = state->value + (uint64_t)offset;
    }
}

static void decode_32(struct objcheck_riscv *state, uint32_t w, struct objcheck_insn *insn)
{
    unsigned rd = bits(w, 11, 7), auipc = 0;
    uint32_t imm;

    text(insn, ".word 0x%08" PRIx32, w);
    switch (bits(w, 6, 0)) {
    case 0x03:
        decode_load(w, insn);
        break;
    case 0x23:
        decode_store(w, insn);
        break;
    case 0x07:
        decode_vector(w, false, insn);
        break;
    case 0x27:
        decode_vector(w, true, insn);
        break;
    case 0x2f:
        decode_atomic(w, insn);
        break;
    case 0x17: /* AUIPC */
        auipc = rd;
        state->value = insn->address + (uint64_t)sign_extend(w & 0xfffff000, 32);
        break;
    case 0x6f: /* JAL */
        imm = bits(w, 31, 31) << 20 | bits(w, 19, 12) << 12 | bits(w, 20, 20) << 11 |
              bits(w, 30, 21) << 1;
        jump(insn, "jal", rd != 0, insn->address + (uint64_t)sign_extend(imm, 21));
        break;
    case 0x67:
        decode_jalr(state, w, insn);
        break;
    case 0x0f: /* FENCE; but CBO.ZERO stores */
        if (bits(w, 14, 12) == 2)
            access_at(insn, "cbo", true, 64, OBJCHECK_OTHER, 0, 0, bits(w, 19, 15));
        break;
    case 0x13: /* ADDI s0, sp, ... */
        insn->sets_frame = bits(w, 14, 12) == 0 && rd == REG_S0 && bits(w, 19, 15) == REG_SP;
        break;
    case 0x1b:
    case 0x33:
    case 0x3b:
    case 0x37:
    case 0x63:
    case 0x73:
    case 0x43:
    case 0x47:
    case 0x4b:
    case 0x4f:
    case 0x53:
    case 0x57: /* no access to memory */
        break;
    default:
        insn->known = false;
    }
    state->reg = auipc;
}

/* C.LW, C.LD and C.FLD, their stores; Zcb's bytes and halves. */
static void decode_c0(uint32_t h, struct objcheck_insn *insn)
{
    unsigned f = bits(h, 15, 13), reg = 8 + bits(h, 4, 2), base = 8 + bits(h, 9, 7);
    unsigned word = bits(h, 12, 10) << 3 | bits(h, 6, 6) << 2 | bits(h, 5, 5) << 6;
    unsigned dword = bits(h, 12, 10) << 3 | bits(h, 6, 5) << 6;

    switch (f) {
    case 1:
        access_at(insn, "c.fld", false, 8, OBJCHECK_VECTOR, reg, dword, base);
        break;
    case 2:
        access_at(insn, "c.lw", false, 4, OBJCHECK_PLAIN, reg, word, base);
        break;
    case 3:
        access_at(insn, "c.ld", false, 8, OBJCHECK_PLAIN, reg, dword, base);
        break;
    case 4:
        access_at(insn, "c.zcb", bits(h, 11, 11), bits(h, 10, 10) ? 2 : 1, OBJCHECK_PLAIN, reg, 0,
                  base);
        break;
    case 5:
        access_at(insn, "c.fsd", true, 8, OBJCHECK_VECTOR, reg, dword, base);
        break;
    case 6:
        access_at(insn, "c.sw", true, 4, OBJCHECK_PLAIN, reg, word, base);
        break;
    case 7:
        access_at(insn, "c.sd", true, 8, OBJCHECK_PLAIN, reg, dword, base);
        break;
    default: /* C.ADDI4SPN; all zero is an illegal instruction */
        insn->known = h != 0;
        insn->sets_frame = reg == REG_S0;
    }
}

static void decode_c1(uint32_t h, struct objcheck_insn *insn)
{
    uint32_t imm = bits(h, 12, 12) << 11 | bits(h, 11, 11) << 4 | bits(h, 10, 9) << 8 |
                   bits(h, 8, 8) << 10 | bits(h, 7, 7) << 6 | bits(h, 6, 6) << 7 |
                   bits(h, 5, 3) << 1 | bits(h, 2, 2) << 5;

    if (bits(h, 15, 13) == 5)
        jump(insn, "c.j", false, insn->address + (uint64_t)sign_extend(imm, 12));
}

/* Loads and stores relative to the stack pointer; C.JR and C.JALR. */
static void decode_c2(struct objcheck_riscv *state, uint32_t h, struct objcheck_insn *insn)
{
    unsigned f = bits(h, 15, 13), rd = bits(h, 11, 7), rs2 = bits(h, 6, 2);
    static const uint8_t width[8] = {0, 8, 4, 8, 0, 8, 4, 8};
    static const char *const name[8] = {NULL, "c.fldsp", "c.lwsp", "c.ldsp",
                                        NULL, "c.fsdsp", "c.swsp", "c.sdsp"};

    if (name[f]) {
        access_at(insn, name[f], f >= 4, width[f],
                  f == 1 || f == 5 ? OBJCHECK_VECTOR : OBJCHECK_PLAIN, f >= 4 ? rs2 : rd, 0,
                  REG_SP);
    } else if (f == 4 && rs2 == 0 && rd != 0) {
        insn->call = bits(h, 12, 12);
        insn->jump = !insn->call;
        text(insn, "%s %s", insn->call ? "c.jalr" : "c.jr", reg_names[rd]);
        if (state->reg == rd) {
            insn->has_target = true;
            insn->target = state->value;
        }
    }
}

static void decode_16(struct objcheck_riscv *state, uint32_t h, struct objcheck_insn *insn)
{
    text(insn, ".half 0x%04" PRIx32, h);
    if (bits(h, 1, 0) == 0)
        decode_c0(h, insn);
    else if (bits(h, 1, 0) == 1)
        decode_c1(h, insn);
    else
        decode_c2(state, h, insn);
    state->reg = 0;
}

void objcheck_riscv_decode(struct objcheck_riscv *state, const uint8_t *code, size_t size,
                           uint64_t address, struct objcheck_insn *insn)
{
    *insn = (struct objcheck_insn){.address = address, .size = (unsigned)size, .known = true};
    if (size >= 2 && (code[0] & 3) != 3) {
        insn->size = 2;
        decode_16(state, (uint32_t)(code[0] | code[1] << 8), insn);
    } else if (size >= 4 && (code[0] & 0x1c) != 0x1c) {
        insn->size = 4;
        decode_32(state,
                  code[0] | (uint32_t)code[1] << 8 | (uint32_t)code[2] << 16 |
                      (uint32_t)code[3] << 24,
                  insn);
    } else {
        insn->size = size < 2 ? (unsigned)size : 2;
        insn->known = false;
        text(insn, "not an instruction");
    }
}
