/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */
/* Owns the HTTP/1.1 side of the load client: one request out, one response checked (status 200,
 * Content-Length equal to the expected length, not a byte more). It refuses to know sockets. */
#include "load.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void load_h1_setup(struct load *l)
{
    bool once = l->opt.mode == LOAD_FULL || l->opt.mode == LOAD_RESUMED;
    int n = snprintf(l->request, sizeof(l->request),
                     "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench/1\r\nAccept: */*\r\n%s\r\n",
                     l->opt.path, l->opt.name, once ? "Connection: close\r\n" : "");
    if (n < 0 || (size_t)n >= sizeof(l->request))
        load_fail("the request does not fit");
    l->request_bytes = (size_t)n;
}

void load_h1_send(struct load *l, struct load_link *k, uint64_t due_ns)
{
    k->due_ns = due_ns;
    k->head_bytes = 0;
    k->in_body = false;
    k->answered = false;
    k->room = 0;
    load_link_write(k, l->request, l->request_bytes);
}

static uint64_t content_length(const char *head)
{
    static const char name[] = "content-length:";
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, sizeof(name) - 1))
            continue;
        const char *p = line + sizeof(name) - 1;
        while (*p == ' ')
            p++;
        uint64_t value = 0;
        for (; *p >= '0' && *p <= '9'; p++)
            value = value * 10 + (uint64_t)(*p - '0');
        return value;
    }
    load_fail("no Content-Length in: %.300s", head);
}

/* Takes head bytes from data; returns how many it used. */
static size_t feed_head(struct load *l, struct load_link *k, const char *data, size_t n)
{
    size_t space = sizeof(k->head) - 1 - k->head_bytes;
    size_t take = n < space ? n : space;
    memcpy(k->head + k->head_bytes, data, take);
    k->head[k->head_bytes + take] = 0;
    char *end = strstr(k->head, "\r\n\r\n");
    if (!end) {
        if (take < n)
            load_fail("response head too long");
        k->head_bytes += take;
        return take;
    }
    end[2] = 0;
    if (strncmp(k->head, "HTTP/1.1 200", 12) != 0)
        load_fail("status: %.60s", k->head);
    k->body_want = content_length(k->head);
    if (k->body_want != l->opt.bytes)
        load_fail("Content-Length %llu, expected %llu", (unsigned long long)k->body_want,
                  (unsigned long long)l->opt.bytes);
    k->body_bytes = 0;
    k->in_body = true;
    return (size_t)(end + 4 - k->head) - k->head_bytes;
}

void load_h1_feed(struct load *l, struct load_link *k, const char *data, size_t n)
{
    if (k->answered)
        load_fail("%zu bytes after the response", n);
    if (!k->in_body) {
        size_t used = feed_head(l, k, data, n);
        data += used;
        n -= used;
        if (!k->in_body)
            return;
    }
    (void)data;
    k->body_bytes += n;
    if (k->body_bytes > k->body_want)
        load_fail("body longer than its Content-Length");
    if (k->body_bytes < k->body_want)
        return;
    k->answered = true;
    if (l->opt.mode == LOAD_H1) {
        k->room = 1;
        load_complete(l, k, k->due_ns);
    } else if (l->opt.mode == LOAD_IDLE) {
        load_complete(l, k, k->due_ns);
    }
}
