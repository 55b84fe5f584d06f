/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The states of the HTML tokenizer (13.2.5) that decide where a tag starts and ends. */
#include "wire/htmlscan.h"

#include "base/attr.h"

struct scan {
    struct slice page;
    size_t at;
    const struct htmlscan_ops *ops;
    unsigned inert;   /* depth of <template> */
    unsigned foreign; /* depth of <svg> and <math>: there raw text is none, CDATA is one */
};

static bool is_space(uint8_t ch)
{
    return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\f' || ch == '\r';
}

static bool is_letter(uint8_t ch)
{
    return (ch | 0x20) >= 'a' && (ch | 0x20) <= 'z';
}

static uint8_t peek(const struct scan *s, size_t ahead)
{
    return s->at + ahead < s->page.n ? s->page.p[s->at + ahead] : 0;
}

static bool looking_at(const struct scan *s, size_t at, struct slice word)
{
    return at + word.n <= s->page.n && slice_eq_nocase(slice_of(s->page.p + at, word.n), word);
}

/* Moves behind the next `word`, or to the end. */
static void skip_past(struct scan *s, struct slice word)
{
    while (s->at < s->page.n) {
        s->at += slice_find(slice_from(s->page, s->at), word.p[0]);
        if (looking_at(s, s->at, word)) {
            s->at += word.n;
            return;
        }
        s->at += s->at < s->page.n;
    }
}

/* At "<!--": ends with "-->" or "--!>"; "<!-->" and "<!--->" are whole comments (13.2.5.43). */
static void skip_comment(struct scan *s)
{
    s->at += 4;
    if (peek(s, 0) == '>' || (peek(s, 0) == '-' && peek(s, 1) == '>')) {
        skip_past(s, SLICE(">"));
        return;
    }
    for (;;) {
        skip_past(s, SLICE("--"));
        if (s->at >= s->page.n)
            return;
        while (peek(s, 0) == '-') /* "--->" */
            s->at++;
        size_t bang = peek(s, 0) == '!';
        if (peek(s, bang) == '>') {
            s->at += bang + 1;
            return;
        }
    }
}

/* At "<!" or "<?" or "</" and no letter. */
static void skip_markup(struct scan *s)
{
    if (looking_at(s, s->at, SLICE("<!--")))
        skip_comment(s);
    else if (s->foreign && slice_starts(slice_from(s->page, s->at), SLICE("<![CDATA[")))
        skip_past(s, SLICE("]]>"));
    else
        skip_past(s, SLICE(">"));
}

/* ---- tags ---- */

static struct slice take_until(struct scan *s, bool (*end)(uint8_t))
{
    size_t from = s->at;
    while (s->at < s->page.n && !end(s->page.p[s->at]))
        s->at++;
    return slice_of(s->page.p + from, s->at - from);
}

static bool ends_name(uint8_t ch)
{
    return is_space(ch) || ch == '/' || ch == '>';
}

static bool ends_attribute(uint8_t ch)
{
    return ends_name(ch) || ch == '=';
}

static bool ends_unquoted(uint8_t ch)
{
    return is_space(ch) || ch == '>';
}

static void skip_space(struct scan *s)
{
    while (s->at < s->page.n && is_space(s->page.p[s->at]))
        s->at++;
}

static struct slice take_value(struct scan *s)
{
    uint8_t quote = peek(s, 0);
    if (s->at >= s->page.n || (quote != '"' && quote != '\''))
        return take_until(s, ends_unquoted);
    struct slice rest = slice_from(s->page, s->at + 1);
    struct slice value = slice_first(rest, slice_find(rest, quote));
    s->at += value.n + 1;
    s->at += s->at < s->page.n;
    return value;
}

static void take_attribute(struct scan *s, struct htmlscan_tag *tag)
{
    struct htmlscan_attribute a = {0};
    size_t from = s->at;
    s->at += peek(s, 0) == '='; /* a name may start with it (13.2.5.32) */
    take_until(s, ends_attribute);
    a.name = slice_of(s->page.p + from, s->at - from);
    skip_space(s);
    if (peek(s, 0) == '=') {
        s->at++;
        skip_space(s);
        a.value = take_value(s);
    }
    if (tag->n < HTMLSCAN_ATTRIBUTES_MAX)
        tag->attributes[tag->n++] = a;
}

