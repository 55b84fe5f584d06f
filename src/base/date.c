/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Dates by the civil-from-days algorithm: no time zone, no locale, no lock. */
#include "base/date.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"

static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void date_split(int64_t unix_s, struct date *ret)
{
    int64_t days = unix_s / 86400, rest = unix_s % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    ret->hour = (unsigned)(rest / 3600);
    ret->minute = (unsigned)(rest / 60 % 60);
    ret->second = (unsigned)(rest % 60);
    ret->weekday = (unsigned)(((days + 4) % 7 + 7) % 7);
    /* years that start in March, eras of 400 years */
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    ret->day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    ret->month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    ret->year = yoe + era * 400 + (ret->month <= 2);
}

int64_t date_join(const struct date *d)
{
    int64_t y = d->year - (d->month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t mp = d->month > 2 ? d->month - 3 : d->month + 9;
    int64_t doy = (153 * mp + 2) / 5 + d->day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    int64_t days = era * 146097 + doe - 719468;
    return days * 86400 + (int64_t)d->hour * 3600 + (int64_t)d->minute * 60 + d->second;
}

static void digits(char *dst, unsigned width, uint64_t value)
{
    while (width--) {
        dst[width] = (char)('0' + value % 10);
        value /= 10;
    }
}

void date_format_http(int64_t unix_s, char *dst)
{
    struct date d;
    date_split(unix_s, &d);
    memcpy(dst, "Sun, 06 Nov 1994 08:49:37 GMT", DATE_HTTP_BYTES);
    memcpy(dst, day_names[d.weekday], 3);
    digits(dst + 5, 2, d.day);
    memcpy(dst + 8, month_names[d.month - 1], 3);
    digits(dst + 12, 4, (uint64_t)d.year);
    digits(dst + 17, 2, d.hour);
    digits(dst + 20, 2, d.minute);
    digits(dst + 23, 2, d.second);
}

void date_format_rfc3339(int64_t unix_ms, char *dst)
{
    struct date d;
    int64_t s = unix_ms / 1000 - (unix_ms % 1000 < 0);
    date_split(s, &d);
    memcpy(dst, "1994-11-06T08:49:37.000Z", DATE_RFC3339_BYTES);
    digits(dst, 4, (uint64_t)d.year);
    digits(dst + 5, 2, d.month);
    digits(dst + 8, 2, d.day);
    digits(dst + 11, 2, d.hour);
    digits(dst + 14, 2, d.minute);
    digits(dst + 17, 2, d.second);
    digits(dst + 20, 3, (uint64_t)(unix_ms - s * 1000));
}

void date_format_clf(int64_t unix_s, char *dst)
{
    struct date d;
    date_split(unix_s, &d);
    memcpy(dst, "06/Nov/1994:08:49:37 +0000", DATE_CLF_BYTES);
    digits(dst, 2, d.day);
    memcpy(dst + 3, month_names[d.month - 1], 3);
    digits(dst + 7, 4, (uint64_t)d.year);
    digits(dst + 12, 2, d.hour);
    digits(dst + 15, 2, d.minute);
    digits(dst + 18, 2, d.second);
}

/* Reads digits of `s` at off into *ret; false when they are not digits or outside [min, max]. */
static bool field(struct slice s, size_t off, size_t width, uint64_t max, unsigned *ret)
{
    uint64_t value;
    if (s.n < off + width)
        return false;
    if (num_parse_u64(slice_of(s.p + off, width), 0, max, &value))
        return false;
    *ret = (unsigned)value;
    return true;
}

static bool month_at(struct slice s, size_t off, unsigned *ret)
{
    for (unsigned m = 0; m < 12 && s.n >= off + 3; m++) {
        if (memcmp(s.p + off, month_names[m], 3) == 0) {
            *ret = m + 1;
            return true;
        }
    }
    return false;
}

static bool time_at(struct slice s, size_t off, struct date *d)
{
    return s.n >= off + 8 && s.p[off + 2] == ':' && s.p[off + 5] == ':' &&
           field(s, off, 2, 23, &d->hour) && field(s, off + 3, 2, 59, &d->minute) &&
           field(s, off + 6, 2, 60, &d->second);
}

static bool parse_imf(struct slice s, struct date *d)
{
    unsigned year;
    if (s.n != DATE_HTTP_BYTES || s.p[3] != ',' || !slice_ends(s, SLICE(" GMT")))
        return false;
    if (!field(s, 5, 2, 31, &d->day) || !month_at(s, 8, &d->month) || !field(s, 12, 4, 9999, &year))
        return false;
    d->year = year;
    return time_at(s, 17, d);
}

static bool parse_rfc850(struct slice s, int64_t now_s, struct date *d)
{
    unsigned year;
    size_t comma = slice_find(s, ',');
    s = slice_from(s, comma + 2);
    if (s.n != 22 || !slice_ends(s, SLICE(" GMT")) || !field(s, 0, 2, 31, &d->day) ||
        !month_at(s, 3, &d->month) || !field(s, 7, 2, 99, &year) || !time_at(s, 10, d))
        return false;
    struct date now;
    date_split(now_s, &now);
    d->year = now.year / 100 * 100 + year;
    if (d->year > now.year + 50) /* RFC 9110 5.6.7: more than 50 years ahead means the past */
        d->year -= 100;
    return true;
}

static bool parse_asctime(struct slice s, struct date *d)
{
    unsigned year;
    uint8_t copy[24];
    if (s.n != 24)
        return false;
    memcpy(copy, s.p, sizeof(copy));
    if (copy[8] == ' ')
        copy[8] = '0';
    s = slice_of(copy, sizeof(copy));
    if (!month_at(s, 4, &d->month) || !field(s, 8, 2, 31, &d->day) || !time_at(s, 11, d) ||
        !field(s, 20, 4, 9999, &year))
        return false;
    d->year = year;
    return true;
}

static int checked(const struct date *d, int64_t *ret)
{
    if (d->day < 1 || d->month < 1)
        return ERR_SYNTAX;
    int64_t t = date_join(d);
    struct date back;
    date_split(t - (d->second == 60), &back);
    if (back.day != d->day || back.month != d->month)
        return ERR_SYNTAX; /* 30 February */
    *ret = t;
    return OK;
}

int date_parse_http(struct slice s, int64_t now_s, int64_t *ret_unix_s)
{
    struct date d = {0};
    if (!parse_imf(s, &d) && !parse_rfc850(s, now_s, &d) && !parse_asctime(s, &d))
        return ERR_SYNTAX;
    return checked(&d, ret_unix_s);
}

int date_parse_asn1(struct slice s, int64_t *ret_unix_s)
{
    struct date d = {0};
    unsigned year;
    size_t width = s.n == 15 ? 4 : 2;
    if ((s.n != 15 && s.n != 13) || s.p[s.n - 1] != 'Z' || !field(s, 0, width, 9999, &year))
        return ERR_SYNTAX;
    d.year = width == 4 ? year : year < 50 ? 2000 + year : 1900 + year;
    if (!field(s, width, 2, 12, &d.month) || !field(s, width + 2, 2, 31, &d.day) ||
        !field(s, width + 4, 2, 23, &d.hour) || !field(s, width + 6, 2, 59, &d.minute) ||
        !field(s, width + 8, 2, 60, &d.second))
        return ERR_SYNTAX;
    return checked(&d, ret_unix_s);
}

static bool take_digits(struct slice *s, size_t n, unsigned min, unsigned max, unsigned *ret)
{
    uint64_t v = 0;
    if (s->n < n || num_parse_u64(slice_first(*s, n), min, max, &v))
        return false;
    *ret = (unsigned)v;
    *s = slice_from(*s, n);
    return true;
}

static bool take_byte(struct slice *s, uint8_t lower)
{
    if (!s->n || slice_lower(s->p[0]) != lower)
        return false;
    *s = slice_from(*s, 1);
    return true;
}

/* "Z" or "+01:00", in seconds. */
static bool take_offset(struct slice *s, int64_t *ret)
{
    unsigned hours, minutes;
    *ret = 0;
    if (take_byte(s, 'z'))
        return true;
    bool west = s->n && s->p[0] == '-';
    if (!take_byte(s, west ? '-' : '+') || !take_digits(s, 2, 0, 23, &hours) ||
        !take_byte(s, ':') || !take_digits(s, 2, 0, 59, &minutes))
        return false;
    *ret = (int64_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

static unsigned days_of(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

static bool take_clock(struct slice *s, struct date *d)
{
    if (!take_digits(s, 2, 0, 23, &d->hour) || !take_byte(s, ':') ||
        !take_digits(s, 2, 0, 59, &d->minute) || !take_byte(s, ':') ||
        !take_digits(s, 2, 0, 60, &d->second))
        return false;
    if (!take_byte(s, '.'))
        return true;
    size_t n = 0;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    *s = slice_from(*s, n);
    return n > 0;
}

int date_parse_rfc3339(struct slice s, int64_t *ret_unix_s)
{
    struct date d = {0};
    unsigned year;
    int64_t offset;
    if (!take_digits(&s, 4, 0, 9999, &year) || !take_byte(&s, '-') ||
        !take_digits(&s, 2, 1, 12, &d.month) || !take_byte(&s, '-') ||
        !take_digits(&s, 2, 1, days_of(year, d.month), &d.day))
        return ERR_SYNTAX;
    if (!take_byte(&s, 't') && !take_byte(&s, ' '))
        return ERR_SYNTAX;
    if (!take_clock(&s, &d) || !take_offset(&s, &offset) || s.n)
        return ERR_SYNTAX;
    d.year = year;
    *ret_unix_s = date_join(&d) - offset;
    return OK;
}
