/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A server's first flight, record by record into messages, message by message into fields. */
#include "wire/serverflight.h"

#include <string.h>

#include "base/cur.h"
#include "base/err.h"
#include "wire/suite.h"

#define RECORD_ALERT     21
#define RECORD_HANDSHAKE 22
#define RECORD_MAX       (16384 + 2048) /* RFC 5246 6.2.3 */
#define RECORDS_MAX      4096           /* stops a flight of one-byte records */

#define EXT_STATUS_REQUEST 5
#define EXT_HEARTBEAT      15
#define EXT_ALPN           16
#define EXT_SCT            18
#define EXT_EMS            23
#define EXT_TICKET         35
#define EXT_VERSIONS       43
#define EXT_COOKIE         44
#define EXT_KEY_SHARE      51
#define EXT_RENEGOTIATION  0xff01

/* SHA-256 of "HelloRetryRequest" (RFC 8446 4.1.3). */
static const uint8_t retry_random[32] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

static const char *const alerts[] = {
    [0] = "close_notify",
    [10] = "unexpected_message",
    [20] = "bad_record_mac",
    [21] = "decryption_failed",
    [22] = "record_overflow",
    [30] = "decompression_failure",
    [40] = "handshake_failure",
    [41] = "no_certificate",
    [42] = "bad_certificate",
    [43] = "unsupported_certificate",
    [44] = "certificate_revoked",
    [45] = "certificate_expired",
    [46] = "certificate_unknown",
    [47] = "illegal_parameter",
    [48] = "unknown_ca",
    [49] = "access_denied",
    [50] = "decode_error",
    [51] = "decrypt_error",
    [60] = "export_restriction",
    [70] = "protocol_version",
    [71] = "insufficient_security",
    [80] = "internal_error",
    [86] = "inappropriate_fallback",
    [90] = "user_canceled",
    [100] = "no_renegotiation",
    [109] = "missing_extension",
    [110] = "unsupported_extension",
    [111] = "certificate_unobtainable",
    [112] = "unrecognized_name",
    [113] = "bad_certificate_status_response",
    [115] = "unknown_psk_identity",
    [116] = "certificate_required",
    [120] = "no_application_protocol",
};

const char *serverflight_alert_text(uint8_t alert)
{
    const char *text = alert < sizeof(alerts) / sizeof(alerts[0]) ? alerts[alert] : NULL;
    return text ? text : "unknown alert";
}

bool serverflight_extension(const struct serverflight *s, uint16_t type, struct slice *ret)
{
    struct cur c = cur_of(s->extensions);
    while (cur_left(&c)) {
        uint16_t found = cur_u16(&c);
        struct cur body = cur_block(&c, 2);
        if (c.bad || body.bad)
            return false;
        if (found == type) {
            *ret = slice_of(body.p, cur_left(&body));
            return true;
        }
    }
    return false;
}

bool serverflight_certificate_next(struct slice *rest, struct slice *ret_der)
{
    struct cur c = cur_of(*rest);
    if (cur_left(&c) == 0)
        return false;
    struct cur der = cur_block(&c, 3);
    if (c.bad || der.bad || cur_left(&der) == 0)
        return false;
    *ret_der = slice_of(der.p, cur_left(&der));
    *rest = slice_of(c.p, cur_left(&c));
    return true;
}

/* ---- messages ---- */

static uint16_t first_u16(struct slice s)
{
    struct cur c = cur_of(s);
    return cur_u16(&c);
}

