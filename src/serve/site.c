/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Which rule of a site a path falls under. */
#include "serve/site.h"

#include "wire/target.h"

struct route *site_route(const struct site *s, struct slice path)
{
    for (size_t i = 0; i < s->nroutes; i++)
        if (target_segment_prefix(path, s->routes[i].conf->path))
            return &s->routes[i];
    return NULL;
}
