/* SPDX-License-Identifier: MIT */
#include "objcheck_isa.h"

#include <elf.h>

#define PLAIN     OBJCHECK_PLAIN
#define PAIR      OBJCHECK_PAIR
#define WRITEBACK OBJCHECK_WRITEBACK
#define MULTIPLE  OBJCHECK_MULTIPLE
#define VECTOR    OBJCHECK_VECTOR
#define ATOMIC    OBJCHECK_ATOMIC
#define PARTIAL   OBJCHECK_PARTIAL
#define OTHER     OBJCHECK_OTHER

/*
 * What is not in a table but has a memory operand is OTHER: reported, never overlooked. Names
 * are Capstone's.
 */

/* Arm Architecture Reference Manual for A-profile, DDI 0487, C3.2. Writeback and vector
 * registers are told by the operands. */
static const struct objcheck_mnemonic aarch64[] = {
    {"ldr", 'l', 0, PLAIN},     {"ldrb", 'l', 1, PLAIN},    {"ldrh", 'l', 2, PLAIN},
    {"ldrsb", 'l', 1, PLAIN},   {"ldrsh", 'l', 2, PLAIN},   {"ldrsw", 'l', 4, PLAIN},
    {"ldur", 'l', 0, PLAIN},    {"ldurb", 'l', 1, PLAIN},   {"ldurh", 'l', 2, PLAIN},
    {"ldursb", 'l', 1, PLAIN},  {"ldursh", 'l', 2, PLAIN},  {"ldursw", 'l', 4, PLAIN},
    {"ldar", 'l', 0, PLAIN},    {"ldarb", 'l', 1, PLAIN},   {"ldarh", 'l', 2, PLAIN},
    {"str", 's', 0, PLAIN},     {"strb", 's', 1, PLAIN},    {"strh", 's', 2, PLAIN},
    {"stur", 's', 0, PLAIN},    {"sturb", 's', 1, PLAIN},   {"sturh", 's', 2, PLAIN},
    {"stlr", 's', 0, PLAIN},    {"stlrb", 's', 1, PLAIN},   {"stlrh", 's', 2, PLAIN},
    {"ldp", 'l', 0, PAIR},      {"ldnp", 'l', 0, PAIR},     {"ldpsw", 'l', 8, PAIR},
    {"stp", 's', 0, PAIR},      {"stnp", 's', 0, PAIR},     {"ldxr", 'l', 0, ATOMIC},
    {"ldaxr", 'l', 0, ATOMIC},  {"ldxrb", 'l', 1, ATOMIC},  {"ldxrh", 'l', 2, ATOMIC},
    {"ldaxrb", 'l', 1, ATOMIC}, {"ldaxrh", 'l', 2, ATOMIC}, {"ld1", 'l', 16, VECTOR},
    {"ld2", 'l', 32, VECTOR},   {"ld3", 'l', 48, VECTOR},   {"ld4", 'l', 64, VECTOR},
    {"st1", 's', 16, VECTOR},   {"st2", 's', 32, VECTOR},   {"st3", 's', 48, VECTOR},
    {"st4", 's', 64, VECTOR},   {"dc", 's', 64, OTHER},     {"prfm", '-', 0, PLAIN},
    {"prfum", '-', 0, PLAIN},
};
static const char *const aarch64_calls[] = {"bl", "blr", NULL};

