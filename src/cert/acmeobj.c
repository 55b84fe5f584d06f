/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reads what jansson has parsed. jansson.h and base/json.h declare functions of the same names, so
 * nothing here writes JSON. */
#include "cert/acmeobj.h"

#include <jansson.h>
#include <stdio.h>

#include "base/date.h"
#include "base/err.h"
#include "base/text.h"
#include "cert/acmehead.h"
#include "wire/phrase.h"

#define TEXT_MAX   512  /* names, types, tokens */
#define DETAIL_MAX 2000 /* bytes of a problem's text that are kept */
#define PROBLEM_NS "urn:ietf:params:acme:error:"
#define STATUS(s)  (1u << (s))
#define ORDER_STATES                                                                \
    (STATUS(ACMEOBJ_PENDING) | STATUS(ACMEOBJ_READY) | STATUS(ACMEOBJ_PROCESSING) | \
     STATUS(ACMEOBJ_VALID) | STATUS(ACMEOBJ_INVALID))
#define AUTHZ_STATES                                                             \
    (STATUS(ACMEOBJ_PENDING) | STATUS(ACMEOBJ_VALID) | STATUS(ACMEOBJ_INVALID) | \
     STATUS(ACMEOBJ_DEACTIVATED) | STATUS(ACMEOBJ_EXPIRED) | STATUS(ACMEOBJ_REVOKED))
#define ANSWER_STATES                                                               \
    (STATUS(ACMEOBJ_PENDING) | STATUS(ACMEOBJ_PROCESSING) | STATUS(ACMEOBJ_VALID) | \
     STATUS(ACMEOBJ_INVALID))

static const char *const status_names[] = {"pending", "ready",       "processing", "valid",
                                           "invalid", "deactivated", "expired",    "revoked"};

/* One object being read; the first error ends the reading of all later members. */
struct reading {
    const char *what; /* "order" */
    struct arena *a;
    struct fault *f;
    int r;
};

static int wrong(struct reading *rd, const char *member, const char *how)
{
    if (!rd->r)
        rd->r =
            fault_set(rd->f, ERR_SYNTAX, "the member \"%s\" of the %s %s", member, rd->what, how);
    return rd->r;
}

static int too_many(struct reading *rd, const char *member, size_t most)
{
    if (!rd->r)
        rd->r = fault_set(rd->f, ERR_CAP, "the member \"%s\" of the %s has more than %zu entries",
                          member, rd->what, most);
    return rd->r;
}

static int no_memory(struct reading *rd)
{
    if (!rd->r)
        rd->r = fault_set(rd->f, ERR_NOMEM, "no memory for the %s", rd->what);
    return rd->r;
}

static struct slice text_of(const json_t *v)
{
    return slice_of(json_string_value(v), json_string_length(v));
}

static void keep(struct reading *rd, struct slice s, struct slice *ret)
{
    if (!rd->r && arena_copy(rd->a, s, ret))
        no_memory(rd);
}

/* The member, when it is there (null counts as not there) and of the type. */
static json_t *member(struct reading *rd, const json_t *o, const char *name, json_type type,
                      bool required)
{
    json_t *v = rd->r ? NULL : json_object_get(o, name);
    if (v && json_typeof(v) == JSON_NULL)
        v = NULL;
    if (!v && required)
        wrong(rd, name, "is missing");
    if (!v || json_typeof(v) == type)
        return v;
    wrong(rd, name,
          type == JSON_STRING  ? "is not a string"
          : type == JSON_ARRAY ? "is not an array"
                               : "is not an object");
    return NULL;
}

static bool member_bool(struct reading *rd, const json_t *o, const char *name)
{
    json_t *v = rd->r ? NULL : json_object_get(o, name);
    if (v && !json_is_boolean(v) && !json_is_null(v))
        wrong(rd, name, "is neither true nor false");
    return json_is_true(v);
}

static bool plain(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == '\\')
            return false;
    return s.n <= TEXT_MAX;
}

