/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Building, finding and ending configuration generations (struct generation, serve/site.h). */
#pragma once

#include "serve/site.h"

/* Builds a generation from conf (owned by it afterwards, also on error) and the file contents and
 * root handles of the bundle; takes over balance groups from `old` (may be NULL). */
int generation_new(struct worker *w, struct conf *conf, const struct bundle *b,
                   const struct generation *old, struct generation **ret, struct fault *f) MUST_USE;
/* References: each connection holds one from open to close, the worker holds one on the current.
 * The last unref frees sites, contexts, roots and configuration. */
struct generation *generation_ref(struct generation *g);
void generation_unref(struct generation *g);
/* The site for a host in normal form: exact name, then the wildcard of its parent, else NULL. */
struct site *generation_site(const struct generation *g, struct slice host);
/* The context for a name below a site that takes certificates on demand, a loan of the generation;
 * ERR_NOT_FOUND: there is no certificate for it. Errors as tlsctx_server_new. */
int generation_demanded(struct site *s, struct slice name, const struct bundle *b,
                        struct tlsctx **ret, struct fault *f) MUST_USE;
/* Swaps in new certificates for the names of the bundle entry; OK also when nothing of it is used.
 */
int generation_recert(struct generation *g, const struct bundle *b, struct slice name,
                      struct fault *f) MUST_USE;
/* Would every certificate that is named by files be usable (parse, order, key match)? In the
 * master, before a configuration is sent. Errors as tlsctx_server_new, with the site's name in the
 * story. */
int generation_check(const struct conf *conf, const struct bundle *b, struct fault *f) MUST_USE;
/* The same for one site. */
int generation_check_site(const struct conf *conf, const struct conf_site *site,
                          const struct bundle *b, struct fault *f) MUST_USE;