/* ARM Architecture Reference Manual, DDI 0406C, A4.6. */
static const struct objcheck_mnemonic arm[] = {
    {"ldr", 'l', 4, PLAIN},      {"ldrb", 'l', 1, PLAIN},     {"ldrh", 'l', 2, PLAIN},
    {"ldrsb", 'l', 1, PLAIN},    {"ldrsh", 'l', 2, PLAIN},    {"lda", 'l', 4, PLAIN},
    {"ldab", 'l', 1, PLAIN},     {"ldah", 'l', 2, PLAIN},     {"str", 's', 4, PLAIN},
    {"strb", 's', 1, PLAIN},     {"strh", 's', 2, PLAIN},     {"stl", 's', 4, PLAIN},
    {"stlb", 's', 1, PLAIN},     {"stlh", 's', 2, PLAIN},     {"ldrd", 'l', 8, PAIR},
    {"strd", 's', 8, PAIR},      {"ldm", 'l', 4, MULTIPLE},   {"ldmdb", 'l', 4, MULTIPLE},
    {"ldmib", 'l', 4, MULTIPLE}, {"stm", 's', 4, MULTIPLE},   {"stmdb", 's', 4, MULTIPLE},
    {"stmib", 's', 4, MULTIPLE}, {"ldrex", 'l', 4, ATOMIC},   {"ldrexb", 'l', 1, ATOMIC},
    {"ldrexh", 'l', 2, ATOMIC},  {"ldrexd", 'l', 8, ATOMIC},  {"strex", 's', 4, ATOMIC},
    {"strexb", 's', 1, ATOMIC},  {"strexh", 's', 2, ATOMIC},  {"strexd", 's', 8, ATOMIC},
    {"vldr", 'l', 8, VECTOR},    {"vstr", 's', 8, VECTOR},    {"vldmia", 'l', 8, VECTOR},
    {"vstmia", 's', 8, VECTOR},  {"vldmdb", 'l', 8, VECTOR},  {"vstmdb", 's', 8, VECTOR},
    {"fldmiax", 'l', 8, VECTOR}, {"fstmiax", 's', 8, VECTOR}, {"fldmdbx", 'l', 8, VECTOR},
    {"fstmdbx", 's', 8, VECTOR}, {"vld1", 'l', 16, VECTOR},   {"vst1", 's', 16, VECTOR},
    {"pld", '-', 0, PLAIN},      {"pldw", '-', 0, PLAIN},     {"pli", '-', 0, PLAIN},
    {"tbb", '-', 0, PLAIN},      {"tbh", '-', 0, PLAIN},
};
static const char *const arm_calls[] = {"bl", "blx", NULL};

/* MIPS Architecture for Programmers, volume II-A, MD00087. */
static const struct objcheck_mnemonic mips[] = {
    {"lb", 'l', 1, PLAIN},    {"lbu", 'l', 1, PLAIN},   {"lh", 'l', 2, PLAIN},
    {"lhu", 'l', 2, PLAIN},   {"lw", 'l', 4, PLAIN},    {"lwu", 'l', 4, PLAIN},
    {"ld", 'l', 8, PLAIN},    {"sb", 's', 1, PLAIN},    {"sh", 's', 2, PLAIN},
    {"sw", 's', 4, PLAIN},    {"sd", 's', 8, PLAIN},    {"lwl", 'l', 4, PARTIAL},
    {"lwr", 'l', 4, PARTIAL}, {"ldl", 'l', 8, PARTIAL}, {"ldr", 'l', 8, PARTIAL},
    {"swl", 's', 4, PARTIAL}, {"swr", 's', 4, PARTIAL}, {"sdl", 's', 8, PARTIAL},
    {"sdr", 's', 8, PARTIAL}, {"ll", 'l', 4, ATOMIC},   {"lld", 'l', 8, ATOMIC},
    {"sc", 's', 4, ATOMIC},   {"scd", 's', 8, ATOMIC},  {"lwc1", 'l', 4, VECTOR},
    {"ldc1", 'l', 8, VECTOR}, {"swc1", 's', 4, VECTOR}, {"sdc1", 's', 8, VECTOR},
    {"pref", '-', 0, PLAIN},
};
static const char *const mips_calls[] = {"jal", "jalr", "bal", "balc", "jalr.hb", "bgezal", NULL};

