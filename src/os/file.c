/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Files over the kernel's calls; see openat2(2) for why peers' paths are resolved by the kernel. */
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "os/sysfault.h"

#define READ_STEP 65536

static int error_of(int e)
{
    switch (e) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV: /* openat2: the path leads out of the root */
    case ENXIO:
    case ENAMETOOLONG:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_PERM;
    case EMFILE:
    case ENFILE:
        return ERR_CAP;
    case ENOMEM:
        return ERR_NOMEM;
    case EEXIST:
        return ERR_EXISTS;
    default:
        return ERR_SYS;
    }
}

int file_cwd(char *dst, size_t cap)
{
    if (getcwd(dst, cap))
        return dst[0] == '/' ? OK : ERR_NOT_FOUND; /* "(unreachable)" of getcwd(3) */
    return errno == ERANGE ? ERR_CAP : error_of(errno);
}

int file_dup(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

void file_close(int fd)
{
    int e = errno;
    if (fd >= 0)
        close(fd);
    errno = e;
}

static void info_of(const struct stat *st, struct file_info *ret)
{
    *ret = (struct file_info){
        .size_bytes = (uint64_t)st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .ino = st->st_ino,
        .dev = st->st_dev,
        .mode = st->st_mode & 07777,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .is_dir = S_ISDIR(st->st_mode),
        .is_regular = S_ISREG(st->st_mode),
    };
}

int file_stat_fd(int fd, struct file_info *ret)
{
    struct stat st;
    if (fstat(fd, &st))
        return error_of(errno);
    info_of(&st, ret);
    return OK;
}

int file_stat(const char *path, struct file_info *ret)
{
    struct stat st;
    if (stat(path, &st))
        return error_of(errno);
    info_of(&st, ret);
    return OK;
}

int file_pread(int fd, uint64_t offset, void *dst, size_t n, size_t *ret_n)
{
    size_t got = 0;
    while (got < n) {
        size_t ask = n - got;
        ssize_t step =
            sysfault_hit(&ask) ? -1 : pread(fd, (uint8_t *)dst + got, ask, (off_t)(offset + got));
        if (step == 0)
            break;
        if (step > 0)
            got += (size_t)step;
        else if (errno != EINTR)
            return ERR_SYS;
    }
    *ret_n = got;
    return OK;
}

/* The next bytes at `offset`, or of a pipe; 0 at the end. */
static ssize_t read_step(int fd, bool pipe, uint64_t offset, void *dst, size_t n)
{
    ssize_t got;
    do {
        size_t ask = n;
        if (sysfault_hit(&ask))
            got = -1;
        else
            got = pipe ? read(fd, dst, ask) : pread(fd, dst, ask, (off_t)offset);
    } while (got < 0 && errno == EINTR);
    return got;
}

int file_read_fd(int fd, size_t max_bytes, struct buf *ret)
{
    struct stat st;
    if (fstat(fd, &st))
        return ERR_SYS;
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return ERR_SYS;
    }
    bool pipe = !S_ISREG(st.st_mode);
    if (!pipe && (uint64_t)st.st_size > max_bytes)
        return ERR_CAP;
    /* One byte more than the size, so that the end is seen without growing. */
    size_t step = pipe || st.st_size >= READ_STEP ? READ_STEP : (size_t)st.st_size + 1;
    for (uint64_t total = 0;;) {
        uint8_t *p;
        int r = buf_reserve(ret, step, &p);
        if (r)
            return r;
        ssize_t got = read_step(fd, pipe, total, p, step);
        if (got < 0)
            return ERR_SYS;
        if (got == 0)
            return OK;
        total += (uint64_t)got;
        if (total > max_bytes)
            return ERR_CAP;
        buf_commit(ret, (size_t)got);
    }
}

int file_read(const char *path, size_t max_bytes, struct buf *ret, struct fault *f)
{
    int fd = sysfault_hit(NULL) ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        int e = errno;
        return fault_errno(f, error_of(e), e, "cannot open %s", path);
    }
    struct stat st;
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        file_close(fd);
        return fault_set(f, ERR_SYS, "%s is not a regular file", path);
    }
    int r = file_read_fd(fd, max_bytes, ret), e = errno;
    file_close(fd);
    if (r == ERR_CAP)
        return fault_set(f, r, "%s is larger than %zu bytes", path, max_bytes);
    return r ? fault_errno(f, r, e, "cannot read %s", path) : OK;
}