/* Visible ASCII without quotes. */
static void take_word(struct reading *rd, const json_t *o, const char *name, bool required,
                      struct slice *ret)
{
    const json_t *v = member(rd, o, name, JSON_STRING, required);
    if (v && (!plain(text_of(v)) || (required && !text_of(v).n)))
        wrong(rd, name, "is not a plain word");
    else if (v)
        keep(rd, text_of(v), ret);
}

static void take_url_value(struct reading *rd, const json_t *v, const char *name, struct slice *ret)
{
    if (!json_is_string(v) || !acmehead_url_ok(text_of(v)))
        wrong(rd, name, "is not an https URL");
    else
        keep(rd, text_of(v), ret);
}

static void take_url(struct reading *rd, const json_t *o, const char *name, bool required,
                     struct slice *ret)
{
    const json_t *v = member(rd, o, name, JSON_STRING, required);
    if (v && (required || text_of(v).n))
        take_url_value(rd, v, name, ret);
}

/* Texts for people: links that are only shown need not be https. */
static void take_link(struct reading *rd, const json_t *o, const char *name, struct slice *ret)
{
    const json_t *v = member(rd, o, name, JSON_STRING, false);
    struct slice s = v ? text_of(v) : SLICE_EMPTY;
    bool fine = s.n <= ACMEHEAD_URL_MAX;
    for (size_t i = 0; i < s.n; i++)
        fine = fine && s.p[i] > ' ' && s.p[i] < 0x7f;
    if (v && fine)
        keep(rd, s, ret);
}

/* The first `most` words of an optional list. */
static void take_words(struct reading *rd, const json_t *o, const char *name, struct slice *ret,
                       size_t most, size_t *n)
{
    const json_t *list = member(rd, o, name, JSON_ARRAY, false);
    for (size_t i = 0; i < json_array_size(list) && *n < most && !rd->r; i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_string(v) || !plain(text_of(v)))
            wrong(rd, name, "has an entry that is not a plain word");
        else
            keep(rd, text_of(v), &ret[(*n)++]);
    }
}

static void take_time(struct reading *rd, const json_t *o, const char *name, bool required,
                      int64_t *ret)
{
    const json_t *v = member(rd, o, name, JSON_STRING, required);
    if (v && date_parse_rfc3339(text_of(v), ret))
        wrong(rd, name, "is not a time of RFC 3339");
}

static void take_status(struct reading *rd, const json_t *o, unsigned allowed,
                        enum acmeobj_status *ret)
{
    const json_t *v = member(rd, o, "status", JSON_STRING, true);
    for (unsigned i = 0; v && i < ARRAY_LEN(status_names); i++)
        if (allowed & STATUS(i) && slice_eq(text_of(v), slice_cstr(status_names[i]))) {
            *ret = (enum acmeobj_status)i;
            return;
        }
    if (v)
        wrong(rd, "status", "is none that RFC 8555 knows");
}

static void take_name(struct reading *rd, const json_t *id, struct slice *ret, bool *is_ip)
{
    struct slice type = SLICE_EMPTY, value = SLICE_EMPTY;
    if (!json_is_object(id)) {
        wrong(rd, "identifier", "is not an object");
        return;
    }
    take_word(rd, id, "type", true, &type);
    take_word(rd, id, "value", true, &value);
    if (rd->r)
        return;
    *is_ip = slice_eq(type, SLICE("ip"));
    if (!*is_ip && !slice_eq(type, SLICE("dns"))) {
        wrong(rd, "identifier", "is neither a DNS name nor an address");
        return;
    }
    uint8_t *lower = arena_alloc(rd->a, value.n);
    if (!lower) {
        no_memory(rd);
        return;
    }
    for (size_t i = 0; i < value.n; i++)
        lower[i] = slice_lower(value.p[i]);
    *ret = slice_of(lower, value.n);
}

/* Verbatim, save for control characters (C0, DEL, C1), which become \xNN; cut between characters.
 */