/* Power ISA 2.07B, Book I, chapters 3, 4, 6 and 7. */
static const struct objcheck_mnemonic ppc[] = {
    {"lbz", 'l', 1, PLAIN},       {"lbzx", 'l', 1, PLAIN},      {"lhz", 'l', 2, PLAIN},
    {"lhzx", 'l', 2, PLAIN},      {"lha", 'l', 2, PLAIN},       {"lhax", 'l', 2, PLAIN},
    {"lwz", 'l', 4, PLAIN},       {"lwzx", 'l', 4, PLAIN},      {"lwa", 'l', 4, PLAIN},
    {"lwax", 'l', 4, PLAIN},      {"ld", 'l', 8, PLAIN},        {"ldx", 'l', 8, PLAIN},
    {"lhbrx", 'l', 2, PLAIN},     {"lwbrx", 'l', 4, PLAIN},     {"ldbrx", 'l', 8, PLAIN},
    {"stb", 's', 1, PLAIN},       {"stbx", 's', 1, PLAIN},      {"sth", 's', 2, PLAIN},
    {"sthx", 's', 2, PLAIN},      {"stw", 's', 4, PLAIN},       {"stwx", 's', 4, PLAIN},
    {"std", 's', 8, PLAIN},       {"stdx", 's', 8, PLAIN},      {"sthbrx", 's', 2, PLAIN},
    {"stwbrx", 's', 4, PLAIN},    {"stdbrx", 's', 8, PLAIN},    {"lbzu", 'l', 1, WRITEBACK},
    {"lbzux", 'l', 1, WRITEBACK}, {"lhzu", 'l', 2, WRITEBACK},  {"lhzux", 'l', 2, WRITEBACK},
    {"lhau", 'l', 2, WRITEBACK},  {"lhaux", 'l', 2, WRITEBACK}, {"lwzu", 'l', 4, WRITEBACK},
    {"lwzux", 'l', 4, WRITEBACK}, {"lwaux", 'l', 4, WRITEBACK}, {"ldu", 'l', 8, WRITEBACK},
    {"ldux", 'l', 8, WRITEBACK},  {"stbu", 's', 1, WRITEBACK},  {"stbux", 's', 1, WRITEBACK},
    {"sthu", 's', 2, WRITEBACK},  {"sthux", 's', 2, WRITEBACK}, {"stwu", 's', 4, WRITEBACK},
    {"stwux", 's', 4, WRITEBACK}, {"stdu", 's', 8, WRITEBACK},  {"stdux", 's', 8, WRITEBACK},
    {"lmw", 'l', 4, MULTIPLE},    {"stmw", 's', 4, MULTIPLE},   {"lswi", 'l', 4, MULTIPLE},
    {"lswx", 'l', 4, MULTIPLE},   {"stswi", 's', 4, MULTIPLE},  {"stswx", 's', 4, MULTIPLE},
    {"lfs", 'l', 4, VECTOR},      {"lfsx", 'l', 4, VECTOR},     {"lfd", 'l', 8, VECTOR},
    {"lfdx", 'l', 8, VECTOR},     {"lfdu", 'l', 8, VECTOR},     {"stfs", 's', 4, VECTOR},
    {"stfsx", 's', 4, VECTOR},    {"stfd", 's', 8, VECTOR},     {"stfdx", 's', 8, VECTOR},
    {"stfdu", 's', 8, VECTOR},    {"lvx", 'l', 16, VECTOR},     {"lvxl", 'l', 16, VECTOR},
    {"lxvd2x", 'l', 16, VECTOR},  {"lxvw4x", 'l', 16, VECTOR},  {"lxvdsx", 'l', 8, VECTOR},
    {"lxsdx", 'l', 8, VECTOR},    {"stvx", 's', 16, VECTOR},    {"stvxl", 's', 16, VECTOR},
    {"stxvd2x", 's', 16, VECTOR}, {"stxvw4x", 's', 16, VECTOR}, {"stxsdx", 's', 8, VECTOR},
    {"lwarx", 'l', 4, ATOMIC},    {"ldarx", 'l', 8, ATOMIC},    {"stwcx.", 's', 4, ATOMIC},
    {"stdcx.", 's', 8, ATOMIC},   {"dcbz", 's', 128, OTHER},    {"dcbzl", 's', 128, OTHER},
    {"stfiwx", 's', 4, VECTOR},   {"lfiwax", 'l', 4, VECTOR},   {"lfiwzx", 'l', 4, VECTOR},
    {"lfsu", 'l', 4, VECTOR},     {"lfsux", 'l', 4, VECTOR},    {"lfdux", 'l', 8, VECTOR},
    {"stfsu", 's', 4, VECTOR},    {"stfsux", 's', 4, VECTOR},   {"stfdux", 's', 8, VECTOR},
    {"lvebx", 'l', 1, VECTOR},    {"lvehx", 'l', 2, VECTOR},    {"lvewx", 'l', 4, VECTOR},
    {"stvebx", 's', 1, VECTOR},   {"stvehx", 's', 2, VECTOR},   {"stvewx", 's', 4, VECTOR},
    {"lxsiwax", 'l', 4, VECTOR},  {"lxsiwzx", 'l', 4, VECTOR},  {"lxsspx", 'l', 4, VECTOR},
    {"stxsiwx", 's', 4, VECTOR},  {"stxsspx", 's', 4, VECTOR},  {"lq", 'l', 16, PAIR},
    {"stq", 's', 16, PAIR},       {"dcbt", '-', 0, PLAIN},      {"dcbtst", '-', 0, PLAIN},
    {"dcbst", '-', 0, PLAIN},     {"dcbf", '-', 0, PLAIN},
};
static const char *const ppc_calls[] = {"bl", "bla", "bctrl", "blrl", NULL};

