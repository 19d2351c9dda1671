/* SPDX-License-Identifier: MIT */
#include "objcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Read, not mapped: a file that shrinks under a mapping is SIGBUS. */
static int read_all(int fd, char *to, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = read(fd, to + done, size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        done += (size_t)n;
    }
    return 0;
}

static int check_fd(int fd, const char *path, const struct objcheck_options *options,
                    objcheck_sink *sink, void *data, char *error, size_t error_size)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return -errno;
    if (!S_ISREG(st.st_mode)) {
        snprintf(error, error_size, "%s: not a file", path);
        return -EINVAL;
    }
    if ((uint64_t)st.st_size > OBJCHECK_FILE_MAX) {
        snprintf(error, error_size, "%s: over %zu bytes", path, OBJCHECK_FILE_MAX);
        return -EFBIG;
    }

    size_t size = (size_t)st.st_size;
    char *contents = (char *)malloc(size + 1);
    int err = contents ? read_all(fd, contents, size) : -ENOMEM;

    if (err == 0)
        err = objcheck_contents(contents, size, path, options, sink, data, error, error_size);
    free(contents);
    return err;
}

int objcheck_file(const char *path, const struct objcheck_options *options, objcheck_sink *sink,
                  void *data, char *error, size_t error_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int err = fd < 0 ? -errno : 0;

    if (err == 0) {
        err = check_fd(fd, path, options, sink, data, error, error_size);
        close(fd);
    }
    if (err != 0 && !error[0])
        snprintf(error, error_size, "%s: %s", path, strerror(-err));
    return err;
}