static void read_extensions(struct serverflight *s)
{
    struct slice body;
    s->ems = serverflight_extension(s, EXT_EMS, &body);
    s->ticket = serverflight_extension(s, EXT_TICKET, &body);
    s->renegotiation_info = serverflight_extension(s, EXT_RENEGOTIATION, &body);
    s->heartbeat = serverflight_extension(s, EXT_HEARTBEAT, &body);
    s->status_request = serverflight_extension(s, EXT_STATUS_REQUEST, &body);
    s->sct = serverflight_extension(s, EXT_SCT, &body);
    if (serverflight_extension(s, EXT_VERSIONS, &body) && body.n == 2)
        s->version = first_u16(body);
    if (serverflight_extension(s, EXT_KEY_SHARE, &body))
        s->group = first_u16(body);
    if (serverflight_extension(s, EXT_COOKIE, &body) && body.n > 2)
        s->cookie = slice_from(body, 2);
    if (serverflight_extension(s, EXT_ALPN, &body)) {
        struct cur c = cur_of(body);
        struct cur list = cur_block(&c, 2);
        struct cur name = cur_block(&list, 1);
        if (!c.bad && !list.bad && !name.bad)
            s->alpn = slice_of(name.p, cur_left(&name));
    }
}

/* The bytes that a TLS 1.3 (1.2) server puts last when it was made to speak an older version. */
static bool downgrade_mark(struct slice random)
{
    return random.n == 32 && memcmp(random.p + 24, "DOWNGRD", 7) == 0 && random.p[31] <= 1;
}

static int server_hello(struct slice message, struct serverflight *s)
{
    struct cur c = cur_of(message);
    s->legacy_version = s->version = cur_u16(&c);
    s->random = cur_bytes(&c, 32);
    struct cur id = cur_block(&c, 1);
    s->session_id = slice_of(id.p, cur_left(&id));
    s->suite = cur_u16(&c);
    s->compression = cur_u8(&c);
    if (c.bad || id.bad || s->session_id.n > 32)
        return ERR_SYNTAX;
    if (cur_left(&c)) {
        struct cur block = cur_block(&c, 2);
        if (c.bad || block.bad || cur_left(&c))
            return ERR_SYNTAX;
        s->extensions = slice_of(block.p, cur_left(&block));
        while (cur_left(&block)) {
            (void)cur_u16(&block);
            (void)cur_block(&block, 2);
            if (block.bad)
                return ERR_SYNTAX;
        }
    }
    read_extensions(s);
    s->kind = memcmp(s->random.p, retry_random, 32) == 0 ? SERVERFLIGHT_RETRY : SERVERFLIGHT_HELLO;
    s->downgrade_mark = downgrade_mark(s->random);
    return OK;
}

static int certificate(struct slice message, struct serverflight *s)
{
    struct cur c = cur_of(message);
    struct cur list = cur_block(&c, 3);
    if (c.bad || list.bad || cur_left(&c))
        return ERR_SYNTAX;
    s->certificates = slice_of(list.p, cur_left(&list));
    s->has_certificates = true;
    while (cur_left(&list)) {
        struct cur der = cur_block(&list, 3);
        if (list.bad || cur_left(&der) == 0)
            return ERR_SYNTAX;
    }
    return OK;
}

static struct slice block_slice(struct cur *c, unsigned width)
{
    struct cur inner = cur_block(c, width);
    return slice_of(inner.p, inner.bad ? 0 : cur_left(&inner));
}

/* What stands in front of the signature depends on the suite alone: a 6144-bit prime begins with 3
 * like a named curve. */
static int key_exchange(struct slice message, struct serverflight *s)
{
    const struct suite *suite = suite_find(s->suite);
    struct cur c = cur_of(message);
    if (suite && suite->auth == SUITE_AUTH_PSK)
        (void)cur_block(&c, 2); /* psk_identity_hint, RFC 4279 2 */
    if (suite && suite->kx == SUITE_KX_ECDHE) {
        s->curve_type = cur_u8(&c); /* 3: named; explicit ones (1, 2) are not taken apart */
        if (s->curve_type != 3)
            return c.bad ? ERR_SYNTAX : OK;
        s->group = cur_u16(&c);
        s->ec_point = block_slice(&c, 1);
    } else if (suite && suite->kx == SUITE_KX_DHE) {
        s->dh_p = block_slice(&c, 2);
        s->dh_g = block_slice(&c, 2);
        s->dh_public = block_slice(&c, 2);
    } else {
        s->has_key_exchange = true; /* export RSA, PSK, SRP: nothing that is asked for here */
        return c.bad ? ERR_SYNTAX : OK;
    }
    if (c.bad)
        return ERR_SYNTAX;
    s->has_key_exchange = true;
    if (s->version >= 0x0303 && cur_left(&c) >= 4)
        s->sigalg = cur_u16(&c);
    return OK;
}

