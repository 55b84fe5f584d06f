/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Lists, and the rules of which response fields a configuration may touch. */
#include "conf/series.h"

#include "base/text.h"
#include "conf/scalar.h"

#define FIELDS_MAX 128 /* of one map: more would not fit into a response head anyway */

static int read_ip(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r || cidr_parse_ip(s, field) == OK)
        return r;
    reader_fault(rd, n, "\"%s\" is not an IP address", reader_word(s).text);
    return ERR_CONFIG;
}

int series_ips(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    return reader_list(rd, d, n, read_ip, sizeof(struct ip), field);
}

static int read_cidr(struct reader *rd, const struct directive *d, const struct node *n,
                     void *field)
{
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    r = cidr_parse(s, field);
    if (r == ERR_RANGE)
        fault_next(reader_fault(rd, n, "\"%s\" has bits set behind its prefix length",
                                reader_word(s).text),
                   "write the first address of the network, such as 10.0.0.0/8");
    else if (r)
        fault_next(reader_fault(rd, n, "\"%s\" is not a network", reader_word(s).text),
                   "write it like 10.0.0.0/8, fd00::/8 or one address");
    return r ? ERR_CONFIG : OK;
}

int series_cidrs(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    return reader_list(rd, d, n, read_cidr, sizeof(struct cidr), field);
}

static int read_file_name(struct reader *rd, const struct directive *d, const struct node *n,
                          void *field)
{
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    bool good = s.p[0] != '.' && s.n <= 255;
    for (size_t i = 0; i < s.n; i++)
        good &= s.p[i] >= 0x20 && s.p[i] != '/' && s.p[i] != '\\' && s.p[i] != 0x7f;
    if (good)
        return reader_copy(rd, s, field);
    reader_fault(rd, n, "\"%s\" is not a plain file name", reader_word(s).text);
    return ERR_CONFIG;
}

int series_file_names(struct reader *rd, const struct directive *d, const struct node *n,
                      void *field)
{
    return reader_list(rd, d, n, read_file_name, sizeof(struct slice), field);
}

/* ---- response fields ---- */

/* RFC 9110 5.6.2 */
static bool is_token(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t ch = slice_lower(s.p[i]);
        bool good = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') ||
                    slice_find(SLICE("!#$%&'*+-.^_`|~"), ch) < 15;
        if (!good)
            return false;
    }
    return s.n > 0;
}

/* Fields that decide where an answer ends or that belong to one connection: changing them by hand
 * lets two readers of one answer disagree (response splitting, smuggling). */
