/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Appending to files and pipes without waiting. */
#include "os/file_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "os/file.h"
#include "os/sysfault.h"

/* Where the symbolic link at `path` leads, if it was made by root or by us. The directory of a log
 * often belongs to the account that the log is about: a link that somebody else put there would
 * make root append a peer's bytes to any file (CVE-2016-1247). */
static bool trusted_link(const char *path, char target[PATH_MAX])
{
    struct stat st;
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = -1;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode) &&
        (st.st_uid == 0 || st.st_uid == geteuid()))
        n = readlinkat(fd, "", target, PATH_MAX - 1);
    file_close(fd);
    if (n <= 0 || target[0] != '/')
        return false;
    target[n] = 0;
    return true;
}

static int open_path(const char *path, unsigned mode, struct fault *f)
{
    /* O_NONBLOCK: a fifo without a reader answers ENXIO instead of waiting for one. */
    int how = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    char target[PATH_MAX];
    int fd = open(path, how | O_NOFOLLOW, mode);
    if (fd < 0 && errno == ELOOP) {
        bool trusted = trusted_link(path, target);
        errno = ELOOP;
        if (trusted)
            fd = open(target, how, mode);
    }
    if (fd < 0) {
        int e = errno;
        int r = e == EACCES || e == EPERM || e == EROFS ? ERR_PERM
                : e == ENOENT || e == ENOTDIR           ? ERR_NOT_FOUND
                                                        : ERR_SYS;
        fault_errno(f, r, e, "cannot open the log %s", path);
    }
    return fd;
}

void file_log_init(struct file_log *log, int fd)
{
    struct stat st;
    *log = (struct file_log){.fd = fd};
    log->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int file_log_open(struct file_log *log, const char *path, unsigned mode, struct fault *f)
{
    struct fault story = {0};
    *log = (struct file_log){.fd = -1};
    char *copy = mem_strdup(path);
    if (!copy)
        return fault_set(f, ERR_NOMEM, "no memory to open the log %s", path);
    int fd = open_path(path, mode, &story);
    if (fd < 0) {
        mem_free(copy);
        if (f)
            *f = story;
        return story.code;
    }
    file_log_init(log, fd);
    log->path = copy;
    log->mode = mode;
    return OK;
}

void file_log_swap(struct file_log *log, int fd)
{
    struct file_log next;
    file_log_init(&next, fd);
    next.path = log->path;
    next.mode = log->mode;
    file_close(log->fd);
    *log = next;
}

int file_log_reopen(struct file_log *log, struct fault *f)
{
    struct fault story = {0};
    if (!log->path)
        return OK;
    int fd = open_path(log->path, log->mode, &story);
    if (fd < 0) {
        if (f)
            *f = story;
        return story.code;
    }
    file_log_swap(log, fd);
    return OK;
}

/* How much may be written now without waiting: a pipe that polls writable has room for PIPE_BUF. */
static size_t room(const struct file_log *log, size_t n)
{
    if (log->regular)
        return n;
    struct pollfd p = {.fd = log->fd, .events = POLLOUT};
    if (poll(&p, 1, 0) <= 0)
        return 0;
    return n < PIPE_BUF ? n : PIPE_BUF;
}

int file_log_write(struct file_log *log, struct slice bytes, size_t *ret_n)
{
    size_t done = 0;
    int r = OK;
    while (!r && done < bytes.n) {
        size_t ask = room(log, bytes.n - done);
        if (ask == 0) {
            r = ERR_AGAIN;
            break;
        }
        ssize_t n = sysfault_hit(&ask) ? -1 : write(log->fd, bytes.p + done, ask);
        if (n > 0)
            done += (size_t)n;
        else if (n < 0 && errno == EAGAIN)
            r = ERR_AGAIN;
        else if (n == 0 || errno != EINTR)
            r = ERR_SYS;
    }
    *ret_n = done;
    return r;
}

void file_log_done(struct file_log *log)
{
    file_close(log->fd);
    mem_free(log->path);
    *log = (struct file_log){.fd = -1};
}
