/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The certificate engine (cert/) behind the keeper's table (serve/), which do not know each other:
 * configuration to settings and wish list, JSON orders to calls. */
#pragma once

#include "cert/certkeep.h"
#include "serve/keeper.h"

/* For master_options.keeper. One engine in a process. */
extern const struct keeper_ops engine_keeper_ops;

/* Memory behind the slices of settings and names. */
struct engine_wishes {
    struct certkeep_settings settings;
    struct certkeep_name *names;
    size_t nnames;
    struct arena arena;
};

/* What a configuration asks of the engine; files: bytes of the files that acme names (NULL: none).
 * ERR_CONFIG (an unusable file; f), ERR_NOMEM. */
int engine_wishes(const struct conf *conf, const struct bundle *files, struct engine_wishes *ret,
                  struct fault *f) MUST_USE;
/* Also after an error. */
void engine_wishes_done(struct engine_wishes *w);