static int keep_detail(struct arena *a, struct slice s, struct slice *ret)
{
    size_t cut = s.n > DETAIL_MAX ? DETAIL_MAX : s.n, n = 0;
    while (cut < s.n && cut > 0 && (s.p[cut] & 0xc0) == 0x80)
        cut--;
    uint8_t *p = arena_alloc(a, cut * 4 + 1);
    if (!p)
        return ERR_NOMEM;
    for (size_t i = 0; i < cut; i++) {
        bool c1 = s.p[i] == 0xc2 && i + 1 < cut && s.p[i + 1] < 0xa0;
        bool c1_tail = i > 0 && s.p[i - 1] == 0xc2 && s.p[i] >= 0x80 && s.p[i] < 0xa0;
        if (s.p[i] < ' ' || s.p[i] == 0x7f || c1 || c1_tail)
            n += (size_t)snprintf((char *)p + n, 5, "\\x%02x", s.p[i]);
        else
            p[n++] = s.p[i];
    }
    *ret = slice_of(p, n);
    return OK;
}

static int keep_text(struct arena *a, const json_t *o, const char *name, struct slice *ret)
{
    const json_t *v = json_object_get(o, name);
    return json_is_string(v) ? keep_detail(a, text_of(v), ret) : OK;
}

/* Forgiving: whatever a CA says about its refusal is worth showing. */
static int read_problem(const json_t *o, struct arena *a, bool top, struct acmeobj_problem *ret)
{
    struct acmeobj_problem p = {0};
    int r = keep_text(a, o, "type", &p.type);
    if (!r)
        r = keep_text(a, o, "detail", &p.detail);
    if (!r && !p.detail.n)
        r = keep_text(a, o, "title", &p.detail);
    if (!r)
        r = keep_text(a, json_object_get(o, "identifier"), "value", &p.identifier);
    const json_t *status = json_object_get(o, "status"), *list = json_object_get(o, "subproblems");
    json_int_t number = json_integer_value(status);
    p.status = number >= 100 && number <= 599 ? (unsigned)number : 0;
    if (slice_starts(p.type, SLICE(PROBLEM_NS)))
        p.type = slice_from(p.type, SLICE(PROBLEM_NS).n);
    if (!p.type.n)
        p.type = SLICE("about:blank"); /* RFC 7807 4.2 */
    size_t n = top ? json_array_size(list) : 0;
    n = n > ACMEOBJ_PROBLEMS_MAX ? ACMEOBJ_PROBLEMS_MAX : n;
    struct acmeobj_problem *sub = n ? arena_zalloc(a, n * sizeof(*sub)) : NULL;
    if (n && !sub)
        return ERR_NOMEM;
    for (size_t i = 0; i < n && !r; i++)
        r = read_problem(json_array_get(list, i), a, false, &sub[i]);
    p.sub = sub;
    p.nsub = n;
    if (!r)
        *ret = p;
    return r;
}

static void take_problem(struct reading *rd, const json_t *o, struct acmeobj_problem *ret)
{
    const json_t *v = member(rd, o, "error", JSON_OBJECT, false);
    if (v && read_problem(v, rd->a, true, ret))
        no_memory(rd);
}

static json_t *parse(struct reading *rd, struct slice text)
{
    json_error_t e;
    json_t *root =
        text.n ? json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &e) : NULL;
    char words[160];
    if (!root && text.n && json_error_code(&e) == json_error_out_of_memory) {
        no_memory(rd);
        return NULL;
    }
    text_escape(slice_cstr(text.n ? e.text : "it is empty"), words, sizeof(words));
    if (!root)
        rd->r = fault_set(rd->f, ERR_SYNTAX, "the %s is not JSON: %s", rd->what, words);
    else if (!json_is_object(root))
        rd->r = fault_set(rd->f, ERR_SYNTAX, "the %s is not a JSON object", rd->what);
    return root;
}

