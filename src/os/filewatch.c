/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Any event in a watched directory starts the settle timer; when it rings every file is looked at.
 * The set is small (certificates and configuration), so no event is matched to a name. */
#include "os/filewatch.h"

#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "os/file.h"

/* In a busy directory the settle timer must not be pushed back for ever. */
#define SETTLE_MAX_MS 3000
#define EVENTS                                                                               \
    (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_DELETE | IN_DELETE_SELF | \
     IN_MOVE_SELF | IN_ONLYDIR)
/* Links followed when looking for directories to watch; the kernel's own limit is 40. */
#define LINKS_MAX 8

struct watched {
    struct list node;
    bool present;
    struct file_info seen;
    char path[];
};

struct filewatch {
    struct loop_io io; /* fd -1 without inotify */
    struct loop *loop;
    struct loop_timer settle, poll;
    uint64_t first_event_ms; /* of the burst; 0 between bursts */
    struct list files;
    void (*on_change)(void *ctx, const char *path);
    void *ctx;
    bool *gone;       /* set while callbacks run */
    uint64_t cleared; /* counts filewatch_clear: the walk in progress ends */
};

static void watch_parent(struct filewatch *w, const char *path)
{
    char dir[PATH_MAX];
    size_t n = strlen(path);
    while (n && path[n - 1] != '/')
        n--;
    if (n == 0) {
        inotify_add_watch(w->io.fd, ".", EVENTS);
        return;
    }
    if (n >= sizeof(dir))
        return;
    memcpy(dir, path, n);
    dir[n] = 0;
    inotify_add_watch(w->io.fd, dir, EVENTS);
}

/* Watches the directory of the name and of each link on the way to the bytes. The same directory
 * again is no new watch. Errors leave it to the poll. */
static void watch(struct filewatch *w, const char *path)
{
    char at[PATH_MAX], to[PATH_MAX], joined[PATH_MAX];
    size_t n = strlen(path);
    if (w->io.fd < 0 || n >= sizeof(at))
        return;
    memcpy(at, path, n + 1);
    for (int i = 0; i < LINKS_MAX; i++) {
        watch_parent(w, at);
        ssize_t len = readlink(at, to, sizeof(to) - 1);
        if (len < 0)
            break;
        size_t dir = 0;
        if (to[0] != '/')
            for (dir = strlen(at); dir && at[dir - 1] != '/'; dir--)
                ;
        if (dir + (size_t)len >= sizeof(joined))
            return;
        memcpy(joined, at, dir);
        memcpy(joined + dir, to, (size_t)len);
        joined[dir + (size_t)len] = 0;
        memcpy(at, joined, dir + (size_t)len + 1);
    }
}

/* True when the file is there with other contents than last time. */
static bool changed(struct watched *f)
{
    struct file_info now;
    if (file_stat(f->path, &now))
        return false;
    bool same = f->present && now.ino == f->seen.ino && now.dev == f->seen.dev &&
                now.mtime_ns == f->seen.mtime_ns && now.size_bytes == f->seen.size_bytes;
    f->present = true;
    f->seen = now;
    return !same;
}

static void look(struct filewatch *w)
{
    bool gone = false;
    uint64_t cleared = w->cleared;
    w->gone = &gone;
    LIST_FOREACH (it, &w->files) {
        struct watched *f = container_of(it, struct watched, node);
        if (!changed(f))
            continue;
        watch(w, f->path); /* links may lead elsewhere now */
        w->on_change(w->ctx, f->path);
        if (gone)
            return;
        if (w->cleared != cleared)
            break;
    }
    w->gone = NULL;
}

static void on_settled(struct loop_timer *t)
{
    struct filewatch *w = container_of(t, struct filewatch, settle);
    w->first_event_ms = 0;
    look(w);
}

static void on_poll(struct loop_timer *t)
{
    struct filewatch *w = container_of(t, struct filewatch, poll);
    loop_timer_set(w->loop, t, FILEWATCH_POLL_MS);
    LIST_FOREACH (it, &w->files)
        watch(w, container_of(it, struct watched, node)->path); /* directories may be new */
    look(w);
}

static void on_events(struct loop_io *io, uint32_t events)
{
    struct filewatch *w = container_of(io, struct filewatch, io);
    char block[4096];
    bool any = false;
    (void)events;
    while (read(io->fd, block, sizeof(block)) > 0)
        any = true;
    if (!any)
        return;
    uint64_t now = loop_now_ms(w->loop);
    if (!w->first_event_ms)
        w->first_event_ms = now;
    if (now - w->first_event_ms < SETTLE_MAX_MS || !w->settle.deadline_ms)
        loop_timer_set(w->loop, &w->settle, FILEWATCH_SETTLE_MS);
}

int filewatch_new(struct loop *l, void (*on_change)(void *ctx, const char *path), void *ctx,
                  struct filewatch **ret)
{
    struct filewatch *w = mem_alloc(sizeof(*w));
    if (!w)
        return ERR_NOMEM;
    w->io = (struct loop_io){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .on_ready = on_events};
    w->loop = l;
    w->on_change = on_change;
    w->ctx = ctx;
    list_init(&w->files);
    loop_timer_init(&w->settle, on_settled);
    loop_timer_init(&w->poll, on_poll);
    if (w->io.fd >= 0 && loop_add_level(l, &w->io)) {
        close(w->io.fd);
        w->io.fd = -1;
    }
    loop_timer_set(l, &w->poll, FILEWATCH_POLL_MS);
    *ret = w;
    return OK;
}

int filewatch_add(struct filewatch *w, const char *path)
{
    size_t n = strlen(path) + 1;
    struct watched *f = mem_alloc(sizeof(*f) + n);
    if (!f)
        return ERR_NOMEM;
    memcpy(f->path, path, n);
    watch(w, path);
    f->present = file_stat(path, &f->seen) == OK;
    list_push(&w->files, &f->node);
    return OK;
}

/* Directories stay watched until the end: what nobody asks about any more only costs a look. */
void filewatch_clear(struct filewatch *w)
{
    struct list *node;
    while ((node = list_pop(&w->files)))
        mem_free(container_of(node, struct watched, node));
    w->cleared++;
}

void filewatch_free(struct filewatch *w)
{
    if (!w)
        return;
    if (w->gone)
        *w->gone = true;
    filewatch_clear(w);
    loop_timer_clear(&w->settle);
    loop_timer_clear(&w->poll);
    if (w->io.fd >= 0) {
        loop_remove(w->loop, &w->io);
        close(w->io.fd);
    }
    mem_free(w);
}
