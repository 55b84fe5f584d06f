/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The short language of the command line: NAME=/dir, NAME=PORT, NAME=URL, NAME=>URL. */
#include "conf/conf_word.h"

#include "base/mem.h"
#include "base/num.h"
#include "conf/reader_site.h"

static struct node *action(struct reader *rd, struct node *target, const char *directive,
                           struct slice text)
{
    struct node *key = node_scalar(rd->tree, target->origin, slice_cstr(directive), target->column);
    target->text = text;
    return key ? node_pair(rd->tree, key, target) : NULL;
}

static bool is_relative(struct slice target)
{
    return slice_eq(target, SLICE(".")) || slice_eq(target, SLICE("..")) ||
           slice_starts(target, SLICE("./")) || slice_starts(target, SLICE("../"));
}

char *conf_word_absolute(const char *word, const char *cwd)
{
    struct slice s = slice_cstr(word), dir = slice_cstr(cwd);
    size_t equals = slice_find(s, '=');
    struct slice target = slice_from(s, equals + 1);
    if (!is_relative(target))
        return mem_strdup(word);
    if (slice_eq(target, SLICE(".")))
        target = SLICE_EMPTY;
    else if (slice_starts(target, SLICE("./")))
        target = slice_from(target, 2);
    struct buf b;
    buf_init(&b, s.n + dir.n + 2);
    int r = buf_printf(&b, SLICE_F "=" SLICE_F "%s" SLICE_F, (int)equals, word, SLICE_A(dir),
                       target.n && !slice_eq(dir, SLICE("/")) ? "/" : "", SLICE_A(target));
    char *copy = r ? NULL : mem_dup(buf_slice(&b).p, buf_slice(&b).n);
    buf_done(&b);
    return copy;
}

static bool is_number(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

static int proxy_port(struct reader *rd, struct node *target, struct node **ret)
{
    uint64_t port;
    struct slice url;
    if (num_parse_u64(target->text, 1, 65535, &port)) {
        reader_fault(rd, target, "\"%s\" is not a port: ports go from 1 to 65535",
                     reader_word(target->text).text);
        return ERR_CONFIG;
    }
    int r = arena_printf(rd->tree, &url, "http://127.0.0.1:%u", (unsigned)port);
    if (r)
        return r;
    *ret = action(rd, target, "proxy", url);
    return *ret ? OK : ERR_NOMEM;
}

/* The site's map, from the one value behind '='. */
static int expand(struct reader *rd, struct node *target, struct node **ret)
{
    struct slice s = target->text;
    if (s.n == 0) {
        fault_next(reader_fault(rd, target, "nothing stands behind '='"),
                   "quote a redirect, or the shell takes its '>': 'NAME=>https://HOST'");
        return ERR_CONFIG;
    }
    if (s.p[0] == '>') {
        target->column++;
        *ret = action(rd, target, "redirect", slice_from(s, 1));
        return *ret ? OK : ERR_NOMEM;
    }
    if (s.p[0] == '/') {
        *ret = action(rd, target, "root", s);
        return *ret ? OK : ERR_NOMEM;
    }
    if (is_number(s))
        return proxy_port(rd, target, ret);
    if (slice_starts(s, SLICE("http://")) || slice_starts(s, SLICE("https://")) ||
        slice_starts(s, SLICE("unix:"))) {
        *ret = action(rd, target, "proxy", s);
        return *ret ? OK : ERR_NOMEM;
    }
    fault_next(reader_fault(rd, target, "\"%s\" is not a target", reader_word(s).text),
               "NAME=/dir or NAME=./dir (files), NAME=3000 or NAME=http://HOST:PORT (proxy), "
               "'NAME=>https://HOST' (redirect)");
    return ERR_CONFIG;
}

int conf_word_site(struct reader *rd, struct slice word)
{
    struct node_origin *origin = arena_alloc(rd->tree, sizeof(*origin));
    if (!origin)
        return ERR_NOMEM;
    *origin = (struct node_origin){SLICE("command line"), word, false};
    size_t equals = slice_find(word, '=');
    struct node *key = node_scalar(rd->tree, origin, slice_first(word, equals), 1);
    struct node *target =
        node_scalar(rd->tree, origin, slice_from(word, equals + 1), (unsigned)equals + 2);
    if (!key || !target)
        return ERR_NOMEM;
    if (equals == word.n) {
        fault_next(reader_fault(rd, key, "\"%s\" is not NAME=TARGET", reader_word(word).text),
                   "for example: example.com=/srv/www, app.example.com=3000");
        return ERR_CONFIG;
    }
    int r = expand(rd, target, &key->value);
    return r ? r : reader_site_add(rd, key);
}
