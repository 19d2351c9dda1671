/* SPDX-License-Identifier: MIT */

/* membus audit: its options, and the order of things. */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <membus/copy.h>

#include "audit_tool.h"
#include "command.h"

#define SYMBOLS_MAX   32
#define KERNELS_MAX   16
#define WIDTH_DEFAULT 100 /* columns where there is no terminal */
#define FAILED        2   /* exit status: could not audit */
#define INTERRUPTED   130

/* Those that this build has, the default first. */
static const struct membus_audit_engine_ops *const engines[] = {
#if MEMBUS_ENGINES_X86
    &membus_audit_slots,
    &membus_audit_ptrace,
#endif
    NULL,
};

/* What the command line asks for. */
struct options {
    char *symbol[SYMBOLS_MAX]; /* split at the colon in place */
    size_t symbols;
    const char *kernel[KERNELS_MAX];
    size_t kernels;
    const char *json, *html; /* file names; "-" is stdout */
    const char *arch;        /* another than this machine's */
    const char *library;     /* its libmembus.a */
    int overlap;             /* 1 yes, 0 no, -1 by the routine's name */
    bool device_source, quiet, check;
};

enum {
    OPT_QUICK = 256,
    OPT_SYMBOL,
    OPT_KERNEL,
    OPT_RULE,
    OPT_CASE,
    OPT_TRACE,
    OPT_JSON,
    OPT_HTML,
    OPT_ENGINE,
    OPT_ARCH,
    OPT_LIBRARY,
    OPT_CHECK,
    OPT_DEVICE,
    OPT_OVERLAP,
    OPT_NO_PROGRESS,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"quick", no_argument, NULL, OPT_QUICK},
    {"symbol", required_argument, NULL, OPT_SYMBOL},
    {"kernel", required_argument, NULL, OPT_KERNEL},
    {"rule", required_argument, NULL, OPT_RULE},
    {"case", required_argument, NULL, OPT_CASE},
    {"trace", no_argument, NULL, OPT_TRACE},
    {"json", optional_argument, NULL, OPT_JSON},
    {"html", required_argument, NULL, OPT_HTML},
    {"engine", required_argument, NULL, OPT_ENGINE},
    {"arch", required_argument, NULL, OPT_ARCH},
    {"library", required_argument, NULL, OPT_LIBRARY},
    {"check", no_argument, NULL, OPT_CHECK},
    {"device-source", no_argument, NULL, OPT_DEVICE},
    {"overlap", required_argument, NULL, OPT_OVERLAP},
    {"no-progress", no_argument, NULL, OPT_NO_PROGRESS},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
    (void)signal;
    stop = 1;
}

static void help(void)
{
    puts(
        "usage: membus audit [OPTION]...\n"
        "\n"
        "Records every load and store that copy routines make, on this CPU, and judges them by\n"
        "membus's rules. Without --symbol: this machine's memcpy and memmove, and membus_copy and\n"
        "membus_move in every kernel that this CPU has.\n"
        "\n"
        "  --symbol OBJECT:SYMBOL  a routine of memcpy's signature, such as libc.so.6:memcpy\n"
        "  --kernel NAME|all       membus's kernel: set as MEMBUS_KERNEL for the routine\n"
        "  --quick                 fewer cases: seconds instead of minutes\n"
        "  --case n=N,dst=A,src=B  this case alone; A and B are offsets in a 64-byte line\n"
        "  --case n=N,dst=A,distance=D   the same with dst - src = D, in one buffer\n"
        "  --trace                 with --case: print each access\n"
        "  --rule ID               judge by this rule alone: W1 to W7, L1 to L3, O1, RESULT, RUNS\n"
        "  --device-source         judge L2 too: the source is a device\n"
        "  --overlap yes|no        overlapping cases too; by default when the name ends in 'move'\n"
        "  --arch NAME             another architecture's routines, in qemu-user: arm64, armhf,\n"
        "                          i386, mips, mips64el, ppc64, ppc64el, riscv64, s390x\n"
        "  --library FILE          with --arch: its libmembus.a\n"
        "  --engine slots|ptrace   how accesses are recorded: fast, or by single steps\n"
        "  --check                 the engine checks itself: each call is recorded in two ways\n"
        "  --json[=FILE]           the result as JSON, to FILE or in place of the table\n"
        "  --html FILE             a page with drawings of the stores\n"
        "  --no-progress           no progress bar\n"
        "\n"
        "Exit status: 0 all rules kept, 1 a rule broken, 2 could not audit. See membus-audit(1).");
}

