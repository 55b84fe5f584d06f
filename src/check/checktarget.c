/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Targets as written. A scheme, a port and a path are optional; http:// is refused, because nobody
 * who writes it wants 443 to be looked at by mistake. */
#include "check/checktarget.h"

#include "base/text.h"
#include "wire/target.h"

static const struct {
    const char *word;
    uint16_t port;
} ports[] = {{"smtp", 25},    {"imap", 143},      {"pop3", 110},   {"ftp", 21},
             {"xmpp", 5222},  {"ldap", 389},      {"sieve", 4190}, {"nntp", 119},
             {"mysql", 3306}, {"postgres", 5432}, {"lmtp", 24}};

uint16_t checktarget_port(const char *starttls)
{
    for (size_t i = 0; starttls && i < ARRAY_LEN(ports); i++)
        if (strcmp(ports[i].word, starttls) == 0)
            return ports[i].port;
    return 443;
}

static int refuse(struct slice text, struct fault *f, const char *why)
{
    char shown[200];
    text_escape(text, shown, sizeof(shown));
    fault_set(f, ERR_SYNTAX, "\"%s\" %s", shown, why);
    fault_next(f, "write example.com, example.com:8443, https://example.com/path or an address");
    return ERR_SYNTAX;
}

/* Host, perhaps with a port and a path, without a scheme. */
static int split(struct slice text, struct slice *ret_authority, struct slice *ret_path)
{
    size_t slash = slice_find(text, '/');
    *ret_authority = slice_first(text, slash);
    *ret_path = slash < text.n ? slice_from(text, slash) : SLICE("/");
    *ret_path = slice_first(*ret_path, slice_find(*ret_path, '#'));
    return ret_authority->n ? OK : ERR_SYNTAX;
}

/* The path stands in a request line. */
static bool path_fits(struct slice path)
{
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] <= 0x20 || path.p[i] >= 0x7f)
            return false;
    return path.n <= 1000;
}

int checktarget_parse(struct arena *a, struct slice text, const char *starttls,
                      struct facts_target *ret, struct fault *f)
{
    uint8_t dst[TARGET_HOST_BYTES];
    struct target_host host;
    struct slice rest = text, authority, path;
    struct ip ip;
    static const struct slice http = SLICE("http://"), https = SLICE("https://");
    if (slice_eq_nocase(slice_first(text, http.n), http))
        return refuse(text, f, "is plain http; write https:// to have port 443 looked at");
    if (slice_eq_nocase(slice_first(text, https.n), https))
        rest = slice_from(text, https.n);
    if (split(rest, &authority, &path) || !path_fits(path))
        return refuse(text, f, "is no name, address or https:// URL");
    if (slice_find(authority, '@') < authority.n)
        return refuse(text, f, "holds a user name; leave it out");
    bool bare_v6 = authority.p[0] != '[' && !cidr_parse_ip(authority, &ip) && !cidr_is_v4(&ip);
    char bracketed[64];
    if (bare_v6 && authority.n + 2 < sizeof(bracketed)) {
        bracketed[0] = '[';
        memcpy(bracketed + 1, authority.p, authority.n);
        bracketed[authority.n + 1] = ']';
        authority = slice_of(bracketed, authority.n + 2);
    }
    if (target_normal_host(authority, dst, &host))
        return refuse(text, f, "is no name, address or https:// URL");
    *ret = (struct facts_target){.port = host.has_port ? host.port : checktarget_port(starttls),
                                 .starttls = starttls,
                                 .is_ip = host.kind != TARGET_NAME};
    int r = arena_copy(a, text, &ret->text);
    if (!r)
        r = arena_copy(a, host.name, &ret->host);
    if (!r)
        r = arena_copy(a, path, &ret->path);
    return r ? fault_set(f, r, "no memory for targets") : OK;
}