/* Behind "<" or "</", at a letter. False: the page ends inside the tag, which is then no tag.
 * *ret_closed: it ends with "/>". */
static bool take_tag(struct scan *s, struct htmlscan_tag *tag, bool *ret_closed)
{
    tag->n = 0;
    tag->name = take_until(s, ends_name);
    *ret_closed = false;
    for (;;) {
        skip_space(s);
        if (s->at >= s->page.n)
            return false;
        uint8_t ch = peek(s, 0);
        if (ch == '>') {
            s->at++;
            return true;
        }
        *ret_closed = ch == '/';
        if (ch == '/')
            s->at++;
        else
            take_attribute(s, tag);
    }
}

static bool named(const struct htmlscan_tag *tag, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq_nocase(tag->name, slice_cstr(words[i])))
            return true;
    return false;
}

/* ---- raw text ---- */

static bool ends_raw(const struct scan *s, struct slice name)
{
    size_t end = s->at + 2 + name.n;
    return peek(s, 0) == '<' && peek(s, 1) == '/' && looking_at(s, s->at + 2, name) &&
           (end >= s->page.n || ends_name(s->page.p[end]));
}

/* Behind a start tag whose content is text: returns it and stands at its end tag. A script that
 * writes "<!--" and then "<script" ends with the second end tag only (13.2.5.27). */
static struct slice skip_raw(struct scan *s, struct slice name)
{
    bool script = slice_eq_nocase(name, SLICE("script")), hidden = false, twice = false;
    size_t from = s->at;
    for (; s->at < s->page.n; s->at++) {
        if (script && !hidden && looking_at(s, s->at, SLICE("<!--"))) {
            hidden = true;
            s->at += 1; /* the same dashes may end it: "<!-->" */
        } else if (hidden && looking_at(s, s->at, SLICE("-->"))) {
            hidden = twice = false;
        } else if (hidden && !twice && looking_at(s, s->at, SLICE("<script")) &&
                   ends_name(peek(s, 7))) {
            twice = true;
        } else if (ends_raw(s, name)) {
            if (!twice)
                break;
            twice = false;
        }
    }
    return slice_of(s->page.p + from, s->at - from);
}

static void after_start(struct scan *s, const struct htmlscan_tag *tag, bool closed)
{
    static const char *const raw[] = {"script", "style",   "textarea", "title",   "xmp",
                                      "iframe", "noembed", "noframes", "noscript"};
    static const char *const leaves_foreign[] = {"body", "br",  "center", "div",  "embed", "head",
                                                 "hr",   "img", "meta",   "p",    "table", "ul",
                                                 "h1",   "h2",  "li",     "span", "b",     "pre"};
    static const char *const foreign[] = {"svg", "math"};
    if (s->foreign && named(tag, leaves_foreign, ARRAY_LEN(leaves_foreign)))
        s->foreign = 0; /* 13.2.6.5: the browser closes the picture */
    if (named(tag, foreign, ARRAY_LEN(foreign)) && !closed)
        s->foreign++;
    if (slice_eq_nocase(tag->name, SLICE("template")))
        s->inert++;
    if (slice_eq_nocase(tag->name, SLICE("plaintext")) && !s->foreign)
        s->at = s->page.n;
    if (s->foreign || !named(tag, raw, ARRAY_LEN(raw)))
        return;
    struct slice text = skip_raw(s, tag->name);
    if (s->ops->on_style && !s->inert && slice_eq_nocase(tag->name, SLICE("style")))
        s->ops->on_style(s->ops->ctx, text);
}

