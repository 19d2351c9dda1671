/* SPDX-License-Identifier: MIT */

/* What the decoder says that an instruction accesses, for forms that are easy to get wrong. They
 * are only decoded: this runs on any CPU. */

#include "harness.h"

#include <errno.h>
#include <string.h>

#include <membus/audit.h>

#include "audit/decode_x86.h"

/* Each instruction, and what is expected of it: loads, stores and their bytes, then
 *   v vector, n non-temporal, s string, k masked by an opmask, p packed, m by signs, z zeroing;
 *   then F fence, ! unsupported, ? unsupported in source and destination, $ uses the stack. */
#define INSTRUCTIONS(X)                                \
    X("movb (%rdi), %al", "L1")                        \
    X("movbe %ax, (%rdi)", "S2")                       \
    X("movzbl (%rdi), %eax", "L1")                     \
    X("movslq (%rdi), %rax", "L4")                     \
    X("addq %rax, (%rdi)", "L8S8")                     \
    X("lock addw $1, (%rdi)", "L2S2F")                 \
    X("xchg %al, (%rdi)", "L1S1F")                     \
    X("xchg %al, %bl", "")                             \
    X("cmpxchg16b (%rdi)", "L16S16")                   \
    X("lock cmpxchg8b (%rdi)", "L8S8F")                \
    X("cmovne (%rdi), %rax", "L8")                     \
    X("setne (%rdi)", "S1")                            \
    X("testl $1, (%rdi)", "L4")                        \
    X("lea (%rdi), %rax", "")                          \
    X("push %rax", "$")                                \
    X("push (%rdi)", "L8$")                            \
    X("pop (%rdi)", "S8$")                             \
    X("pushw (%rdi)", "L2$")                           \
    X("enter $16, $0", "$")                            \
    X("enter $16, $1", "!")                            \
    X("xlat", "!")                                     \
    X("leave", "L8")                                   \
    X("movsb", "S1L1")                                 \
    X("rep movsl", "S4sL4s")                           \
    X("rep stosq", "S8s")                              \
    X("lodsw", "L2")                                   \
    X("scasb", "L1")                                   \
    X("repe cmpsb", "L1sL1s?")                         \
    X("repne scasb", "L1s?")                           \
    X("btl $3, (%rdi)", "L4")                          \
    X("btsl %eax, (%rdi)", "!")                        \
    X("movnti %eax, (%rdi)", "S4n")                    \
    X("movntdqa (%rdi), %xmm0", "L16vn")               \
    X("vmovntps %zmm0, (%rdi)", "S64vn")               \
    X("movntq %mm0, (%rdi)", "S8vn")                   \
    X("movdiri %rax, (%rdi)", "S8n")                   \
    X("movdir64b (%rdi), %rax", "!")                   \
    X("clzero", "S64z")                                \
    X("sfence", "F")                                   \
    X("mfence", "F")                                   \
    X("lfence", "")                                    \
    X("prefetcht1 (%rdi)", "")                         \
    X("prefetchw (%rdi)", "")                          \
    X("clwb (%rdi)", "")                               \
    X("nopl (%rdi)", "")                               \
    X("movd (%rdi), %xmm0", "L4v")                     \
    X("movq %xmm0, (%rdi)", "S8v")                     \
    X("movhps (%rdi), %xmm0", "L8v")                   \
    X("movddup (%rdi), %xmm0", "L8v")                  \
    X("vmovddup (%rdi), %ymm0", "L32v")                \
    X("pinsrw $1, (%rdi), %xmm0", "L2v")               \
    X("pextrw $1, %xmm0, (%rdi)", "S2v")               \
    X("pmovzxbw (%rdi), %xmm0", "L8v")                 \
    X("vpmovzxbq (%rdi), %zmm0", "L8v")                \
    X("vpmovqb %zmm0, (%rdi)", "S8v")                  \
    X("vcvtps2ph $0, %ymm0, (%rdi)", "S16v")           \
    X("vbroadcastsd (%rdi), %zmm0", "L8v")             \
    X("vbroadcasti32x4 (%rdi), %zmm0", "L16v")         \
    X("vextracti64x4 $1, %zmm0, (%rdi)", "S32v")       \
    X("vinserti64x2 $1, (%rdi), %ymm0, %ymm1", "L16v") \
    X("vpaddd (%rdi), %zmm0, %zmm1", "L64v")           \
    X("vpaddd (%rdi){1to16}, %zmm0, %zmm1", "L4v")     \
    X("vpaddd (%rdi), %zmm0, %zmm1{%k1}", "L64v?")     \
    X("vmovdqu8 %zmm0, (%rdi){%k1}", "S64vk1")         \
    X("vmovdqu16 (%rdi), %ymm0{%k2}{z}", "L32vk2")     \
    X("vmovups %xmm0, (%rdi){%k7}", "S16vk4")          \
    X("vmovapd (%rdi), %zmm0{%k1}", "L64vk8")          \
    X("vmovsd %xmm0, (%rdi){%k1}", "S8vk8")            \
    X("vpcompressw %ymm0, (%rdi){%k1}", "S32vp2")      \
    X("vexpandpd (%rdi), %zmm0{%k1}{z}", "L64vp8")     \
    X("vmaskmovpd (%rdi), %ymm0, %ymm1", "L32vm8")     \
    X("vpmaskmovd %xmm1, %xmm0, (%rdi)", "S16vm4")     \
    X("maskmovdqu %xmm1, %xmm0", "S16vnm1")            \
    X("maskmovq %mm1, %mm0", "S8vnm1")                 \
    X("vpgatherqq (%rdi,%zmm1), %zmm0{%k1}", "!")      \
    X("vpscatterdd %zmm0, (%rdi,%zmm1){%k1}", "!")     \
    X("fldl (%rdi)", "L8")                             \
    X("fstpt (%rdi)", "S10?")                          \
    X("fistpll (%rdi)", "S8")                          \
    X("xsave (%rdi)", "L576S576?")                     \
    X("xbegin .", "!")                                 \
    X("popfq", "!")                                    \
    X("mov %ax, %fs", "!")                             \
    X("wrfsbase %rax", "!")