/* z/Architecture Principles of Operation, SA22-7832, chapter 7. */
static const struct objcheck_mnemonic s390x[] = {
    {"l", 'l', 4, PLAIN},       {"ly", 'l', 4, PLAIN},      {"lg", 'l', 8, PLAIN},
    {"lgf", 'l', 4, PLAIN},     {"llgf", 'l', 4, PLAIN},    {"lh", 'l', 2, PLAIN},
    {"lhy", 'l', 2, PLAIN},     {"lgh", 'l', 2, PLAIN},     {"llh", 'l', 2, PLAIN},
    {"llgh", 'l', 2, PLAIN},    {"lb", 'l', 1, PLAIN},      {"lgb", 'l', 1, PLAIN},
    {"llc", 'l', 1, PLAIN},     {"llgc", 'l', 1, PLAIN},    {"ic", 'l', 1, PLAIN},
    {"icy", 'l', 1, PLAIN},     {"lt", 'l', 4, PLAIN},      {"ltg", 'l', 8, PLAIN},
    {"ltgf", 'l', 4, PLAIN},    {"lrvh", 'l', 2, PLAIN},    {"lrv", 'l', 4, PLAIN},
    {"lrvg", 'l', 8, PLAIN},    {"st", 's', 4, PLAIN},      {"sty", 's', 4, PLAIN},
    {"stg", 's', 8, PLAIN},     {"sth", 's', 2, PLAIN},     {"sthy", 's', 2, PLAIN},
    {"stc", 's', 1, PLAIN},     {"stcy", 's', 1, PLAIN},    {"strvh", 's', 2, PLAIN},
    {"strv", 's', 4, PLAIN},    {"strvg", 's', 8, PLAIN},   {"mvi", 's', 1, PLAIN},
    {"mviy", 's', 1, PLAIN},    {"mvhhi", 's', 2, PLAIN},   {"mvhi", 's', 4, PLAIN},
    {"mvghi", 's', 8, PLAIN},   {"tm", 'l', 1, PLAIN},      {"tmy", 'l', 1, PLAIN},
    {"cli", 'l', 1, PLAIN},     {"cliy", 'l', 1, PLAIN},    {"lm", 'l', 4, MULTIPLE},
    {"lmy", 'l', 4, MULTIPLE},  {"lmg", 'l', 8, MULTIPLE},  {"stm", 's', 4, MULTIPLE},
    {"stmy", 's', 4, MULTIPLE}, {"stmg", 's', 8, MULTIPLE}, {"mvc", 'b', 0, MULTIPLE},
    {"xc", 'b', 0, MULTIPLE},   {"oc", 'b', 0, MULTIPLE},   {"nc", 'b', 0, MULTIPLE},
    {"clc", 'l', 0, MULTIPLE},  {"mvcl", 'b', 0, MULTIPLE}, {"mvcle", 'b', 0, MULTIPLE},
    {"ld", 'l', 8, VECTOR},     {"ldy", 'l', 8, VECTOR},    {"le", 'l', 4, VECTOR},
    {"std", 's', 8, VECTOR},    {"stdy", 's', 8, VECTOR},   {"ste", 's', 4, VECTOR},
    {"vl", 'l', 16, VECTOR},    {"vst", 's', 16, VECTOR},   {"cs", 'b', 4, ATOMIC},
    {"csy", 'b', 4, ATOMIC},    {"csg", 'b', 8, ATOMIC},    {"ni", 'b', 1, ATOMIC},
    {"oi", 'b', 1, ATOMIC},     {"xi", 'b', 1, ATOMIC},     {"la", '-', 0, PLAIN},
    {"lay", '-', 0, PLAIN},     {"larl", '-', 0, PLAIN},    {"pfd", '-', 0, PLAIN},
    {"sllg", '-', 0, PLAIN},    {"srlg", '-', 0, PLAIN},    {"sll", '-', 0, PLAIN},
    {"srl", '-', 0, PLAIN},     {"srag", '-', 0, PLAIN},    {"sra", '-', 0, PLAIN},
    {"slag", '-', 0, PLAIN},    {"sllk", '-', 0, PLAIN},    {"srlk", '-', 0, PLAIN},
    {"srak", '-', 0, PLAIN},    {"rllg", '-', 0, PLAIN},    {"rll", '-', 0, PLAIN},
    {"sldl", '-', 0, PLAIN},    {"srdl", '-', 0, PLAIN},
};
static const char *const s390x_calls[] = {"brasl", "bras", "basr", "bas", NULL};

static const char *const x86_calls[] = {"call", "lcall", NULL};