static void after_end(struct scan *s, const struct htmlscan_tag *tag)
{
    static const char *const foreign[] = {"svg", "math"};
    if (s->foreign && named(tag, foreign, ARRAY_LEN(foreign)))
        s->foreign--;
    if (s->inert && slice_eq_nocase(tag->name, SLICE("template")))
        s->inert--;
}

void htmlscan_run(struct slice page, const struct htmlscan_ops *ops)
{
    struct scan s = {.page = page, .ops = ops};
    struct htmlscan_tag tag;
    bool closed;
    for (;;) {
        s.at += slice_find(slice_from(page, s.at), '<');
        if (s.at >= page.n)
            return;
        bool end = peek(&s, 1) == '/';
        if (is_letter(peek(&s, 1U + end))) {
            s.at += 1U + end;
            if (!take_tag(&s, &tag, &closed))
                return;
            if (!end && !s.inert)
                ops->on_tag(ops->ctx, &tag);
            if (end)
                after_end(&s, &tag);
            else
                after_start(&s, &tag, closed);
        } else if (end || peek(&s, 1) == '!' || peek(&s, 1) == '?') {
            skip_markup(&s);
        } else {
            s.at++;
        }
    }
}

const struct htmlscan_attribute *htmlscan_attribute(const struct htmlscan_tag *tag,
                                                    struct slice name)
{
    for (size_t i = 0; i < tag->n; i++)
        if (slice_eq_nocase(tag->attributes[i].name, name))
            return &tag->attributes[i];
    return NULL;
}

/* ---- addresses ---- */

/* "#65" or "#x41" behind the ampersand; 0: none of one byte. */
static unsigned numbered(struct slice text)
{
    bool hex = text.n > 1 && (text.p[1] | 0x20) == 'x';
    unsigned sum = 0;
    size_t i = 1U + hex;
    if (i >= text.n || text.n > 12)
        return 0;
    for (; i < text.n; i++) {
        uint8_t ch = text.p[i] | 0x20;
        unsigned digit = (unsigned)(ch <= '9' ? ch - '0' : ch - 'a' + 10);
        if (digit >= (hex ? 16U : 10U))
            return 0;
        sum = sum * (hex ? 16 : 10) + digit;
        if (sum > 0x7f)
            return 0;
    }
    return sum;
}

/* At an ampersand: the byte that the reference stands for (0: none) and its length. */
static unsigned reference(struct slice s, size_t *ret_length)
{
    static const struct {
        const char *name;
        char is;
    } names[] = {{"amp", '&'},    {"colon", ':'}, {"sol", '/'},  {"period", '.'},   {"quot", '"'},
                 {"lt", '<'},     {"gt", '>'},    {"Tab", '\t'}, {"NewLine", '\n'}, {"num", '#'},
                 {"equals", '='}, {"quest", '?'}, {"apos", '\''}};
    size_t n = 1;
    while (n < s.n && n < 12 &&
           (is_letter(s.p[n]) || (s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '#'))
        n++;
    struct slice text = slice_of(s.p + 1, n - 1);
    *ret_length = n + (n < s.n && s.p[n] == ';');
    if (text.n && text.p[0] == '#')
        return numbered(text);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (slice_eq(text, slice_cstr(names[i].name)))
            return (unsigned char)names[i].is;
    return 0;
}

static size_t resolve(struct slice value, bool address, char *dst, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < value.n && n < cap;) {
        size_t length = 1;
        unsigned ch = value.p[i];
        if (ch == '&') {
            unsigned is = reference(slice_from(value, i), &length);
            length = is ? length : 1;
            ch = is ? is : '&';
        }
        i += length;
        bool line = ch == '\t' || ch == '\n' || ch == '\r';
        if (!address || (!line && (n || ch > ' ')))
            dst[n++] = (char)ch;
    }
    while (address && n && (unsigned char)dst[n - 1] <= ' ')
        n--;
    return n;
}

size_t htmlscan_text(struct slice value, char *dst, size_t cap)
{
    return resolve(value, false, dst, cap);
}

size_t htmlscan_address(struct slice value, char *dst, size_t cap)
{
    return resolve(value, true, dst, cap);
}