static void read_meta(struct reading *rd, const json_t *meta, struct acmeobj_directory *d)
{
    take_link(rd, meta, "termsOfService", &d->terms);
    take_link(rd, meta, "website", &d->website);
    take_words(rd, meta, "caaIdentities", d->caa, ARRAY_LEN(d->caa), &d->ncaa);
    d->external_account_required = member_bool(rd, meta, "externalAccountRequired");
    json_t *profiles = member(rd, meta, "profiles", JSON_OBJECT, false);
    for (void *it = json_object_iter(profiles); it && d->nprofiles < ACMEOBJ_PROFILES_MAX && !rd->r;
         it = json_object_iter_next(profiles, it)) {
        struct slice name = slice_cstr(json_object_iter_key(it));
        if (plain(name) && name.n)
            keep(rd, name, &d->profiles[d->nprofiles++]);
    }
}

int acmeobj_read_directory(struct slice json, struct arena *a, struct acmeobj_directory *ret,
                           struct fault *f)
{
    struct reading rd = {"directory", a, f, OK};
    struct acmeobj_directory d = {0};
    json_t *o = parse(&rd, json);
    take_url(&rd, o, "newNonce", true, &d.new_nonce);
    take_url(&rd, o, "newAccount", true, &d.new_account);
    take_url(&rd, o, "newOrder", true, &d.new_order);
    take_url(&rd, o, "revokeCert", false, &d.revoke_cert);
    take_url(&rd, o, "keyChange", false, &d.key_change);
    take_url(&rd, o, "newAuthz", false, &d.new_authz);
    take_url(&rd, o, "renewalInfo", false, &d.renewal_info);
    const json_t *meta = member(&rd, o, "meta", JSON_OBJECT, false);
    if (meta)
        read_meta(&rd, meta, &d);
    json_decref(o);
    if (!rd.r)
        *ret = d;
    return rd.r;
}

int acmeobj_read_account(struct slice json, struct arena *a, struct acmeobj_account *ret,
                         struct fault *f)
{
    struct reading rd = {"account", a, f, OK};
    struct acmeobj_account x = {0};
    json_t *o = parse(&rd, json);
    take_word(&rd, o, "status", true, &x.status);
    take_url(&rd, o, "orders", false, &x.orders);
    take_words(&rd, o, "contact", x.contact, ARRAY_LEN(x.contact), &x.ncontact);
    json_decref(o);
    if (!rd.r)
        *ret = x;
    return rd.r;
}

static void read_order_lists(struct reading *rd, const json_t *o, struct acmeobj_order *x)
{
    const json_t *names = member(rd, o, "identifiers", JSON_ARRAY, true);
    const json_t *urls = member(rd, o, "authorizations", JSON_ARRAY, true);
    bool is_ip;
    if (json_array_size(names) > ACMEOBJ_NAMES_MAX)
        too_many(rd, "identifiers", ACMEOBJ_NAMES_MAX);
    if (json_array_size(urls) > ACMEOBJ_NAMES_MAX)
        too_many(rd, "authorizations", ACMEOBJ_NAMES_MAX);
    for (size_t i = 0; i < json_array_size(names) && !rd->r; i++)
        take_name(rd, json_array_get(names, i), &x->names[x->nnames++], &is_ip);
    for (size_t i = 0; i < json_array_size(urls) && !rd->r; i++)
        take_url_value(rd, json_array_get(urls, i), "authorizations",
                       &x->authorizations[x->nauthorizations++]);
}

int acmeobj_read_order(struct slice json, struct arena *a, struct acmeobj_order *ret,
                       struct fault *f)
{
    struct reading rd = {"order", a, f, OK};
    struct acmeobj_order x = {0};
    json_t *o = parse(&rd, json);
    take_status(&rd, o, ORDER_STATES, &x.status);
    take_time(&rd, o, "expires", false, &x.expires_s);
    read_order_lists(&rd, o, &x);
    take_url(&rd, o, "finalize", true, &x.finalize);
    take_url(&rd, o, "certificate", false, &x.certificate);
    take_word(&rd, o, "profile", false, &x.profile);
    take_problem(&rd, o, &x.error);
    json_decref(o);
    if (!rd.r)
        *ret = x;
    return rd.r;
}

