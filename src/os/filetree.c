/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Directory changes over the kernel's calls. */
#include "os/filetree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "os/sysfault.h"

static int error_of(int e)
{
    switch (e) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_PERM;
    case EEXIST:
    case ENOTEMPTY:
        return ERR_EXISTS;
    case EINVAL: /* readlink(2): no link */
        return ERR_SYNTAX;
    case EMFILE:
    case ENFILE:
        return ERR_CAP;
    default:
        return ERR_SYS;
    }
}

static int sync_parent(const char *path)
{
    char dir[PATH_MAX];
    int n = snprintf(dir, sizeof(dir), "%s", path);
    if (n < 0 || (size_t)n >= sizeof(dir))
        return ERR_SYS;
    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir] = 0;
    int fd = sysfault_hit(NULL) ? -1 : open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_SYS;
    int failed = sysfault_hit(NULL) || fsync(fd);
    file_close(fd);
    return failed ? ERR_SYS : OK;
}

int filetree_mkdir(const char *path, unsigned mode, struct fault *f)
{
    if (!sysfault_hit(NULL) && mkdir(path, mode) == 0)
        return OK;
    int e = errno;
    return fault_errno(f, error_of(e), e, "cannot create the directory %s", path);
}

int filetree_point(const char *path, const char *target, struct fault *f)
{
    char temp[PATH_MAX];
    int n = snprintf(temp, sizeof(temp), "%s.%d.new", path, (int)getpid());
    if (n < 0 || (size_t)n >= sizeof(temp))
        return fault_set(f, ERR_SYS, "cannot write %.200s...: name too long", path);
    int failed = sysfault_hit(NULL) || symlink(target, temp);
    if (failed && errno == EEXIST && unlink(temp) == 0)
        failed = symlink(target, temp); /* left over by a crash */
    if (failed || sysfault_hit(NULL) || rename(temp, path)) {
        int e = errno;
        unlink(temp);
        return fault_errno(f, error_of(e), e, "cannot point %s to %s", path, target);
    }
    int r = sync_parent(path);
    return r ? fault_errno(f, r, errno, "cannot sync the directory of %s", path) : OK;
}

int filetree_pointed(const char *path, char *dst, size_t cap)
{
    ssize_t n = sysfault_hit(NULL) ? -1 : readlink(path, dst, cap);
    if (n < 0)
        return error_of(errno);
    if ((size_t)n >= cap)
        return ERR_CAP;
    dst[n] = 0;
    return OK;
}

struct removal {
    int dirfd;
    unsigned depth;
};

static int remove_at(int dirfd, const char *name, unsigned depth);

static int on_entry(void *ctx, const char *name, const struct file_info *info)
{
    const struct removal *w = ctx;
    (void)info;
    return remove_at(w->dirfd, name, w->depth);
}

static int remove_at(int dirfd, const char *name, unsigned depth)
{
    if (!sysfault_hit(NULL) && unlinkat(dirfd, name, 0) == 0)
        return OK;
    if (errno == ENOENT)
        return OK;
    if (errno != EISDIR && errno != EPERM)
        return error_of(errno);
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_of(errno == ENOTDIR ? EPERM : errno);
    const struct removal below = {fd, depth - 1};
    int r = depth ? file_list(fd, on_entry, (void *)(uintptr_t)&below) : ERR_CAP;
    file_close(fd);
    if (!r && (sysfault_hit(NULL) || unlinkat(dirfd, name, AT_REMOVEDIR)))
        r = error_of(errno);
    return r;
}

int filetree_remove(const char *path, unsigned depth)
{
    return remove_at(FILE_CWD, path, depth < FILETREE_DEPTH_MAX ? depth : FILETREE_DEPTH_MAX);
}

struct gift {
    int dirfd;
    uint32_t uid, gid;
    unsigned depth;
};

static int give_at(const struct gift *g, const char *name);

static int on_given(void *ctx, const char *name, const struct file_info *info)
{
    return info->is_dir || info->is_regular ? give_at(ctx, name) : OK;
}

static int give_at(const struct gift *g, const char *name)
{
    struct stat st;
    int fd = openat(g->dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT ? OK : error_of(errno);
    int r = fstat(fd, &st) ? error_of(errno) : OK;
    bool ours = !r && st.st_uid == geteuid();
    if (!r && S_ISDIR(st.st_mode) && g->depth) {
        struct gift below = {fd, g->uid, g->gid, g->depth - 1};
        r = file_list(fd, on_given, &below);
    }
    if (!r && ours && (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink == 1)) &&
        fchown(fd, g->uid, g->gid))
        r = error_of(errno);
    file_close(fd);
    return r;
}

int filetree_give(const char *path, uint32_t uid, uint32_t gid)
{
    const struct gift g = {FILE_CWD, uid, gid, FILETREE_DEPTH_MAX};
    return give_at(&g, path);
}

void filetree_private(void)
{
    umask(077);
}