static int write_all(int fd, struct slice bytes)
{
    while (bytes.n) {
        size_t ask = bytes.n;
        ssize_t n = sysfault_hit(&ask) ? -1 : write(fd, bytes.p, ask);
        if (n < 0 && errno != EINTR)
            return ERR_SYS;
        if (n > 0)
            bytes = slice_from(bytes, (size_t)n);
    }
    return OK;
}

/* A crash after rename() may otherwise show a directory without either name. */
static int sync_parent(int dirfd, const char *path)
{
    char dir[PATH_MAX];
    snprintf(dir, sizeof(dir), "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir] = 0;
    int fd = openat(dirfd, slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_SYS;
    int failed = sysfault_hit(NULL) || fsync(fd);
    file_close(fd);
    return failed ? ERR_SYS : OK;
}

static int write_temp(int dirfd, const char *temp, struct slice bytes, unsigned mode)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = sysfault_hit(NULL) ? -1 : openat(dirfd, temp, flags, mode);
    if (fd < 0 && errno == EEXIST && unlinkat(dirfd, temp, 0) == 0)
        fd = openat(dirfd, temp, flags, mode); /* left over by a crash */
    if (fd < 0)
        return error_of(errno);
    int r = write_all(fd, bytes);
    if (!r && (sysfault_hit(NULL) || fchmod(fd, mode) || fsync(fd)))
        r = error_of(errno);
    file_close(fd);
    return r;
}

int file_write_atomic(int dirfd, const char *path, struct slice bytes, unsigned mode,
                      struct fault *f)
{
    char temp[PATH_MAX];
    int n = snprintf(temp, sizeof(temp), "%s.%d.new", path, (int)getpid());
    if (n < 0 || (size_t)n >= sizeof(temp))
        return fault_set(f, ERR_SYS, "cannot write %.200s...: name too long", path);
    int r = write_temp(dirfd, temp, bytes, mode);
    if (!r && (sysfault_hit(NULL) || renameat(dirfd, temp, dirfd, path)))
        r = error_of(errno);
    if (r) {
        int e = errno;
        unlinkat(dirfd, temp, 0);
        return fault_errno(f, r, e, "cannot write %s", path);
    }
    r = sync_parent(dirfd, path);
    return r ? fault_errno(f, r, errno, "cannot sync the directory of %s", path) : OK;
}

int file_open_root(const char *path, int *ret_fd, struct fault *f)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        int e = errno;
        return fault_errno(f, error_of(e), e, "cannot open the directory %s", path);
    }
    *ret_fd = fd;
    return OK;
}

/* Kernels and containers without openat2: one component at a time, no link is followed. */
static int open_walk(int rootfd, const char *path, int flags)
{
    char part[NAME_MAX + 1];
    int at = rootfd;
    if (*path == '/') {
        errno = EXDEV;
        return -1;
    }
    while (at >= 0) {
        size_t n = strcspn(path, "/");
        const char *rest = path + n + strspn(path + n, "/");
        bool last = *rest == 0;
        int next = -1;
        if (n > NAME_MAX || n == 0) {
            errno = ENOENT;
        } else {
            memcpy(part, path, n);
            part[n] = 0;
            int how = last ? flags | O_NOFOLLOW | (path[n] ? O_DIRECTORY : 0)
                           : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
            if (n == 2 && part[0] == '.' && part[1] == '.')
                errno = EXDEV;
            else
                next = openat(at, part, how);
        }
        if (at != rootfd)
            file_close(at);
        if (last)
            return next;
        at = next;
        path = rest;
    }
    return -1;
}

