/* SPDX-License-Identifier: MIT */

/*
 * The plugin that qemu-user loads: records what the guest's routine does, in the share.
 *
 *   -plugin libmembus-audit-qemu.so,share=FD,arena=FD,from=FD,to=FD
 *
 * QEMU calls back for each access with its address and size: 16-byte vectors come as two accesses
 * of 8 bytes, some helpers' as single bytes; who reads the events puts them together by
 * instruction (qemu_decode.c). Some instructions of s390x (MVC and its kin, also under EXRL) QEMU
 * carries out by the host's memmove, with no callback. Those are recorded by their effect: the
 * destination is filled with other values than it has, the instruction runs, and what has changed
 * is what it stored; it loaded the same bytes of the source. Where source and destination overlap
 * nothing can be filled, and a store of the value that was already there is not seen. DCBZ of Power
 * and DC ZVA of arm64, which store zeros by a helper, are recorded in the same way; they load
 * nothing, so their destination can always be filled.
 *
 * For the tests MEMBUS_AUDIT_MISTAKE=drop|narrow|shift|widen makes the recorder wrong in one store
 * of three.
 *
 * No header of QEMU's plugin interface (version 1, QEMU 4.2 to 8.2) is packaged, so the few
 * functions needed are declared here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/qemu_share.h"

/* No byte of source or destination, nor a zeroed one, has these values (arena.c). */
#define OTHER      0xff
#define OTHER_ELSE 0xfe /* for what a wrong routine stored */

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_CB_NO_REGS };
enum { QEMU_PLUGIN_MEM_RW = 3 };

struct qemu_info {
    const char *target_name;
    struct {
        int min, cur;
    } version;
    bool system_emulation;
    int smp_vcpus, max_vcpus;
};

typedef void tb_callback(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void insn_callback(unsigned vcpu, void *data);
typedef void mem_callback(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *data);
typedef void syscall_callback(qemu_plugin_id_t id, unsigned vcpu, int64_t number, uint64_t a1,
                              uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6,
                              uint64_t a7, uint64_t a8);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_callback *callback);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t id, syscall_callback *callback);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, insn_callback *callback,
                                            int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, mem_callback *callback,
                                      int flags, int rw, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t info);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t info);

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
                               char **argv);

static struct audit_share *share;
static unsigned char *arena;
static int from_auditor, to_auditor;
static bool s390x, arm64, ppc, big_endian;
static const char *mistake;
static uint64_t address_mask = ~UINT64_C(0);

static bool recording;
static uint32_t previous; /* the instruction that runs */
static uint32_t first;    /* its first event after START */
static bool effect;       /* it is to be recorded by its effect */
static bool zeroing;      /* which is to store zeros */

/* The destination's bytes as they are to be, and as they were filled. */
static unsigned char *real, *filled;

static unsigned char *watched(void)
{
    return arena + share->watch_offset;
}

static void hand_over(uint32_t end)
{
    share->end = end;
    recording = false;
    if (write(to_auditor, "", 1) != 1)
        _exit(0);
}

/* The call cannot go on, and nothing but the end of this process stops it. */
_Noreturn static void give_up(uint32_t end)
{
    share->fault_insn = previous;
    hand_over(end);
    _exit(0);
}

static void add_event(uint32_t insn, uint64_t address, uint64_t size, uint32_t flags)
{
    struct audit_event *e;

    if (share->events == AUDIT_SHARE_EVENTS)
        give_up(AUDIT_SHARE_FULL);
    e = &share->event[share->events++];
    *e = (struct audit_event){(uint32_t)address, (uint32_t)size, insn, flags};
}

static unsigned char other_than(unsigned char byte)
{
    return byte == OTHER ? OTHER_ELSE : OTHER;
}

/* Other values than the bytes have, in the whole watched stretch. */
static void fill(void)
{
    unsigned char *memory = watched();

    for (uint64_t i = 0; i < share->watch_size; i++)
        memory[i] = filled[i] = share->poison ? other_than(real[i]) : real[i];
}

static void unfill(void)
{
    memcpy(watched(), real, share->watch_size);
}

static void before_effect(void)
{
    memcpy(real, watched(), share->watch_size);
    fill();
}

/* No zero is left, so that every byte that is zeroed shows. */
static void before_zeroing(void)
{
    if (!share->check)
        memcpy(real, watched(), share->watch_size);
    memset(filled, OTHER, share->watch_size);
    memset(watched(), OTHER, share->watch_size);
}

