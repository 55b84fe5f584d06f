/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One generation of a lineage as files of one directory: chain.pem, key.pem, meta.json. Knows
 * nothing of the other generations. */
#pragma once

#include "cert/lineage.h"

/* Key and chain must fit. meta.json: what is missing or unreadable is made from the certificate and
 * told by f with OK. meta->generation is not set. ERR_NOT_FOUND, ERR_SYNTAX, ERR_CONFIG, ERR_CAP:
 * the directory is no good; ERR_PERM, ERR_SYS, ERR_NOMEM: it may be. */
int leafdir_read(const char *path, struct arena *a, struct lineage_loaded *ret,
                 struct fault *f) MUST_USE;
/* Every file is on disk when it returns. ERR_CONFIG (they do not fit), ERR_PERM, ERR_SYS. */
int leafdir_write(const char *path, const struct certstore_pair *pair,
                  const struct lineage_meta *meta, struct fault *f) MUST_USE;
int leafdir_write_meta(const char *path, const struct lineage_meta *meta, struct fault *f) MUST_USE;
/* The text of meta.json alone. ERR_SYNTAX, ERR_NOMEM. */
int leafdir_read_meta(struct slice json, struct arena *a, struct lineage_meta *ret,
                      struct fault *f) MUST_USE;
/* A private key in PEM. ERR_NOT_FOUND, ERR_SYNTAX, ERR_CONFIG, ERR_PERM, ERR_SYS. */
int leafdir_read_key(const char *path, struct key **ret, struct fault *f) MUST_USE;
int leafdir_write_key(const char *path, const struct key *key, struct fault *f) MUST_USE;