static int open_beneath(int rootfd, const char *path, int flags, int *ret_fd)
{
    static bool no_openat2;
    struct open_how how = {.flags = (unsigned)flags,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = -1;
    errno = ENOSYS;
    /* EAGAIN: a rename elsewhere raced with a ".." of a link, as openat2(2) warns. */
    for (int tries = 0; !no_openat2 && tries < 8; tries++) {
        fd = sysfault_hit(NULL) ? -1 : syscall(SYS_openat2, rootfd, path, &how, sizeof(how));
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    if (fd < 0 && errno == ENOSYS)
        no_openat2 = true;
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) /* EPERM: seccomp of older containers */
        fd = open_walk(rootfd, path, flags);
    if (fd < 0)
        return error_of(errno);
    *ret_fd = (int)fd;
    return OK;
}

int file_open_beneath(int rootfd, const char *path, int *ret_fd, struct file_info *info)
{
    struct file_info own;
    int fd = -1;
    int r = open_beneath(rootfd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, &fd);
    if (!r)
        r = file_stat_fd(fd, &own);
    if (!r && !own.is_regular && !own.is_dir)
        r = ERR_NOT_FOUND;
    if (r) {
        file_close(fd);
        return r;
    }
    if (info)
        *info = own;
    *ret_fd = fd;
    return OK;
}

int file_stat_beneath(int rootfd, const char *path, struct file_info *ret)
{
    int fd, r = open_beneath(rootfd, path, O_PATH | O_CLOEXEC, &fd);
    if (r)
        return r;
    r = file_stat_fd(fd, ret);
    file_close(fd);
    return r;
}

static int list_entry(int dirfd, const char *name,
                      int (*on_entry)(void *ctx, const char *name, const struct file_info *info),
                      void *ctx)
{
    struct stat st;
    struct file_info info;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return OK;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
        return OK; /* gone since */
    info_of(&st, &info);
    return on_entry(ctx, name, &info);
}

int file_list(int dirfd, int (*on_entry)(void *ctx, const char *name, const struct file_info *info),
              void *ctx)
{
    _Alignas(struct dirent64) char block[16384];
    if (lseek(dirfd, 0, SEEK_SET) < 0)
        return ERR_SYS;
    ssize_t n;
    while ((n = getdents64(dirfd, block, sizeof(block))) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *d = (const struct dirent64 *)(const void *)(block + at);
            int r = list_entry(dirfd, d->d_name, on_entry, ctx);
            if (r)
                return r;
            at += d->d_reclen;
        }
    }
    return n < 0 ? ERR_SYS : OK;
}

int file_mkdir_p(const char *path, unsigned mode, struct fault *f)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof(part))
        return fault_set(f, ERR_SYS, "cannot create the directory '%.200s'", path);
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i] != 0)
            continue;
        char ends = part[i];
        part[i] = 0;
        struct stat st;
        int failed = sysfault_hit(NULL) || mkdir(part, mode);
        if (failed && errno != EEXIST && !(errno == EROFS && stat(part, &st) == 0)) {
            int e = errno;
            return fault_errno(f, e == ENOTDIR ? ERR_EXISTS : error_of(e), e,
                               "cannot create the directory %s", part);
        }
        if (ends == 0 && (stat(part, &st) || !S_ISDIR(st.st_mode)))
            return fault_set(f, ERR_EXISTS, "%s is in the way: it is no directory", part);
        part[i] = ends;
    }
    return OK;
}

int file_unlink(int dirfd, const char *path)
{
    if (unlinkat(dirfd, path, 0) == 0)
        return OK;
    int r = error_of(errno);
    return r == ERR_NOT_FOUND ? OK : r;
}

int file_rename(const char *from, const char *to, struct fault *f)
{
    if (sysfault_hit(NULL) || rename(from, to)) {
        int e = errno;
        return fault_errno(f, error_of(e), e, "cannot rename %s to %s", from, to);
    }
    int r = sync_parent(FILE_CWD, to);
    return r ? fault_errno(f, r, errno, "cannot sync the directory of %s", to) : OK;
}

int file_chown_mode(const char *path, uint32_t uid, uint32_t gid, unsigned mode, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    int r = OK;
    if (fd < 0 || fchown(fd, uid, gid) || fchmod(fd, mode)) {
        int e = errno;
        r = fault_errno(f, error_of(e), e, "cannot set owner and mode of %s", path);
    }
    file_close(fd);
    return r;
}

int file_lock(const char *path, int *ret_fd, struct fault *f)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        int e = errno;
        return fault_errno(f, error_of(e), e, "cannot open the lock file %s", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        int e = errno;
        file_close(fd);
        if (e == EWOULDBLOCK)
            return fault_set(f, ERR_EXISTS, "another process holds %s", path);
        return fault_errno(f, ERR_SYS, e, "cannot lock %s", path);
    }
    *ret_fd = fd;
    return OK;
}

int file_lock_note(int fd, struct slice line)
{
    return pwrite(fd, line.p, line.n, 0) == (ssize_t)line.n ? OK : ERR_SYS;
}

int file_memfd(struct slice bytes, int *ret_fd)
{
    int fd = sysfault_hit(NULL) ? -1 : memfd_create("port443", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return error_of(errno);
    int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    if (write_all(fd, bytes) || fcntl(fd, F_ADD_SEALS, seals)) {
        file_close(fd);
        return ERR_SYS;
    }
    *ret_fd = fd;
    return OK;
}
