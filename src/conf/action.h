/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Readers of what is done with a request: proxy, redirect, respond, return; and of hsts, which has
 * short forms as they have. Contracts in reader.h. */
#pragma once

#include "conf/reader.h"

reader_type action_upstreams;    /* struct conf_upstreams */
reader_type action_proxy;        /* struct conf_proxy; starts from the server's `upstream` */
reader_type action_redirect;     /* struct conf_redirect */
reader_type action_redirect_url; /* struct slice */
reader_type action_respond;      /* struct conf_respond */
reader_type action_return;       /* struct conf_respond */
reader_type action_hsts;         /* struct conf_hsts */

/* Rules between the options of one proxy map, or of the server's `upstream`. n is that map. */
int action_check_proxy(struct reader *rd, const struct node *n,
                       const struct conf_proxy *p) MUST_USE;