static int status(struct slice message, struct serverflight *s)
{
    struct cur c = cur_of(message);
    if (cur_u8(&c) != 1)
        return OK;
    s->status_response = block_slice(&c, 3);
    return c.bad ? ERR_SYNTAX : OK;
}

/* One handshake message; *stop once nothing more is in clear. */
static int handshake(uint8_t type, struct slice body, bool whole, struct serverflight *s,
                     bool *stop)
{
    bool begun = s->random.n != 0;
    int r = OK;
    if (!begun && type != 2)
        return type == 0 ? OK : ERR_SYNTAX; /* HelloRequest may come at any time */
    switch (type) {
    case 2:
        if (begun)
            return ERR_SYNTAX;
        r = server_hello(body, s);
        *stop = !whole || s->version >= 0x0304;
        return r;
    case 11:
        return certificate(body, s);
    case 12:
        return key_exchange(body, s);
    case 13:
        s->has_certificate_request = true;
        return OK;
    case 14:
        s->done = *stop = true;
        return OK;
    case 22:
        return status(body, s);
    default:
        return OK; /* NewSessionTicket, supplemental data: nothing that is asked for here */
    }
}

/* ---- records ---- */

struct stream {
    struct slice messages; /* handshake bytes so far, in one piece */
    uint8_t *scratch;
    bool copied;
};

static int append(struct stream *m, struct slice part)
{
    if (m->messages.n + part.n > SERVERFLIGHT_MAX_BYTES)
        return ERR_CAP;
    if (part.n == 0)
        return OK;
    if (m->messages.n == 0 && !m->copied) {
        m->messages = part;
        return OK;
    }
    if (!m->copied) {
        memcpy(m->scratch, m->messages.p, m->messages.n);
        m->messages.p = m->scratch;
        m->copied = true;
    }
    memcpy(m->scratch + m->messages.n, part.p, part.n);
    m->messages.n += part.n;
    return OK;
}

/* All whole messages. ERR_AGAIN: the last one is cut. */
static int read_messages(struct slice bytes, bool whole, struct serverflight *s, bool *stop)
{
    struct cur c = cur_of(bytes);
    while (cur_left(&c) && !*stop) {
        if (cur_left(&c) < 4)
            return ERR_AGAIN;
        uint8_t type = cur_u8(&c);
        size_t n = cur_u24(&c);
        if (n > SERVERFLIGHT_MAX_BYTES)
            return ERR_CAP;
        if (cur_left(&c) < n)
            return ERR_AGAIN;
        int r = handshake(type, cur_bytes(&c, n), whole, s, stop);
        if (r)
            return r;
    }
    return *stop ? OK : ERR_AGAIN;
}

static int not_tls(struct slice in, struct serverflight *s)
{
    s->kind = SERVERFLIGHT_NOT_TLS;
    s->other = slice_first(in, in.n < 256 ? in.n : 256);
    return OK;
}

