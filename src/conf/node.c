/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* libyaml's events to nodes, with an explicit stack instead of recursion. */
#include "conf/node.h"

#include <string.h>

#include <yaml.h>

#include "base/err.h"

struct build {
    struct arena *arena;
    const struct node_origin *origin;
    struct fault *f;
    struct node *root;
    struct node *open[NODE_DEPTH_MAX]; /* lists and maps that are not ended */
    struct node *last[NODE_DEPTH_MAX]; /* newest child of each */
    bool want_value[NODE_DEPTH_MAX];   /* the newest key of a map waits for its value */
    unsigned depth;
    size_t count;
};

/* The source line that holds `line`, without its end. */
static struct slice source_line(struct slice text, unsigned line)
{
    for (unsigned i = 1; i < line; i++)
        text = slice_from(text, slice_find(text, '\n') + 1);
    struct slice s = slice_first(text, slice_find(text, '\n'));
    if (s.n && s.p[s.n - 1] == '\r')
        s.n--;
    return s;
}

static void place(const struct node_origin *origin, unsigned line, unsigned column, struct fault *f)
{
    fault_at(f, (const char *)origin->name.p, origin->is_file ? (int)line : 0, (int)column);
    struct slice s = source_line(origin->text, line);
    if (column >= sizeof(f->snippet))
        return;
    s = slice_first(s, sizeof(f->snippet) - 1);
    for (size_t i = 0; i < s.n; i++) /* a terminal obeys control characters */
        f->snippet[i] = (char)((s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f ? '?' : s.p[i]);
    f->snippet[s.n] = 0;
}

void node_place(const struct node *n, struct fault *f)
{
    place(n->origin, n->line, n->column, f);
}

static int refuse(struct build *b, yaml_mark_t at, const char *what, const char *next)
{
    int r = fault_set(b->f, ERR_CONFIG, "%s", what);
    place(b->origin, (unsigned)at.line + 1, (unsigned)at.column + 1, b->f);
    if (next)
        fault_next(b->f, "%s", next);
    return r;
}

static struct node *attach(struct build *b, enum node_kind kind, yaml_mark_t at)
{
    struct node *n = arena_zalloc(b->arena, sizeof(*n));
    if (!n)
        return NULL;
    n->kind = kind;
    n->line = (unsigned)at.line + 1;
    n->column = (unsigned)at.column + 1;
    n->origin = b->origin;
    if (b->depth == 0) {
        b->root = n;
        return n;
    }
    unsigned top = b->depth - 1;
    if (b->want_value[top]) {
        b->want_value[top] = false;
        b->last[top]->value = n;
        return n;
    }
    if (b->last[top])
        b->last[top]->next = n;
    else
        b->open[top]->first = n;
    b->last[top] = n;
    b->open[top]->count++;
    b->want_value[top] = b->open[top]->kind == NODE_MAP;
    return n;
}

static bool at_key(const struct build *b)
{
    return b->depth && b->open[b->depth - 1]->kind == NODE_MAP && !b->want_value[b->depth - 1];
}

static int on_scalar(struct build *b, const yaml_event_t *e)
{
    struct node *n = attach(b, NODE_SCALAR, e->start_mark);
    if (!n)
        return ERR_NOMEM;
    n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return arena_copy(b->arena, slice_of(e->data.scalar.value, e->data.scalar.length), &n->text);
}

static int on_open(struct build *b, const yaml_event_t *e, enum node_kind kind)
{
    if (at_key(b))
        return refuse(b, e->start_mark, "a key must be one word, not a list or a map",
                      "quote a word that begins with a bracket");
    if (b->depth == NODE_DEPTH_MAX)
        return refuse(b, e->start_mark, "nested too deeply", "12 levels are allowed");
    struct node *n = attach(b, kind, e->start_mark);
    if (!n)
        return ERR_NOMEM;
    b->open[b->depth] = n;
    b->last[b->depth] = NULL;
    b->want_value[b->depth++] = false;
    return OK;
}

static int refuse_tricks(struct build *b, const yaml_event_t *e)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (e->type == YAML_ALIAS_EVENT)
        return refuse(b, e->start_mark, "YAML aliases (*name) are not allowed",
                      "quote a name that begins with '*': \"*.example.com\"");
    if (e->type == YAML_SCALAR_EVENT) {
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
    } else if (e->type == YAML_SEQUENCE_START_EVENT) {
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
    } else if (e->type == YAML_MAPPING_START_EVENT) {
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
    }
    if (anchor)
        return refuse(b, e->start_mark, "YAML anchors (&name) are not allowed",
                      "quote a value that begins with '&'");
    if (tag)
        return refuse(b, e->start_mark, "YAML tags (!name) are not allowed",
                      "quote a value that begins with '!'");
    return OK;
}