/* RFC 8555 8.1: base64url only; it becomes a path of ours. */
static void take_token(struct reading *rd, const json_t *o, struct acmeobj_challenge *c)
{
    bool required = slice_eq(c->type, SLICE("http-01")) || slice_eq(c->type, SLICE("dns-01")) ||
                    slice_eq(c->type, SLICE("tls-alpn-01"));
    take_word(rd, o, "token", required, &c->token);
    for (size_t i = 0; i < c->token.n; i++) {
        uint8_t ch = c->token.p[i], low = slice_lower(ch);
        if (!(low >= 'a' && low <= 'z') && !(ch >= '0' && ch <= '9') && ch != '-' && ch != '_') {
            wrong(rd, "token", "has a character that is not of base64url");
            return;
        }
    }
}

static void read_challenge(struct reading *rd, const json_t *o, struct acmeobj_challenge *c)
{
    take_word(rd, o, "type", true, &c->type);
    take_url(rd, o, "url", true, &c->url);
    take_status(rd, o, ANSWER_STATES, &c->status);
    if (!rd->r)
        take_token(rd, o, c);
    take_problem(rd, o, &c->error);
    take_words(rd, o, "issuer-domain-names", c->issuer_domains, ARRAY_LEN(c->issuer_domains),
               &c->nissuer_domains);
}

int acmeobj_read_authz(struct slice json, struct arena *a, struct acmeobj_authz *ret,
                       struct fault *f)
{
    struct reading rd = {"authorization", a, f, OK};
    struct acmeobj_authz x = {0};
    json_t *o = parse(&rd, json);
    take_status(&rd, o, AUTHZ_STATES, &x.status);
    take_time(&rd, o, "expires", false, &x.expires_s);
    const json_t *id = member(&rd, o, "identifier", JSON_OBJECT, true);
    if (id)
        take_name(&rd, id, &x.name, &x.is_ip);
    x.wildcard = member_bool(&rd, o, "wildcard");
    /* A valid one needs no challenge, and some CAs then list none. */
    const json_t *list = member(&rd, o, "challenges", JSON_ARRAY, x.status == ACMEOBJ_PENDING);
    if (json_array_size(list) > ACMEOBJ_CHALLENGES_MAX)
        too_many(&rd, "challenges", ACMEOBJ_CHALLENGES_MAX);
    for (size_t i = 0; i < json_array_size(list) && !rd.r; i++) {
        const json_t *c = json_array_get(list, i);
        if (!json_is_object(c))
            wrong(&rd, "challenges", "has an entry that is not an object");
        else
            read_challenge(&rd, c, &x.challenges[x.nchallenges++]);
    }
    json_decref(o);
    if (!rd.r)
        *ret = x;
    return rd.r;
}

int acmeobj_read_renewal(struct slice json, struct arena *a, struct acmeobj_renewal *ret,
                         struct fault *f)
{
    struct reading rd = {"renewal information", a, f, OK};
    struct acmeobj_renewal x = {0};
    json_t *o = parse(&rd, json);
    const json_t *window = member(&rd, o, "suggestedWindow", JSON_OBJECT, true);
    take_time(&rd, window, "start", true, &x.start_s);
    take_time(&rd, window, "end", true, &x.end_s);
    take_link(&rd, o, "explanationURL", &x.explanation);
    if (!rd.r && x.start_s >= x.end_s)
        wrong(&rd, "suggestedWindow", "ends before it starts");
    json_decref(o);
    if (!rd.r)
        *ret = x;
    return rd.r;
}

int acmeobj_read_problem(struct slice json, unsigned status, struct arena *a,
                         struct acmeobj_problem *ret)
{
    struct reading rd = {"problem", a, NULL, OK};
    json_t *o = parse(&rd, json);
    struct acmeobj_problem p = {0};
    int r = rd.r == ERR_NOMEM ? ERR_NOMEM : OK;
    if (!rd.r && json_is_string(json_object_get(o, "type")))
        r = read_problem(o, a, true, &p);
    else if (!r)
        r = arena_printf(a, &p.detail, "HTTP status %u %s", status, phrase_of((uint16_t)status));
    json_decref(o);
    p.status = status;
    if (!r)
        *ret = p;
    return r;
}

const char *acmeobj_status_text(enum acmeobj_status s)
{
    return status_names[s];
}
