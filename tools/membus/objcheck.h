/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_OBJCHECK_H
#define MEMBUS_OBJCHECK_H

/*
 * What `membus objcheck` is made of: did the compiler keep the accesses as they were written?
 *
 *   object     one ELF file, or one member of an archive
 *   accessor   a function whose name ends in that of an accessor of membus/access.h or of
 *              membus/arch.h (membus_ram_load_32, check_membus_mmio_write_le16): it must make
 *              exactly one access of its width, besides those to its own stack
 *   site       where an accessor was inlined: recorded in the section .membus.access by objects
 *              that were compiled with MEMBUS_RECORD_ACCESSES; exactly one access as well
 *   function   the function around a site: it must call no memcpy, memmove or memset
 *   finding    one thing wrong with one of these
 *
 * Layers: decode (one instruction, of any of the architectures), elf (symbols, sections,
 * relocations), check (the judgement), and the command with its text and JSON.
 *
 * The input is hostile by assumption: every offset is checked, every count has a limit.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The form of an access: PLAIN is what a hypervisor can decode. */
enum objcheck_form {
    OBJCHECK_PLAIN,
    OBJCHECK_PAIR,        /* two registers: ldp, ldrd */
    OBJCHECK_WRITEBACK,   /* the base register changes too */
    OBJCHECK_MULTIPLE,    /* a list of registers, or memory to memory */
    OBJCHECK_VECTOR,      /* a vector or floating-point register */
    OBJCHECK_X87,         /* fild and fistp */
    OBJCHECK_STRING,      /* rep movs and its like */
    OBJCHECK_NONTEMPORAL, /* past the caches */
    OBJCHECK_ATOMIC,      /* reads and writes: locked, exclusive, read-modify-write */
    OBJCHECK_PARTIAL,     /* as much as alignment leaves: lwl, lwr */
    OBJCHECK_OTHER,       /* touches memory in a way that is not known here */
    OBJCHECK_FORMS
};

struct objcheck_access {
    bool load, store;
    bool own;   /* to the function's own stack or constants */
    bool frame; /* the same if the register is this function's frame pointer (sets_frame) */
    uint8_t width;
    enum objcheck_form form;
};

struct objcheck_insn {
    uint64_t address;
    unsigned size;   /* bytes; at least 1 */
    bool known;      /* false: no instruction that the decoder knows */
    bool call;       /* calls a function, by any means */
    bool jump;       /* goes elsewhere without coming back, perhaps to another function */
    bool sets_frame; /* makes a frame pointer from the stack pointer */
    bool has_target; /* an immediate that may be where it goes, or a slot that it reads */
    uint64_t target;
    unsigned accesses;
    struct objcheck_access access[2];
    char text[96];
};

struct objcheck_decoder;

/* A decoder for an ELF machine, class and byte order. Returns 0, -ENOTSUP, -ENOMEM. */
int objcheck_decoder_open(struct objcheck_decoder **decoder, unsigned machine, bool wide,
                          bool big_endian);
void objcheck_decoder_close(struct objcheck_decoder *decoder);

/* "arm64", "riscv64", ...: Debian's names. */
const char *objcheck_decoder_name(const struct objcheck_decoder *decoder);

/* A new function begins: nothing is known of its registers. */
void objcheck_decoder_reset(struct objcheck_decoder *decoder);

/* Decodes one instruction of `size` bytes of code (at least 1); `thumb` matters on arm only.
 * Always advances: insn->size is 1 to size. */
void objcheck_decode(struct objcheck_decoder *decoder, const uint8_t *code, size_t size,
                     uint64_t address, bool thumb, struct objcheck_insn *insn);

const char *objcheck_form_name(enum objcheck_form form);

/* What can be wrong. */
enum objcheck_fault {
    OBJCHECK_NO_ACCESS,    /* an accessor or a site without its access */
    OBJCHECK_SEVERAL,      /* more than one access */
    OBJCHECK_WIDTH,        /* of another width */
    OBJCHECK_DIRECTION,    /* a load for a store */
    OBJCHECK_FORM,         /* not plain */
    OBJCHECK_CALL,         /* an accessor calls something */
    OBJCHECK_COPY_CALL,    /* code that touches a mapping calls memcpy, memmove, memset */
    OBJCHECK_UNNAMED_CALL, /* such code makes calls that cannot be named, and memcpy is there */
    OBJCHECK_UNKNOWN,      /* an instruction that is not known */
    OBJCHECK_FAULTS
};

const char *objcheck_fault_name(enum objcheck_fault fault);

struct objcheck_finding {
    enum objcheck_fault fault;
    char function[128]; /* or "" */
    uint64_t address;
    char why[200];
};

/* One line of --routine. */
struct objcheck_listed {
    char function[128];
    uint64_t address;
    struct objcheck_access access; /* neither load nor store: a call */
    char text[96];
};

/* What came of one object. */
struct objcheck_report {
    char object[512];
    const char *machine;
    unsigned accessors, sites, functions, routines;
    struct objcheck_finding *finding;
    size_t findings;
    struct objcheck_listed *listed;
    size_t listeds;
    char error[200]; /* why it could not be checked; "" when it was */
};

struct objcheck_options {
    const char *routine; /* list this routine's accesses instead of checking; or NULL */
};

/* Called with each object's report in turn; the report is freed afterwards. */
typedef void objcheck_sink(void *data, const struct objcheck_report *report);

/*
 * Checks a file's contents: an ELF file or an archive of them. `name` is for the reports. The
 * contents are not changed, but libelf wants them writable.
 *
 * Returns: 0 (all reports made; they may hold findings and errors), -EINVAL (neither ELF nor
 *          archive, or broken), -ENOMEM; `error` says more.
 */
int objcheck_contents(char *contents, size_t size, const char *name,
                      const struct objcheck_options *options, objcheck_sink *sink, void *data,
                      char *error, size_t error_size);

/* The same for a file. -errno too when it cannot be read; -EFBIG over OBJCHECK_FILE_MAX. */
int objcheck_file(const char *path, const struct objcheck_options *options, objcheck_sink *sink,
                  void *data, char *error, size_t error_size);

#define OBJCHECK_FILE_MAX     ((size_t)1 << 30) /* bytes of one file */
#define OBJCHECK_MEMBERS_MAX  65536u            /* members of an archive */
#define OBJCHECK_FINDINGS_MAX 10000u            /* findings, and lines, of one object */
#define OBJCHECK_CODE_MAX     ((size_t)1 << 20) /* bytes of one function that are decoded */

#endif