#define TEXT(instruction, expected) instruction "\n\t"
__asm__(".section .rodata\n"
        ".globl decode_start\n"
        "decode_start:\n\t" INSTRUCTIONS(TEXT) ".fill 16, 1, 0x90\n"
                                               ".text\n");
extern const unsigned char decode_start[];

#define ROW(instruction, expected) {instruction, expected},
static const struct {
    const char *instruction, *expected;
} rows[] = {INSTRUCTIONS(ROW)};

static void describe_mem(char **to, const struct audit_mem *m)
{
    if (m->kind & MEMBUS_AUDIT_LOAD)
        *to += sprintf(*to, "L%u", m->width);
    if (m->kind & MEMBUS_AUDIT_STORE)
        *to += sprintf(*to, "S%u", m->width);
    if (m->kind & MEMBUS_AUDIT_VECTOR)
        *(*to)++ = 'v';
    if (m->kind & MEMBUS_AUDIT_NONTEMPORAL)
        *(*to)++ = 'n';
    if (m->kind & MEMBUS_AUDIT_ZEROING)
        *(*to)++ = 'z';
    if (m->kind & MEMBUS_AUDIT_STRING)
        *(*to)++ = 's';
    assert_int_equal(!!(m->kind & MEMBUS_AUDIT_MASKED),
                     m->cover == AUDIT_COVER_OPMASK || m->cover == AUDIT_COVER_PACKED ||
                         m->cover == AUDIT_COVER_SIGNS || m->cover == AUDIT_COVER_SIGNS_MMX);
    if (m->kind & MEMBUS_AUDIT_MASKED)
        *to += sprintf(*to, "%c%u",
                       m->cover == AUDIT_COVER_OPMASK   ? 'k'
                       : m->cover == AUDIT_COVER_PACKED ? 'p'
                                                        : 'm',
                       m->element);
}

static void describe(const struct audit_insn *insn, char *to)
{
    for (unsigned i = 0; i < insn->mems; i++)
        describe_mem(&to, &insn->mem[i]);
    if (insn->fence)
        *to++ = 'F';
    if (insn->op == AUDIT_OP_UNSUPPORTED)
        *to++ = '!';
    if (insn->inexact)
        *to++ = '?';
    if (insn->stack)
        *to++ = '$';
    *to = 0;
    assert_true((insn->op == AUDIT_OP_UNSUPPORTED || insn->inexact) == (insn->why != NULL));
}

static void test_forms(void **state)
{
    const unsigned char *p = decode_start;
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct audit_insn insn;
        char text[64];

        assert_int_equal(audit_decode(&insn, (uintptr_t)p, p, 15), 0);
        describe(&insn, text);
        if (strcmp(text, rows[i].expected)) {
            printf("# %s: %s, not %s\n", rows[i].instruction, text, rows[i].expected);
            wrong++;
        }
        p += insn.length;
    }
    assert_int_equal(*p, 0x90);
    assert_int_equal(wrong, 0);
}

static void test_nonsense(void **state)
{
    static const unsigned char invalid[16] = {0x06}, cut[] = {0x48, 0x8b};
    struct audit_insn insn;

    (void)state;
    assert_int_equal(audit_decode(&insn, 0, invalid, 15), -EILSEQ);
    assert_int_equal(audit_decode(&insn, 0, cut, sizeof(cut)), -EILSEQ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_nonsense),
    };

    return RUN_TESTS(tests);
}
