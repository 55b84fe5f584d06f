/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Tells when files change, however it is done: written in place, renamed over, or reached through
 * symbolic links that are swapped (certbot's live/, Kubernetes' ..data). inotify on the directories
 * says when to look; only what stat says counts, so a slow poll is a full safety net. Knows nothing
 * of what is in the files. */
#pragma once

#include "base/fault.h"
#include "os/loop.h"

struct filewatch;

/* Quiet time after the last event before files are looked at: cert and key are written one after
 * the other. */
#define FILEWATCH_SETTLE_MS 300
#define FILEWATCH_POLL_MS   30000

/* on_change(ctx, path) for each file that has other contents (or exists again) since it was added
 * or last reported; one that is missing is not reported. The callback may add, clear or free.
 * Without inotify it polls. ERR_NOMEM. */
int filewatch_new(struct loop *l, void (*on_change)(void *ctx, const char *path), void *ctx,
                  struct filewatch **ret) MUST_USE;
/* Copies path; a file that does not exist yet may be added. ERR_NOMEM. */
int filewatch_add(struct filewatch *w, const char *path) MUST_USE;
/* Forgets all files (before the set of a new configuration is added). */
void filewatch_clear(struct filewatch *w);
/* Accepts NULL. */
void filewatch_free(struct filewatch *w);
