/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* STATE/cert.lock: a lock of the kernel, which ends with its holder; the text in it is only for
 * those who find it taken. */
#include "cert/keeplock.h"

#include <stdio.h>

#include "base/text.h"
#include "os/file.h"

#define WHO_BYTES 200

static int path_of(const struct certkeep *k, char path[CERTSTORE_PATH_BYTES], struct fault *f)
{
    int n = snprintf(path, CERTSTORE_PATH_BYTES, "%s/cert.lock", k->state_dir);
    return n < CERTSTORE_PATH_BYTES
               ? OK
               : fault_set(f, ERR_CAP, "the path of the state directory is too long");
}

static int tell_holder(const struct certkeep *k, const char *path, struct fault *f)
{
    struct buf b;
    char who[4 * WHO_BYTES + 1];
    buf_init(&b, WHO_BYTES);
    if (file_read(path, WHO_BYTES, &b, NULL))
        buf_reset(&b);
    text_escape(slice_trim(slice_first(buf_slice(&b), slice_find(buf_slice(&b), '\n'))), who,
                sizeof(who));
    buf_done(&b);
    fault_set(f, ERR_EXISTS, "%s is at work on the certificates in %s",
              who[0] ? who : "another process", k->state_dir);
    fault_next(f, "a server gets certificates for the names in its configuration; other commands "
                  "end by themselves; --state DIR names another store");
    return ERR_EXISTS;
}

int keeplock_take(struct certkeep *k, struct fault *f)
{
    char path[CERTSTORE_PATH_BYTES], text[WHO_BYTES];
    int fd, r = path_of(k, path, f);
    if (r)
        return r;
    r = file_lock(path, &fd, f);
    if (r == ERR_EXISTS)
        return tell_holder(k, path, f);
    if (r)
        return r;
    k->lock_fd = fd;
    int n = snprintf(text, sizeof(text), "%s\n", k->host->who ? k->host->who : "another process");
    BEST_EFFORT(file_lock_note(fd, slice_of(text, (size_t)n)));
    return OK;
}

void keeplock_release(struct certkeep *k)
{
    file_close(k->lock_fd);
    k->lock_fd = -1;
}