static int on_event(struct build *b, const yaml_event_t *e)
{
    int r = refuse_tricks(b, e);
    if (r)
        return r;
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return b->root ? refuse(b, e->start_mark, "a second YAML document begins here",
                                "one file holds one configuration: remove the line ---")
                       : OK;
    case YAML_SCALAR_EVENT:
        r = on_scalar(b, e);
        break;
    case YAML_SEQUENCE_START_EVENT:
        r = on_open(b, e, NODE_LIST);
        break;
    case YAML_MAPPING_START_EVENT:
        r = on_open(b, e, NODE_MAP);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        return OK;
    case YAML_ALIAS_EVENT:
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    default:
        return OK;
    }
    if (!r && ++b->count > NODE_COUNT_MAX)
        return refuse(b, e->start_mark, "too many values in one configuration", NULL);
    return r;
}

/* libyaml's own words are terse: say the two slips that people really make. */
static const char *advice(const yaml_parser_t *p, const struct node_origin *origin)
{
    struct slice line = source_line(origin->text, (unsigned)p->problem_mark.line + 1);
    struct slice lead = slice_trim(line);
    if (slice_starts(lead, SLICE("*.")))
        return "quote a name that begins with '*': \"*.example.com\"";
    if (slice_find(slice_first(line, (size_t)(lead.p - line.p)), '\t') < (size_t)(lead.p - line.p))
        return "YAML indents with spaces only: this line has a tab";
    if (p->problem && strstr(p->problem, "mapping values are not allowed"))
        return "put a value that holds ': ' in quotes, or check the indentation";
    if (p->context && strstr(p->context, "block mapping"))
        return "check the indentation: keys of one map begin in one column";
    return NULL;
}

static int syntax(struct build *b, const yaml_parser_t *p)
{
    if (p->error == YAML_MEMORY_ERROR)
        return ERR_NOMEM;
    char what[256];
    if (p->context && p->context_mark.line != p->problem_mark.line)
        snprintf(what, sizeof(what), "not valid YAML: %s, %s that begins on line %zu",
                 p->problem ? p->problem : "unreadable", p->context, p->context_mark.line + 1);
    else
        snprintf(what, sizeof(what), "not valid YAML: %s%s%s",
                 p->problem ? p->problem : "unreadable", p->context ? ", " : "",
                 p->context ? p->context : "");
    yaml_mark_t at = p->problem_mark;
    if (p->error == YAML_READER_ERROR) { /* has only an offset in bytes */
        struct slice before = slice_first(b->origin->text, p->problem_offset);
        at = (yaml_mark_t){0};
        for (size_t i = 0; i < before.n; i++) {
            at.line += before.p[i] == '\n';
            at.column = before.p[i] == '\n' ? 0 : at.column + 1;
        }
        int r = refuse(b, at, what, "the file must be UTF-8 text");
        for (char *s = b->f->snippet; *s; s++)
            *s = *s & 0x80 ? '?' : *s;
        return r;
    }
    return refuse(b, at, what, advice(p, b->origin));
}

static int parse_events(struct build *b, yaml_parser_t *p)
{
    for (;;) {
        yaml_event_t e;
        if (!yaml_parser_parse(p, &e))
            return syntax(b, p);
        int r = on_event(b, &e);
        bool end = e.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&e);
        if (r || end)
            return r;
    }
}

int node_parse(struct arena *a, const struct node_origin *origin, struct node **ret,
               struct fault *f)
{
    struct build b = {.arena = a, .origin = origin, .f = f};
    if (origin->text.n > NODE_TEXT_MAX) {
        int r = fault_set(f, ERR_CONFIG, "the file is larger than 4 MiB");
        fault_at(f, (const char *)origin->name.p, 0, 0);
        return r;
    }
    yaml_parser_t p;
    if (!yaml_parser_initialize(&p))
        return ERR_NOMEM;
    yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p, origin->text.p ? origin->text.p : (const uint8_t *)"",
                                 origin->text.n);
    int r = parse_events(&b, &p);
    yaml_parser_delete(&p);
    if (r)
        return r;
    bool empty = b.root && b.root->kind == NODE_SCALAR && !b.root->quoted && b.root->text.n == 0;
    *ret = empty ? NULL : b.root;
    return OK;
}

const struct node *node_key(const struct node *map, const char *name)
{
    for (const struct node *k = map->kind == NODE_MAP ? map->first : NULL; k; k = k->next)
        if (slice_eq(k->text, slice_cstr(name)))
            return k;
    return NULL;
}

struct node *node_scalar(struct arena *a, const struct node_origin *origin, struct slice text,
                         unsigned column)
{
    struct node *n = arena_zalloc(a, sizeof(*n));
    if (n)
        *n = (struct node){.kind = NODE_SCALAR,
                           .quoted = true,
                           .line = 1,
                           .column = column,
                           .origin = origin,
                           .text = text};
    return n;
}

struct node *node_pair(struct arena *a, struct node *key, struct node *value)
{
    struct node *n = arena_zalloc(a, sizeof(*n));
    if (!n)
        return NULL;
    *n = (struct node){.kind = NODE_MAP,
                       .line = value->line,
                       .column = value->column,
                       .origin = value->origin,
                       .first = key,
                       .count = 1};
    key->value = value;
    return n;
}

const char *node_what(const struct node *n)
{
    switch (n->kind) {
    case NODE_LIST:
        return "a list";
    case NODE_MAP:
        return "a map";
    case NODE_SCALAR:
        break;
    }
    return n->text.n ? "a single value" : "an empty value";
}