static const char *forbidden_field(struct slice name)
{
    static const struct {
        const char *name, *why;
    } rows[] = {
        {"content-length", "the server frames every answer itself"},
        {"transfer-encoding", "the server frames every answer itself"},
        {"trailer", "the server frames every answer itself"},
        {"content-range", "the server frames every answer itself"},
        {"connection", "it belongs to one connection, not to the answer"},
        {"keep-alive", "it belongs to one connection, not to the answer"},
        {"proxy-connection", "it belongs to one connection, not to the answer"},
        {"upgrade", "it belongs to one connection, not to the answer"},
        {"te", "it belongs to one connection, not to the answer"},
        {"date", "the server writes it"},
        {"strict-transport-security", "the directive hsts sets it"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (slice_eq_nocase(name, slice_cstr(rows[i].name)))
            return rows[i].why;
    return NULL;
}

static int read_field_name(struct reader *rd, const struct directive *d, const struct node *n,
                           void *field)
{
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    if (!is_token(s)) {
        reader_fault(rd, n, "\"%s\" is not a valid field name", reader_word(s).text);
        return ERR_CONFIG;
    }
    const char *why = forbidden_field(s);
    if (why) {
        reader_fault(rd, n, "the field \"%s\" may not be changed: %s", reader_word(s).text, why);
        return ERR_CONFIG;
    }
    return reader_copy(rd, s, field);
}

int series_field_names(struct reader *rd, const struct directive *d, const struct node *n,
                       void *field)
{
    return reader_list(rd, d, n, read_field_name, sizeof(struct slice), field);
}

static int read_field(struct reader *rd, const struct directive *d, const struct node *key,
                      struct conf_field *field)
{
    const struct node *value = key->value;
    int r = read_field_name(rd, d, key, &field->name);
    if (r)
        return r;
    if (value->kind != NODE_SCALAR) {
        reader_fault(rd, value, "the value of \"%s\" is one line of text, not %s",
                     reader_word(key->text).text, node_what(value));
        return ERR_CONFIG;
    }
    const char *why = scalar_bad_field_value(value->text);
    if (why) {
        reader_fault(rd, value, "\"%s\": %s", reader_word(value->text).text, why);
        return ERR_CONFIG;
    }
    return reader_copy(rd, value->text, &field->value);
}

static int refuse_twice(struct reader *rd, const struct node *map, const struct node *key)
{
    for (const struct node *k = map->first; k != key; k = k->next) {
        if (!slice_eq_nocase(k->text, key->text))
            continue;
        reader_fault(rd, key, "the field \"%s\" is given twice; first on line %u",
                     reader_word(key->text).text, k->line);
        return ERR_CONFIG;
    }
    return OK;
}

int series_fields(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct conf_fields *list = field;
    if (n->kind != NODE_MAP)
        return reader_mismatch(rd, d, n);
    if (n->count > FIELDS_MAX) {
        reader_fault(rd, n, "\"%s\" has more than %d fields", d->name, FIELDS_MAX);
        return ERR_CONFIG;
    }
    struct conf_field *items = arena_zalloc(rd->arena, (n->count + 1) * sizeof(*items));
    if (!items)
        return ERR_NOMEM;
    int worst = OK;
    size_t count = 0;
    for (const struct node *key = n->first; key; key = key->next) {
        int r = refuse_twice(rd, n, key);
        r = r ? r : read_field(rd, d, key, &items[count++]);
        if (r == ERR_NOMEM)
            return r;
        worst = r ? r : worst;
    }
    *list = (struct conf_fields){items, count};
    return worst;
}

/* ---- ACME ---- */

static int read_word_bit(struct reader *rd, const struct directive *d, const struct node *n,
                         void *field)
{
    unsigned *bit = field;
    int r = scalar_choice(rd, d, n, bit);
    if (!r)
        *bit = 1u << *bit;
    return r;
}

/* A list of words as a mask: their order means nothing. */
int series_words(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct {
        const unsigned *items;
        size_t count;
    } list;
    unsigned mask = 0;
    int r = reader_list(rd, d, n, read_word_bit, sizeof(unsigned), &list);
    if (r)
        return r;
    for (size_t i = 0; i < list.count; i++)
        mask |= list.items[i];
    *(unsigned *)field = mask;
    return OK;
}

int series_addresses(struct reader *rd, const struct directive *d, const struct node *n,
                     void *field)
{
    return reader_list(rd, d, n, scalar_address, sizeof(struct conf_address), field);
}

static int read_suffix(struct reader *rd, const struct directive *d, const struct node *n,
                       void *field)
{
    char normal[256];
    struct slice s, name;
    enum conf_name_kind kind;
    const char *why;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    bool suffix = s.p[0] == '.';
    if (conf_site_normal(slice_from(s, suffix), normal + 1, &name, &kind, &why)) {
        reader_fault(rd, n, "\"%s\" is not a host name: %s", reader_word(s).text, why);
        return ERR_CONFIG;
    }
    if (kind != CONF_NAME) {
        fault_next(
            reader_fault(rd, n, "\"%s\" is neither a name nor a suffix", reader_word(s).text),
            kind == CONF_IP ? "an address gets no certificate on demand"
                            : "write .example.com for every name below it");
        return ERR_CONFIG;
    }
    normal[0] = '.';
    return reader_copy(rd, suffix ? slice_of(normal, name.n + 1) : name, field);
}

int series_suffixes(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    return reader_list(rd, d, n, read_suffix, sizeof(struct slice), field);
}

static const struct {
    const char *word, *url;
} authorities[] = {
    {"letsencrypt", "https://acme-v02.api.letsencrypt.org/directory"},
    {"letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory"},
    {"zerossl", "https://acme.zerossl.com/v2/DV90"},
    {"google", "https://dv.acme-v02.api.pki.goog/directory"},
};

struct slice series_acme_url(struct slice word)
{
    for (size_t i = 0; i < ARRAY_LEN(authorities); i++)
        if (slice_eq(word, slice_cstr(authorities[i].word)))
            return slice_cstr(authorities[i].url);
    return word;
}

int series_acme_one(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    const char *words[ARRAY_LEN(authorities)];
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    for (size_t i = 0; i < ARRAY_LEN(authorities); i++)
        words[i] = authorities[i].word;
    struct slice https = SLICE("https://");
    if (slice_eq(series_acme_url(s), s) && !slice_starts(s, https)) {
        if (!slice_starts(s, SLICE("http://")))
            return reader_unknown(rd, n, "certificate authority", words, ARRAY_LEN(words));
        reader_fault(rd, n, "\"%s\": a CA is reached over https:// only", reader_word(s).text);
        return ERR_CONFIG;
    }
    bool good = true;
    for (size_t i = 0; i < s.n; i++)
        good &= s.p[i] > 0x20 && s.p[i] < 0x7f;
    if (slice_starts(s, https)) {
        struct slice host = slice_from(s, https.n);
        host = slice_first(host, slice_find(host, '/'));
        good &= host.n > 0 && slice_find(host, '@') == host.n;
    }
    if (good)
        return reader_copy(rd, s, field);
    reader_fault(rd, n, "\"%s\" is not a URL", reader_word(s).text);
    return ERR_CONFIG;
}

int series_acme_urls(struct reader *rd, const struct directive *d, const struct node *n,
                     void *field)
{
    return reader_list(rd, d, n, series_acme_one, sizeof(struct slice), field);
}