/* What changed, as one store of it and one load of as much. */
static void after_effect(void)
{
    const unsigned char *memory = watched();
    uint64_t from = 0, to = share->watch_size, address;

    while (from < to && memory[from] == filled[from])
        from++;
    while (to > from && memory[to - 1] == filled[to - 1])
        to--;
    if (to > from) {
        memcpy(real + from, memory + from, to - from);
        address = share->watch_address + from;
        if (!zeroing)
            add_event(previous, address - (uint64_t)share->source_distance, to - from,
                      AUDIT_EVENT_EFFECT);
        add_event(previous, address, to - from, AUDIT_EVENT_EFFECT | AUDIT_EVENT_STORE);
    }
    if (share->check)
        fill();
    else
        unfill();
}

/* Takes what the last instruction is recorded to have stored; the rest must be as it was filled. */
static bool take_stores(void)
{
    unsigned char *memory = watched();

    for (uint32_t i = first; i < share->events; i++) {
        const struct audit_event *e = &share->event[i];
        uint64_t at = e->address - share->watch_address;

        if (!(e->flags & AUDIT_EVENT_STORE) || at >= share->watch_size)
            continue;
        for (uint64_t end = at + e->size; at < end && at < share->watch_size; at++) {
            if (share->poison && memory[at] == filled[at])
                return false;
            real[at] = memory[at];
            memory[at] = filled[at] = share->poison ? other_than(real[at]) : real[at];
        }
    }
    return memcmp(memory, filled, share->watch_size) == 0;
}

/* The instruction before has run. */
static void finish_previous(void)
{
    if (effect)
        after_effect();
    else if (share->check && !take_stores())
        give_up(AUDIT_SHARE_INEXACT);
    effect = false;
}

static bool by_effect(const struct audit_share_insn *insn)
{
    const uint8_t *b = insn->bytes;

    if (!s390x)
        return false;
    return b[0] == 0xd2 || b[0] == 0xe8 || b[0] == 0x44 || /* MVC, MVCIN, EX */
           b[0] == 0x0e || b[0] == 0xa8 ||                 /* MVCL, MVCLE */
           (b[0] == 0xc6 && (b[1] & 15) == 0) ||           /* EXRL */
           (b[0] == 0xe5 && b[1] == 0x0a);                 /* MVCRL */
}

static bool by_zeroing(const struct audit_share_insn *insn)
{
    const uint8_t *b = insn->bytes;
    uint32_t word = big_endian ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | b[2] << 8 | b[3]
                               : (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | b[1] << 8 | b[0];

    return (ppc && (word & 0xfc0007fe) == 0x7c0007ec) || (arm64 && (word & ~31u) == 0xd50b7420);
}

static void on_insn(unsigned vcpu, void *data)
{
    uint32_t index = (uint32_t)(uintptr_t)data;

    (void)vcpu;
    if (!recording)
        return;
    finish_previous();
    previous = index;
    if (++share->instructions > share->limit)
        give_up(AUDIT_SHARE_ENDLESS);
    add_event(index, 0, 0, AUDIT_EVENT_START);
    first = share->events;
    zeroing = by_zeroing(&share->insn[index]);
    effect = zeroing || by_effect(&share->insn[index]);
    if (zeroing)
        before_zeroing();
    else if (effect && !share->check)
        before_effect();
}

/* One store of three is recorded wrongly; false: not at all. */
static bool make_mistake(uint64_t *address, uint64_t *size)
{
    static unsigned stores;

    if (++stores % 3)
        return true;
    if (strcmp(mistake, "narrow") == 0)
        *size = *size / 2;
    else if (strcmp(mistake, "shift") == 0)
        *address += 1;
    else if (strcmp(mistake, "widen") == 0)
        *size *= 2;
    return strcmp(mistake, "drop") != 0;
}

static void on_access(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
    uint64_t size = UINT64_C(1) << qemu_plugin_mem_size_shift(info);

    (void)vcpu;
    address &= address_mask;
    if (!recording || address >= share->high || address + size <= share->low)
        return;
    if (!mistake || !qemu_plugin_mem_is_store(info) || make_mistake(&address, &size))
        add_event((uint32_t)(uintptr_t)data, address, size,
                  qemu_plugin_mem_is_store(info) ? AUDIT_EVENT_STORE : 0);
}

/* An instruction may be translated more than once: one index for all. */
static uint32_t index_of(const struct qemu_plugin_insn *insn)
{
    uint64_t address = qemu_plugin_insn_vaddr(insn);
    size_t size = qemu_plugin_insn_size(insn);
    struct audit_share_insn *i;

    if (size > AUDIT_INSN_BYTES)
        size = AUDIT_INSN_BYTES;
    for (uint32_t n = share->insns; n-- > 0;)
        if (share->insn[n].address == address && share->insn[n].size == size &&
            memcmp(share->insn[n].bytes, qemu_plugin_insn_data(insn), size) == 0)
            return n;
    if (share->insns == AUDIT_SHARE_INSNS)
        give_up(AUDIT_SHARE_FULL);
    i = &share->insn[share->insns];
    i->address = address;
    i->size = (uint8_t)size;
    memcpy(i->bytes, qemu_plugin_insn_data(insn), size);
    return share->insns++;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        void *index = (void *)(uintptr_t)index_of(insn);

        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_insn, QEMU_PLUGIN_CB_NO_REGS, index);
        qemu_plugin_register_vcpu_mem_cb(insn, on_access, QEMU_PLUGIN_CB_NO_REGS,
                                         QEMU_PLUGIN_MEM_RW, index);
    }
}

