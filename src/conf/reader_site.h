/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Readers of sites, their names, certificates and routes; contracts in reader.h. */
#pragma once

#include "conf/reader.h"

struct reader_site {
    struct conf_site site;
    const struct node *key; /* where its name stands */
    struct reader_site *next;
};

reader_type reader_site_map;    /* appends to rd->sites; field is not used */
reader_type reader_site_names;  /* struct conf_texts */
reader_type reader_site_certs;  /* struct conf_certs */
reader_type reader_site_routes; /* pointer and count of struct conf_route */

/* Reads one site, key and value, and appends it to rd->sites with everything inherited: the
 * server's own directives have been read before. */
int reader_site_add(struct reader *rd, const struct node *key) MUST_USE;
/* Moves rd->sites into conf->sites. ERR_NOMEM. */
int reader_site_finish(struct reader *rd) MUST_USE;