static int refuse(const char *format, const char *what)
{
    fputs("membus audit: ", stderr);
    fprintf(stderr, format, what);
    fputc('\n', stderr);
    return -EINVAL;
}

static int set_rule(struct audit *audit, const char *id)
{
    for (int rule = 0; rule < MEMBUS_RULES; rule++) {
        if (strcasecmp(id, membus_audit_rule_id((enum membus_audit_rule)rule)) == 0) {
            audit->rules |= 1u << rule;
            return 0;
        }
    }
    return refuse("no rule '%s'; there are W1 to W7, L1 to L3, O1, RESULT and RUNS", id);
}

static int set_engine(struct audit *audit, const char *name)
{
    for (size_t i = 0; engines[i]; i++) {
        if (strcmp(name, engines[i]->name) == 0) {
            audit->engine = engines[i];
            return 0;
        }
    }
    return refuse("no engine '%s'; there are slots and ptrace", name);
}

static int set_arch(struct audit *audit, struct options *o, const char *name)
{
    const struct membus_audit_engine_ops *engine = membus_audit_qemu(name);

    if (!engine)
        return refuse("no architecture '%s'; there are arm64, armhf, i386, mips, mips64el, ppc64, "
                      "ppc64el, riscv64 and s390x",
                      name);
    audit->engine = engine;
    o->arch = engine->arch;
    return 0;
}

static int set_overlap(struct options *o, const char *word)
{
    if (strcmp(word, "yes") != 0 && strcmp(word, "no") != 0)
        return refuse("--overlap takes yes or no, not '%s'", word);
    o->overlap = strcmp(word, "yes") == 0;
    return 0;
}

static int add_case(struct audit *audit, const char *text)
{
    struct membus_audit_case c = {0};
    char error[160];

    if (audit_case_parse(&c, text, error, sizeof(error)) != 0)
        return refuse("%s", error);
    audit->set = "given";
    return audit_cases_add(&audit->given, &c);
}

static int add_word(const char **list, size_t *count, size_t max, const char *word)
{
    if (*count == max)
        return refuse("too many, at '%s'", word);
    list[(*count)++] = word;
    return 0;
}

static int add_symbol_text(struct options *o, char *text)
{
    if (o->symbols == SYMBOLS_MAX)
        return refuse("too many symbols, at '%s'", text);
    o->symbol[o->symbols++] = text;
    return 0;
}

static int take_option(struct audit *audit, struct options *o, int option, char *value)
{
    switch (option) {
    case OPT_QUICK:
        if (audit->given.count == 0)
            audit->set = "quick";
        return 0;
    case OPT_SYMBOL:
        return add_symbol_text(o, value);
    case OPT_KERNEL:
        return add_word(o->kernel, &o->kernels, KERNELS_MAX, value);
    case OPT_RULE:
        return set_rule(audit, value);
    case OPT_CASE:
        return add_case(audit, value);
    case OPT_TRACE:
        audit->trace = true;
        return 0;
    case OPT_JSON:
        o->json = value ? value : "-";
        return 0;
    case OPT_HTML:
        o->html = value;
        return 0;
    case OPT_ENGINE:
        return set_engine(audit, value);
    case OPT_ARCH:
        return set_arch(audit, o, value);
    case OPT_LIBRARY:
        o->library = value;
        return 0;
    case OPT_CHECK:
        o->check = true;
        return 0;
    case OPT_DEVICE:
        o->device_source = true;
        return 0;
    case OPT_OVERLAP:
        return set_overlap(o, value);
    case OPT_NO_PROGRESS:
        o->quiet = true;
        return 0;
    default:
        command_misused("membus audit");
        return -EINVAL;
    }
}

