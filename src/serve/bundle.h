/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A configuration with everything that only the master may read: the text of the file, the bytes of
 * certificate and key files, handles of document roots (opened before root rights are dropped, so a
 * root below a private home works), and what the keeper made (serve/kept). The master collects
 * it, workers build generations from it; a reload sends the whole of it. */
#pragma once

#include "base/fault.h"
#include "conf/conf.h"

struct bundle;

/* Where the configuration came from; texts are copied. */
struct bundle_source {
    const char *path; /* NULL: no file */
    const char *const *words;
    size_t nwords;
    const struct conf_setting *settings;
    size_t nsettings;
};

/* Reads file, certificates and keys, opens roots; *ret_conf is the loaded configuration (owned by
 * the caller). Every error that could be found is in `faults`. */
int bundle_collect(const struct bundle_source *src, struct bundle **ret, struct conf **ret_conf,
                   struct conf_faults *faults) MUST_USE;
/* References; the last unref wipes key bytes and closes handles. */
struct bundle *bundle_ref(struct bundle *b);
void bundle_unref(struct bundle *b);
/* Loads the configuration text again (in a worker). */
int bundle_conf(const struct bundle *b, struct conf **ret, struct conf_faults *faults) MUST_USE;
/* Bytes of a file by its configured path; false when it is not in the bundle. */
bool bundle_file(const struct bundle *b, struct slice path, struct slice *ret);
/* Handle of a root; -1 when it could not be opened. Not owned. */
int bundle_root(const struct bundle *b, struct slice path);
#define BUNDLE_ROOTS_MAX 4096
/* Handles of all roots, into fds (not owned); returns how many. */
size_t bundle_roots(const struct bundle *b, int *fds, size_t cap);
/* Sets or replaces bytes (a certificate file changed). Wipes the old bytes. ERR_NOMEM. */
int bundle_put(struct bundle *b, struct slice path, struct slice bytes) MUST_USE;
/* Takes bytes out again, wiped; nothing when they are not there. */
void bundle_drop(struct bundle *b, struct slice path);
/* Calls `each` for all bytes, whatever they came from; it must not change the bundle. */
void bundle_each(const struct bundle *b,
                 void (*each)(void *ctx, struct slice path, struct slice bytes), void *ctx);
/* The part that the keeper needs: the source, and the files that acme names; no keys of sites, no
 * roots. ERR_NOMEM. */
int bundle_plan(const struct bundle *b, const struct conf *conf, struct bundle **ret) MUST_USE;
/* Calls `each` for every file that came from the file system, so that it can be watched. */
void bundle_each_file(const struct bundle *b, void (*each)(void *ctx, const char *path), void *ctx);
/* The certificate files of a site as they are now, in a bundle of their own, so that halves of a
 * replacement never stand where new workers start from. Errors as file_read. */
int bundle_reread(const struct conf_site *site, struct bundle **ret, struct fault *f) MUST_USE;
