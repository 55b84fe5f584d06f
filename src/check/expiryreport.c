/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Three shapes of the same rows. */
#include "check/expiryreport.h"

#include <stdio.h>

#include "base/date.h"
#include "base/json.h"
#include "base/text.h"

#define DAY_S    86400
#define HOUR_S   3600
#define NAME_MAX 260

static void date_text(int64_t unix_s, char *dst, size_t cap)
{
    struct date d;
    date_split(unix_s, &d);
    snprintf(dst, cap, "%04lld-%02u-%02u", (long long)d.year, d.month, d.day);
}

static void left_text(int64_t left_s, char *dst, size_t cap)
{
    int64_t size = left_s < 0 ? -left_s : left_s;
    const char *sign = left_s < 0 ? "-" : "";
    if (size >= 2 * DAY_S)
        snprintf(dst, cap, "%s%lld d", sign, (long long)(size / DAY_S));
    else
        snprintf(dst, cap, "%s%lld h", sign, (long long)(size / HOUR_S));
}

static int add_row(const struct expiry_row *row, int64_t now_s, bool color, struct buf *out)
{
    static const char *const colors[EXPIRY_STATES] = {"1;31", "1;31", "31", "35", "33", "32"};
    char name[NAME_MAX], date[40], left[40];
    text_escape(row->target->text, name, sizeof(name));
    int r = color ? buf_printf(out, "\033[%sm%-13s\033[0m ", colors[row->state],
                               expiry_state_text(row->state))
                  : buf_printf(out, "%-13s ", expiry_state_text(row->state));
    if (r)
        return r;
    if (row->state == EXPIRY_UNSEEN)
        return buf_printf(out, "%-10s %7s  %s: %s\n", "-", "-", name, row->why);
    date_text(row->not_after_s, date, sizeof(date));
    left_text(row->not_after_s - now_s, left, sizeof(left));
    return buf_printf(out, "%-10s %7s  %s%s  (%s)\n", date, left, name,
                      row->name_match ? "" : ", which is not its name", row->issuer);
}

int expiryreport_table(const struct expiry_row *rows, size_t n, int64_t now_s, bool color,
                       struct buf *out)
{
    size_t counts[EXPIRY_STATES] = {0};
    int r = OK;
    for (size_t i = 0; !r && i < n; i++) {
        counts[rows[i].state]++;
        r = add_row(&rows[i], now_s, color, out);
    }
    if (!r)
        r = buf_printf(out, "%zu host%s", n, n == 1 ? "" : "s");
    for (enum expiry_state s = EXPIRY_EXPIRED; !r && s < EXPIRY_STATES; s++)
        if (counts[s])
            r = buf_printf(out, ", %zu %s", counts[s], expiry_state_text(s));
    return r ? r : buf_add(out, SLICE("\n"));
}

int expiryreport_json(const struct expiry_row *rows, size_t n, int64_t now_s, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct expiry_row *row = &rows[i];
        struct json j;
        char date[DATE_RFC3339_BYTES];
        json_init(&j, out);
        json_object(&j, NULL);
        json_uint(&j, "schema", 1);
        json_object(&j, "target");
        json_text(&j, "host", row->target->host);
        json_uint(&j, "port", row->target->port);
        json_end(&j, '}');
        json_cstr(&j, "state", expiry_state_text(row->state));
        if (row->state == EXPIRY_UNSEEN) {
            json_cstr(&j, "why", row->why);
        } else {
            date_format_rfc3339(row->not_before_s * 1000, date);
            json_text(&j, "not_before", slice_of(date, sizeof(date)));
            date_format_rfc3339(row->not_after_s * 1000, date);
            json_text(&j, "not_after", slice_of(date, sizeof(date)));
            json_int(&j, "days_left", (row->not_after_s - now_s) / DAY_S);
            json_cstr(&j, "subject", row->subject);
            json_cstr(&j, "issuer", row->issuer);
            json_bool(&j, "name_match", row->name_match);
        }
        json_end(&j, '}');
        int r = j.r ? j.r : buf_add(out, SLICE("\n"));
        if (r)
            return r;
    }
    return OK;
}

/* ---- Prometheus ---- */

/* Label values: backslash, quote and newline are escaped (text format 0.0.4). Ours are printable
 * after text_escape, which leaves \xNN behind. */
static void label(struct slice s, char *dst, size_t cap)
{
    char once[NAME_MAX];
    size_t n = 0;
    text_escape_quotes(s, once, sizeof(once));
    for (const char *p = once; *p && n + 3 < cap; p++) {
        if (*p == '\\')
            dst[n++] = '\\';
        dst[n++] = *p;
    }
    dst[n] = 0;
}

enum metric { NOT_AFTER, NOT_BEFORE, ALARM, SEEN, METRICS };

static const struct {
    const char *name, *help;
} metrics[METRICS] = {
    {"port443_check_not_after_seconds", "End of the certificate, seconds since 1970."},
    {"port443_check_not_before_seconds", "Begin of the certificate, seconds since 1970."},
    {"port443_check_expiry_alarm",
     "0 good, 1 a third of the lifetime is left, 2 a tenth or a day, 3 expired or not yet valid."},
    {"port443_check_up", "1 when the host showed a certificate; else reason says why."},
};

static unsigned alarm_of(enum expiry_state s)
{
    switch (s) {
    case EXPIRY_EXPIRED:
    case EXPIRY_NOT_YET:
        return 3;
    case EXPIRY_CRITICAL:
        return 2;
    case EXPIRY_WARN:
        return 1;
    case EXPIRY_GOOD:
    case EXPIRY_UNSEEN:
    case EXPIRY_STATES:
        break;
    }
    return 0;
}

static int add_sample(enum metric m, const struct expiry_row *row, struct buf *out)
{
    char target[2 * NAME_MAX], text[2 * NAME_MAX];
    bool unseen = row->state == EXPIRY_UNSEEN;
    label(row->target->text, target, sizeof(target));
    if (m == SEEN) {
        label(slice_cstr(row->why), text, sizeof(text));
        return buf_printf(out, "%s{target=\"%s\",reason=\"%s\"} %d\n", metrics[m].name, target,
                          unseen ? text : "", !unseen);
    }
    if (unseen)
        return OK;
    label(slice_cstr(row->issuer), text, sizeof(text));
    return buf_printf(out, "%s{target=\"%s\",issuer=\"%s\"} %lld\n", metrics[m].name, target, text,
                      m == NOT_AFTER    ? (long long)row->not_after_s
                      : m == NOT_BEFORE ? (long long)row->not_before_s
                                        : (long long)alarm_of(row->state));
}

int expiryreport_prometheus(const struct expiry_row *rows, size_t n, struct buf *out)
{
    int r = OK;
    for (enum metric m = NOT_AFTER; !r && m < METRICS; m++) {
        r = buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", metrics[m].name, metrics[m].help,
                       metrics[m].name);
        for (size_t i = 0; !r && i < n; i++)
            r = add_sample(m, &rows[i], out);
    }
    return r;
}