static void begin(void)
{
    char byte;

    if (read(from_auditor, &byte, 1) != 1)
        _exit(0);
    share->events = 0;
    share->instructions = 0;
    first = 0;
    effect = false;
    if (share->check)
        before_effect();
    recording = true;
}

/* The call is over: memory as it would be without the recorder. */
static void settle(void)
{
    finish_previous();
    if (share->check)
        unfill();
}

static void on_syscall(qemu_plugin_id_t id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2,
                       uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
    (void)id, (void)vcpu, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    a1 &= UINT32_MAX;
    if (a1 == AUDIT_MARK_BEGIN) {
        begin();
    } else if (a1 == AUDIT_MARK_END && recording) {
        settle();
        share->value = a2 & address_mask;
        hand_over(AUDIT_SHARE_RETURNED);
    } else if (a1 == AUDIT_MARK_CRASH && recording) {
        share->value = a2;
        share->fault_address = a3 & address_mask;
        hand_over(AUDIT_SHARE_CRASHED);
    } else if (recording) {
        share->value = (uint64_t)number;
        give_up(AUDIT_SHARE_SYSCALL);
    }
}

static void *map(int fd)
{
    struct stat s;
    void *p;

    if (fstat(fd, &s))
        return NULL;
    p = mmap(NULL, (size_t)s.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

static int number_after(const char *argument, const char *key)
{
    size_t length = strlen(key);

    return strncmp(argument, key, length) == 0 ? atoi(argument + length) : -1;
}

static bool narrow(const char *name)
{
    return strcmp(name, "arm") == 0 || strcmp(name, "i386") == 0 || strcmp(name, "mips") == 0;
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
    int share_fd = -1, arena_fd = -1;

    from_auditor = to_auditor = -1;
    for (int i = 0; i < argc; i++) {
        int number;

        if ((number = number_after(argv[i], "share=")) >= 0)
            share_fd = number;
        else if ((number = number_after(argv[i], "arena=")) >= 0)
            arena_fd = number;
        else if ((number = number_after(argv[i], "from=")) >= 0)
            from_auditor = number;
        else if ((number = number_after(argv[i], "to=")) >= 0)
            to_auditor = number;
    }
    share = map(share_fd);
    arena = map(arena_fd);
    /* The largest case's stretch; pages never touched cost nothing. */
    real = mmap(NULL, (size_t)1 << 29, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!share || !arena || real == MAP_FAILED)
        return -1;
    filled = real + ((size_t)1 << 28);
    mistake = getenv("MEMBUS_AUDIT_MISTAKE");
    arm64 = strcmp(info->target_name, "aarch64") == 0;
    ppc = strncmp(info->target_name, "ppc", 3) == 0;
    big_endian = strcmp(info->target_name, "ppc64") == 0;
    s390x = strcmp(info->target_name, "s390x") == 0;
    if (narrow(info->target_name))
        address_mask = UINT32_MAX;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
    return 0;
}