/* SSLv2 SERVER-HELLO (draft-hickman 2.6): 15-bit length, type 4. */
static int sslv2(struct slice in, struct serverflight *s)
{
    size_t n = (size_t)(in.p[0] & 0x7f) << 8 | in.p[1];
    struct cur c = cur_of(slice_first(slice_from(in, 2), n));
    if (in.n < 2 + n)
        return ERR_AGAIN;
    (void)cur_u8(&c); /* 4: SERVER-HELLO */
    (void)cur_u8(&c); /* session id hit */
    (void)cur_u8(&c); /* certificate type */
    s->version = s->legacy_version = cur_u16(&c);
    size_t cert_n = cur_u16(&c), kinds_n = cur_u16(&c), id_n = cur_u16(&c);
    s->sslv2_certificate = cur_bytes(&c, cert_n);
    struct slice kinds = cur_bytes(&c, kinds_n);
    s->session_id = cur_bytes(&c, id_n);
    if (c.bad || kinds_n % 3 != 0)
        return ERR_SYNTAX;
    s->sslv2_kinds = kinds;
    s->kind = SERVERFLIGHT_SSLV2;
    return OK;
}

static bool is_sslv2(struct slice in)
{
    return in.n >= 7 && in.p[0] & 0x80 && in.p[2] == 4 && in.p[5] == 0 && in.p[6] == 2;
}

/* A warning before the ServerHello (unrecognized_name, mostly) ends nothing: *goes_on. */
static int alert_record(struct slice body, struct serverflight *s, bool *goes_on)
{
    if (body.n < 2)
        return ERR_SYNTAX;
    s->alert_level = body.p[0];
    s->alert = body.p[1];
    if (!s->random.n)
        s->kind = SERVERFLIGHT_ALERT;
    *goes_on = !s->random.n && s->alert_level == 1 && s->alert != 0;
    return OK;
}

/* The beginning of a record, or of something else. OK: there is a whole one. */
static int record(struct slice rest, bool first, bool *other)
{
    bool type_ok = rest.n && rest.p[0] >= 20 && rest.p[0] <= 24;
    *other = rest.n && (!type_ok || (rest.n > 1 && rest.p[1] != 3));
    if (*other)
        return first ? OK : ERR_SYNTAX;
    if (rest.n < 5)
        return ERR_AGAIN;
    size_t n = (size_t)(rest.p[3] << 8 | rest.p[4]);
    *other = n > RECORD_MAX;
    if (*other)
        return first ? OK : ERR_SYNTAX;
    return rest.n < 5 + n ? ERR_AGAIN : OK;
}

int serverflight_read(struct slice in, bool whole, uint8_t *scratch, struct serverflight *ret)
{
    struct stream m = {.scratch = scratch};
    struct slice rest = in;
    bool stop = false;
    *ret = (struct serverflight){0};
    if (in.n && in.p[0] & 0x80) {
        if (in.n < 7)
            return ERR_AGAIN;
        return is_sslv2(in) ? sslv2(in, ret) : not_tls(in, ret);
    }
    for (unsigned records = 0; records < RECORDS_MAX; records++) {
        bool other = false, goes_on = false;
        int r = record(rest, records == 0, &other);
        if (r || other)
            return r ? r : not_tls(in, ret);
        struct slice body = slice_of(rest.p + 5, (size_t)(rest.p[3] << 8 | rest.p[4]));
        uint8_t type = rest.p[0];
        if (records == 0)
            ret->record_version = (uint16_t)(rest.p[1] << 8 | rest.p[2]);
        rest = slice_from(rest, 5 + body.n);
        if (type == RECORD_ALERT) {
            r = alert_record(body, ret, &goes_on);
            if (r || !goes_on)
                return r;
            continue;
        }
        if (type != RECORD_HANDSHAKE)
            return ret->random.n ? OK : ERR_SYNTAX;
        r = append(&m, body);
        if (r)
            return r;
        /* From the first message on each time: slices of the flight may have moved to scratch. */
        struct serverflight fresh = {.kind =
                                         ret->alert_level ? SERVERFLIGHT_ALERT : SERVERFLIGHT_HELLO,
                                     .alert_level = ret->alert_level,
                                     .alert = ret->alert,
                                     .record_version = ret->record_version};
        r = read_messages(m.messages, whole, &fresh, &stop);
        *ret = fresh;
        if (r != ERR_AGAIN)
            return r;
    }
    return ERR_CAP;
}
