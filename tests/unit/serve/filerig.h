/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A route over a temporary directory, and a multiplexer that keeps what is answered: requests in,
 * whole answers out, without sockets. */
#pragma once

#include "serve/filecache.h"
#include "serve/serving.h"

struct filerig {
    struct worker worker;
    struct generation gen;
    struct conf_site site_conf;
    struct site site;
    struct conf_route conf;
    struct route route;
    char dir[64];                         /* holds root/ and outside.txt */
    uint8_t version;                      /* of the requests: 11 or 20 */
    bool plain;                           /* not over TLS */
    bool escape;                          /* take target paths as canonical already */
    uint64_t fail_at;                     /* which allocation inside the engine fails; 0 none */
    bool failed;                          /* it did, in the last request */
    size_t cap;                           /* of one pull */
    void (*on_pulled)(struct filerig *g); /* after the first pull; once */
};

struct filerig_answer {
    uint16_t status;
    bool ready; /* the head came prebuilt */
    bool no_body;
    bool fast;          /* the body came from memory */
    int64_t length;     /* declared */
    int cut;            /* what pull or abort said; OK */
    char head[16384];   /* "Name: value\r\n"... as HTTP/1 sends it */
    char fields[16384]; /* the same for HTTP/2: as given, one a line */
    struct buf body;
    const char *reason; /* for the log, "" none */
};

void filerig_open(struct filerig *g);
void filerig_close(struct filerig *g);
/* Below dir: writes a file, its time `age_s` ago (with intermediate directories). */
void filerig_put(struct filerig *g, const char *name, const void *bytes, size_t n, int age_s);
/* One request; `head` is "Name: value\n"... The answer is valid until the next request. */
struct filerig_answer *filerig_ask(struct filerig *g, const char *method, const char *target,
                                   const char *head);
/* The value of a field of the answer, "" when it has none. Valid until the next call. */
const char *filerig_field(const struct filerig_answer *a, const char *name);