/* Returns 0, -errno, or 1 when help was asked for and given. */
static int read_options(struct audit *audit, struct options *o, int argc, char **argv)
{
    int option, error = 0;

    optind = 1;
    while (!error && (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (option == 'h' || option == OPT_HELP) {
            help();
            return 1;
        }
        error = take_option(audit, o, option, optarg);
    }
    if (error)
        return error;
    /* "--json FILE" as well as "--json=FILE". */
    if (o->json && optind == argc - 1 && strcmp(o->json, "-") == 0)
        o->json = argv[optind++];
    if (optind < argc)
        return refuse("unexpected '%s'", argv[optind]);
    if (audit->trace && audit->given.count == 0)
        return refuse("--trace prints every access: say which --case%s", "");
    if (audit->trace && o->json && strcmp(o->json, "-") == 0)
        return refuse("--trace and --json both want the output%s: say --json FILE", "");
    if (o->library && !o->arch)
        return refuse("--library goes with --arch%s", "");
    if (o->arch && strcmp(audit->engine->name, "qemu") != 0)
        return refuse("--engine is for this machine's routines, not for --arch %s", o->arch);
    if (audit->rules >> MEMBUS_RULE_L2 & 1 && !o->device_source)
        return refuse("--rule L2 judges nothing without --device-source%s", "");
    if (audit->rules == 0)
        audit->rules = (1u << MEMBUS_RULES) - 1;
    audit->asked = audit->rules;
    audit->rules |=
        1u << MEMBUS_RULE_RUNS; /* of a call that does not return no other rule judges */
    return 0;
}

/* "memmove", "membus_move", and the C library's "__memmove_generic". */
static bool is_move(const char *symbol)
{
    size_t length = strlen(symbol);

    return (length >= 4 && strcmp(symbol + length - 4, "move") == 0) ||
           strncmp(symbol + strspn(symbol, "_"), "memmove_", strlen("memmove_")) == 0;
}

static int add_routine(struct audit *audit, const struct options *o, const char *object,
                       const char *symbol, const char *kernel)
{
    struct audit_routine *routine = &audit->routine[audit->routines];

    if (audit->routines == AUDIT_ROUTINES_MAX)
        return refuse("too many routines, at '%s'", symbol);
    routine->target = (struct membus_audit_target){object, symbol, kernel, o->arch, o->check};
    routine->overlap = o->overlap >= 0 ? o->overlap : is_move(symbol);
    audit_routine_name(routine);
    audit->routines++;
    return 0;
}

/* The kernels that --kernel means: names, or all that this CPU has. */
static int expand_kernels(struct options *o)
{
    const char *asked[KERNELS_MAX];
    size_t count = o->kernels;
    const char *name;
    int error = 0;

    memcpy(asked, o->kernel, sizeof(asked));
    o->kernels = 0;
    for (size_t i = 0; i < count && !error; i++) {
        bool known = strcmp(asked[i], "all") == 0;

        for (unsigned k = 0; !error && (name = membus_kernel_usable(k)); k++) {
            if (strcmp(asked[i], name) != 0 && strcmp(asked[i], "all") != 0)
                continue;
            error = add_word(o->kernel, &o->kernels, KERNELS_MAX, name);
            known = true;
        }
        if (!known)
            return refuse("this CPU has no kernel '%s' of membus", asked[i]);
    }
    return error;
}

static int add_symbol(struct audit *audit, const struct options *o, char *text)
{
    char *colon = strrchr(text, ':');
    int error = 0;

    if (!colon || colon == text || !colon[1])
        return refuse("--symbol takes OBJECT:SYMBOL, such as libc.so.6:memcpy, not '%s'", text);
    *colon = '\0';
    if (o->kernels == 0)
        return add_routine(audit, o, text, colon + 1, NULL);
    for (size_t i = 0; i < o->kernels && !error; i++)
        error = add_routine(audit, o, text, colon + 1, o->kernel[i]);
    return error;
}

/* This machine's own, then membus in each kernel. */
static int add_defaults(struct audit *audit, struct options *o)
{
    static char library[4096];
    bool all = o->kernels == 0;
    int error = 0;

    audit_find_library(library, sizeof(library));
    if (all) {
        o->kernel[0] = "all";
        o->kernels = 1;
        error = expand_kernels(o);
    }
    if (!error && all)
        error = add_routine(audit, o, "libc.so.6", "memcpy", NULL);
    if (!error && all)
        error = add_routine(audit, o, "libc.so.6", "memmove", NULL);
    for (size_t i = 0; i < o->kernels && !error; i++) {
        error = add_routine(audit, o, library, "membus_copy", o->kernel[i]);
        if (!error)
            error = add_routine(audit, o, library, "membus_move", o->kernel[i]);
    }
    return error;
}

struct adding {
    struct audit *audit;
    const struct options *o;
};

/* With --kernel, that kernel of membus alone. */
static int add_cross(void *data, const char *object, const char *symbol, const char *kernel)
{
    const struct adding *a = data;
    bool wanted = a->o->kernels == 0;

    for (size_t i = 0; i < a->o->kernels && kernel; i++)
        wanted =
            wanted || strcmp(a->o->kernel[i], kernel) == 0 || strcmp(a->o->kernel[i], "all") == 0;
    return wanted ? add_routine(a->audit, a->o, object, symbol, kernel) : 0;
}

static int choose_cross(struct audit *audit, struct options *o)
{
    struct adding adding = {audit, o};
    char why[512] = "";
    bool generic = false;
    int error = 0;

    for (size_t i = 0; i < o->kernels; i++)
        generic = generic || strcmp(o->kernel[i], "generic") == 0;
    for (size_t i = 0; i < o->symbols && !error; i++)
        error = add_symbol(audit, o, o->symbol[i]);
    if (o->symbols)
        return error;
    error =
        audit_cross_routines(o->arch, o->library, generic, add_cross, &adding, why, sizeof(why));
    if (!error && audit->routines == 0)
        return refuse("no kernel '%s' of membus for that CPU", o->kernel[0]);
    return error && *why ? refuse("%s", why) : error;
}

static int choose_routines(struct audit *audit, struct options *o)
{
    int error;

    if (o->arch)
        return choose_cross(audit, o);
    error = expand_kernels(o);

    if (!error && o->symbols == 0)
        return add_defaults(audit, o);
    for (size_t i = 0; i < o->symbols && !error; i++)
        error = add_symbol(audit, o, o->symbol[i]);
    return error;
}

static int write_file(const struct audit *audit, const char *name,
                      int (*write)(const struct audit *audit, FILE *out))
{
    FILE *out = strcmp(name, "-") == 0 ? stdout : fopen(name, "we");
    int error = out ? write(audit, out) : -errno;

    if (out && out != stdout && fclose(out) != 0 && !error)
        error = -errno;
    if (error)
        fprintf(stderr, "membus audit: %s: %s\n", name, strerror(-error));
    return error;
}

/* Before minutes of work: can the file be written? */
static bool can_write(const char *name)
{
    FILE *out = !name || strcmp(name, "-") == 0 ? stdout : fopen(name, "ae");

    if (!out)
        fprintf(stderr, "membus audit: %s: %s\n", name, strerror(errno));
    else if (out != stdout)
        fclose(out);
    return out;
}

static size_t terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return WIDTH_DEFAULT;
}