/* The first memory operand and its base, from each architecture's own detail. */
#define OPERAND(function, field, type_memory)                                                   \
    static struct objcheck_operand function(const cs_detail *detail)                            \
    {                                                                                           \
        for (unsigned i = 0; i < detail->field.op_count; i++) {                                 \
            if (detail->field.operands[i].type == (type_memory))                                \
                return (struct objcheck_operand){true,                                          \
                                                 (unsigned)detail->field.operands[i].mem.base}; \
        }                                                                                       \
        return (struct objcheck_operand){false, 0};                                             \
    }

OPERAND(aarch64_operand, arm64, ARM64_OP_MEM)
OPERAND(arm_operand, arm, ARM_OP_MEM)
OPERAND(mips_operand, mips, MIPS_OP_MEM)
OPERAND(ppc_operand, ppc, PPC_OP_MEM)
OPERAND(s390x_operand, sysz, SYSZ_OP_MEM)
OPERAND(x86_operand, x86, X86_OP_MEM)

#define TABLE(t) t, sizeof(t) / sizeof((t)[0])

/* arm: r7 in Thumb code, r11 (fp) elsewhere. */
const struct objcheck_isa objcheck_isas[] = {
    {"amd64",
     EM_X86_64,
     true,
     0,
     CS_ARCH_X86,
     CS_MODE_64,
     {"rsp"},
     {"rbp"},
     {"mov rbp, rsp"},
     NULL,
     0,
     x86_operand,
     x86_calls},
    {"i386",
     EM_386,
     false,
     0,
     CS_ARCH_X86,
     CS_MODE_32,
     {"esp"},
     {"ebp"},
     {"mov ebp, esp"},
     NULL,
     0,
     x86_operand,
     x86_calls},
    {"arm64",
     EM_AARCH64,
     true,
     -1,
     CS_ARCH_ARM64,
     0,
     {"sp"},
     {"x29", "fp"},
     {"mov x29, sp", "add x29, sp", "mov fp, sp", "add fp, sp"},
     TABLE(aarch64),
     aarch64_operand,
     aarch64_calls},
    {"armhf",
     EM_ARM,
     false,
     -1,
     CS_ARCH_ARM,
     0,
     {"sp", "pc"},
     {"r7", "fp"},
     {"mov r7, sp", "add r7, sp", "mov fp, sp", "add fp, sp"},
     TABLE(arm),
     arm_operand,
     arm_calls},
    {"mips64el",
     EM_MIPS,
     true,
     0,
     CS_ARCH_MIPS,
     CS_MODE_MIPS64,
     {"sp", "gp"},
     {"fp"},
     {"move $fp, $sp"},
     TABLE(mips),
     mips_operand,
     mips_calls},
    {"mips64",
     EM_MIPS,
     true,
     1,
     CS_ARCH_MIPS,
     CS_MODE_MIPS64,
     {"sp", "gp"},
     {"fp"},
     {"move $fp, $sp"},
     TABLE(mips),
     mips_operand,
     mips_calls},
    {"mipsel",
     EM_MIPS,
     false,
     0,
     CS_ARCH_MIPS,
     CS_MODE_MIPS32,
     {"sp", "gp"},
     {"fp"},
     {"move $fp, $sp"},
     TABLE(mips),
     mips_operand,
     mips_calls},
    {"mips",
     EM_MIPS,
     false,
     1,
     CS_ARCH_MIPS,
     CS_MODE_MIPS32,
     {"sp", "gp"},
     {"fp"},
     {"move $fp, $sp"},
     TABLE(mips),
     mips_operand,
     mips_calls},
    {"ppc64el",
     EM_PPC64,
     true,
     0,
     CS_ARCH_PPC,
     CS_MODE_64,
     {"r1", "r2"},
     {"r31"},
     {"mr r31, r1"},
     TABLE(ppc),
     ppc_operand,
     ppc_calls},
    {"ppc64",
     EM_PPC64,
     true,
     1,
     CS_ARCH_PPC,
     CS_MODE_64,
     {"r1", "r2"},
     {"r31"},
     {"mr r31, r1"},
     TABLE(ppc),
     ppc_operand,
     ppc_calls},
    {"s390x",
     EM_S390,
     true,
     1,
     CS_ARCH_SYSZ,
     0,
     {"15"},
     {"11"},
     {"lgr %r11, %r15"},
     TABLE(s390x),
     s390x_operand,
     s390x_calls},
    {"riscv64", EM_RISCV, true, 0, CS_ARCH_ALL, 0, {NULL}, {NULL}, {NULL}, NULL, 0, NULL, NULL},
};
const unsigned objcheck_isa_count = sizeof(objcheck_isas) / sizeof(objcheck_isas[0]);
