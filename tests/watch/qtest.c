/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "qtest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static __attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

/* A ROM whose reset vector is: cli; hlt; jmp to the hlt. */
static void make_rom(const char *path)
{
    static const unsigned char halt[] = {0xfa, 0xf4, 0xeb, 0xfd};
    static unsigned char rom[65536];
    FILE *file = fopen(path, "w");

    memcpy(rom + 0xfff0, halt, sizeof(halt));
    if (!file || fwrite(rom, sizeof(rom), 1, file) != 1 || fclose(file) != 0)
        die("%s: %s", path, strerror(errno));
}

static char *make_ram(const char *path)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    char *ram;

    if (fd < 0 || ftruncate(fd, RAM_SIZE) != 0)
        die("%s: %s", path, strerror(errno));
    ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (ram == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    close(fd);
    return ram;
}

/* A UDP socket bound to some port of the loopback. */
static int udp_socket(struct sockaddr_in *at)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof(*at);

    *at = (struct sockaddr_in){.sin_family = AF_INET};
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)at, sizeof(*at)) != 0 ||
        getsockname(fd, (struct sockaddr *)at, &size) != 0)
        die("udp: %s", strerror(errno));
    return fd;
}

static int listen_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1) != 0)
        die("%s: %s", path, strerror(errno));
    return fd;
}

static void run_qemu(const char *qemu, const char *preload, const char *dir, unsigned us,
                     unsigned them)
{
    char ram[128], rom[96], socket_at[96], net[160];

    snprintf(ram, sizeof(ram), "memory-backend-file,id=ram,share=on,size=%u,mem-path=%s/ram",
             RAM_SIZE, dir);
    snprintf(rom, sizeof(rom), "%s/rom", dir);
    snprintf(socket_at, sizeof(socket_at), "unix:%s/qtest", dir);
    snprintf(net, sizeof(net), "socket,id=net,udp=127.0.0.1:%u,localaddr=127.0.0.1:%u", us, them);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (preload)
        setenv("LD_PRELOAD", preload, 1);
    execlp(qemu, qemu, "-M", "pc,memory-backend=ram", "-m", "32", "-object", ram, "-accel", "tcg",
           "-bios", rom, "-nodefaults", "-display", "none", "-qtest", socket_at, "-qtest-log",
           "/dev/null", "-device", "edu,addr=4,dma_mask=0xffffffffffffffff", "-drive",
           "if=none,id=disk,driver=null-co,size=1M,read-zeroes=on", "-device",
           "nvme,addr=5,serial=1,drive=disk", "-netdev", net, "-device", "e1000,addr=6,netdev=net",
           (char *)NULL);
    die("%s: %s", qemu, strerror(errno));
}

void qtest_start(struct qtest *q, const char *qemu, const char *preload)
{
    struct sockaddr_in us, them;
    char path[96];
    int listening, reserved;

    snprintf(q->directory, sizeof(q->directory), "/dev/shm/membus-watch-XXXXXX");
    if (!mkdtemp(q->directory))
        die("%s: %s", q->directory, strerror(errno));
    snprintf(path, sizeof(path), "%s/rom", q->directory);
    make_rom(path);
    snprintf(path, sizeof(path), "%s/ram", q->directory);
    q->ram = make_ram(path);
    snprintf(path, sizeof(path), "%s/qtest", q->directory);
    listening = listen_at(path);
    q->net = udp_socket(&us);
    reserved = udp_socket(&them); /* a port that is free, for QEMU to bind */
    close(reserved);

    q->pid = fork();
    if (q->pid == 0)
        run_qemu(qemu, preload, q->directory, ntohs(us.sin_port), ntohs(them.sin_port));
    if (q->pid < 0 || connect(q->net, (struct sockaddr *)&them, sizeof(them)) != 0)
        die("fork, connect: %s", strerror(errno));

    struct timeval patience = {30, 0};

    setsockopt(listening, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    q->fd = accept(listening, NULL, NULL);
    if (q->fd < 0)
        die("%s did not connect to its qtest socket", qemu);
    setsockopt(q->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    close(listening);
}

void qtest_stop(struct qtest *q)
{
    static const char *const names[] = {"rom", "ram", "qtest"};
    char path[96];

    kill(q->pid, SIGTERM);
    waitpid(q->pid, NULL, 0);
    close(q->fd);
    close(q->net);
    munmap(q->ram, RAM_SIZE);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", q->directory, names[i]);
        unlink(path);
    }
    rmdir(q->directory);
}

/* Sends a command, and returns the number in its answer, or 0. */
static __attribute__((format(printf, 2, 3))) uint64_t command(struct qtest *q, const char *format,
                                                              ...)
{
    char text[128];
    size_t got = 0;
    va_list arguments;

    va_start(arguments, format);
    const int n = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (write(q->fd, text, (size_t)n) != n)
        die("qtest: write: %s", strerror(errno));
    do {
        const ssize_t more = read(q->fd, text + got, sizeof(text) - 1 - got);

        if (more <= 0)
            die("qtest: QEMU does not answer");
        got += (size_t)more;
        text[got] = '\0';
    } while (!strchr(text, '\n'));
    if (strncmp(text, "OK", 2) != 0)
        die("qtest: %s", text);
    return strtoull(text + 2, NULL, 0);
}

uint32_t qtest_read32(struct qtest *q, uint64_t addr)
{
    return (uint32_t)command(q, "readl 0x%" PRIx64 "\n", addr);
}

void qtest_write32(struct qtest *q, uint64_t addr, uint32_t value)
{
    command(q, "writel 0x%" PRIx64 " 0x%x\n", addr, value);
}

void qtest_write64(struct qtest *q, uint64_t addr, uint64_t value)
{
    command(q, "writeq 0x%" PRIx64 " 0x%" PRIx64 "\n", addr, value);
}

static void config_write(struct qtest *q, unsigned slot, unsigned reg, uint32_t value)
{
    command(q, "outl 0xcf8 0x%x\n", 0x80000000u | slot << 11 | reg);
    command(q, "outl 0xcfc 0x%x\n", value);
}

void qtest_enable(struct qtest *q, unsigned slot, uint32_t base)
{
    config_write(q, slot, 0x10, base);
    config_write(q, slot, 0x14, 0); /* the upper half of a 64-bit BAR; else BAR 1, unused */
    config_write(q, slot, 0x04, 0x6);
}

void qtest_frame(struct qtest *q, const void *frame, size_t n)
{
    if (send(q->net, frame, n, 0) != (ssize_t)n)
        die("udp: send: %s", strerror(errno));
}