static int report(const struct audit *audit, const struct options *o)
{
    const char *no_colour = getenv("NO_COLOR");
    bool colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
    int error = 0;

    if (!(o->json && strcmp(o->json, "-") == 0) && !audit->trace)
        audit_table(audit, stdout, colour, terminal_width());
    if (o->json)
        error = write_file(audit, o->json, audit_json);
    if (o->html && !error)
        error = write_file(audit, o->html, audit_html);
    if (fflush(stdout) != 0 && !error)
        error = -errno;
    return error;
}

static void catch_signals(void)
{
    /* A second ^C ends the program at once. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int carry_out(struct audit *audit, const struct options *o)
{
    char why[640] = "";

    if (!can_write(o->json) || !can_write(o->html))
        return FAILED;

    int error = audit_run(audit, why, sizeof(why));

    if (error && error != -EINTR) {
        fprintf(stderr, "membus audit: %s\n", why);
        return FAILED;
    }
    if (report(audit, o) != 0)
        return FAILED;
    if (error == -EINTR) {
        fputs("membus audit: interrupted; this is what was recorded until then\n", stderr);
        return INTERRUPTED;
    }
    if (audit_broken(audit))
        return 1;
    return audit_incomplete(audit) ? FAILED : 0;
}

int command_audit(int argc, char **argv)
{
    static struct audit audit = {.set = "full", .stop = &stop};
    static struct options o = {.overlap = -1};
    int result;

    audit.engine = engines[0];
    result = read_options(&audit, &o, argc, argv);

    if (result)
        return result < 0 ? FAILED : 0;
    if (!audit.engine) {
        refuse("this build has no engine for this CPU%s", "");
        return FAILED;
    }
    audit_host_find(&audit.host, audit.engine->arch);
    if (o.arch)
        snprintf(audit.host.cpu, sizeof(audit.host.cpu), "%s in qemu-user", o.arch);
    audit.host.judged.device_source = o.device_source;
    if (choose_routines(&audit, &o) != 0)
        return FAILED;
    audit.progress = !o.quiet && isatty(STDERR_FILENO) && !audit.trace;
    audit.draw = o.html != NULL;
    catch_signals();
    result = carry_out(&audit, &o);
    audit_cases_free(&audit.given);
    for (size_t i = 0; i < audit.routines; i++) {
        free(audit.routine[i].drawings);
        free(audit.routine[i].glance);
    }
    return result;
}
