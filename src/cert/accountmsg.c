/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Written by our own JSON, apart from where answers are read by jansson. */
#include "cert/accountmsg.h"

#include "base/err.h"
#include "base/json.h"
#include "crypt/jws.h"

#define EMAIL_MAX 320

int accountmsg_find(struct buf *out)
{
    return buf_add(out, SLICE("{\"onlyReturnExisting\":true}"));
}

int accountmsg_deactivate(struct buf *out)
{
    return buf_add(out, SLICE("{\"status\":\"deactivated\"}"));
}

static void write_contact(struct json *j, struct slice email)
{
    char text[sizeof("mailto:") + EMAIL_MAX];
    struct slice shown = slice_first(email, EMAIL_MAX);
    memcpy(text, "mailto:", 7);
    if (shown.n)
        memcpy(text + 7, shown.p, shown.n);
    json_array(j, "contact");
    if (shown.n)
        json_text(j, NULL, slice_of(text, 7 + shown.n));
    json_end(j, ']');
}

int accountmsg_contact(struct slice email, struct buf *out)
{
    struct json j;
    json_init(&j, out);
    json_object(&j, NULL);
    write_contact(&j, email);
    json_end(&j, '}');
    return j.r;
}

int accountmsg_register(struct slice email, const struct accountmsg_binding *b, struct buf *out,
                        struct fault *f)
{
    struct buf binding;
    struct json j;
    int r = OK;
    buf_init(&binding, ACCOUNTMSG_BYTES_MAX);
    if (b->kid.n)
        r = jws_external(b->mac_key, b->kid, b->url, b->account, &binding, f);
    json_init(&j, out);
    json_object(&j, NULL);
    json_bool(&j, "termsOfServiceAgreed", true);
    if (email.n)
        write_contact(&j, email);
    if (binding.n)
        json_raw(&j, "externalAccountBinding", buf_slice(&binding));
    json_end(&j, '}');
    buf_done(&binding);
    return r ? r : j.r;
}

int accountmsg_key_change(struct slice url, struct slice account_url, const struct key *from,
                          const struct key *to, struct buf *out, struct fault *f)
{
    struct jws_head head = {.url = url};
    struct buf inner, jwk;
    struct json j;
    buf_init(&inner, ACCOUNTMSG_BYTES_MAX);
    buf_init(&jwk, ACCOUNTMSG_BYTES_MAX);
    int r = jws_jwk(from, &jwk, f);
    if (!r) {
        json_init(&j, &inner);
        json_object(&j, NULL);
        json_text(&j, "account", account_url);
        json_raw(&j, "oldKey", buf_slice(&jwk));
        json_end(&j, '}');
        r = j.r;
    }
    if (!r)
        r = jws_sign(to, &head, buf_slice(&inner), out, f);
    buf_done(&inner);
    buf_done(&jwk);
    return r;
}
