/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The key is always written before anything that refers to it. */
#include "cert/accountfile.h"

#include <stdio.h>

#include "base/err.h"
#include "cert/acmehead.h"
#include "cert/leafdir.h"
#include "cert/record.h"
#include "crypt/digest.h"

#define FORMAT     1
#define KEY        "account.key"
#define NEXT       "account.key.next"
#define RECORD     "account.json"
#define ASIDE_MAX  1000
#define HOST_BYTES 100

static const struct record_field fields[] = {
    {"format", RECORD_U32, offsetof(struct accountfile_record, format), 0, NULL},
    {"directory", RECORD_TEXT, offsetof(struct accountfile_record, directory), 0, NULL},
    {"url", RECORD_TEXT, offsetof(struct accountfile_record, url), 0, NULL},
    {"contact", RECORD_TEXT, offsetof(struct accountfile_record, contact), 0, NULL},
    {"created_s", RECORD_I64, offsetof(struct accountfile_record, created_s), 0, NULL},
    {"lost_s", RECORD_TIMES, offsetof(struct accountfile_record, lost_s), ACCOUNTFILE_LOST, NULL},
};

static int join(char *dst, const char *dir, const char *name, struct fault *f)
{
    int n = snprintf(dst, ACCOUNTFILE_PATH_BYTES, "%s/%s", dir, name);
    return n > 0 && n < ACCOUNTFILE_PATH_BYTES
               ? OK
               : fault_set(f, ERR_CAP, "the path %.200s/%s is too long", dir, name);
}

int accountfile_dir(const char *state_dir, struct slice directory, char *dst, struct fault *f)
{
    uint8_t sum[DIGEST_SHA256_BYTES];
    char hex[16], host[HOST_BYTES + 1], below[HOST_BYTES + 40];
    struct slice h = slice_first(acmehead_url_host(directory), HOST_BYTES);
    int r = digest_sha256(directory, sum);
    if (r)
        return fault_set(f, r, "%s", err_text(r));
    digest_hex(slice_of(sum, sizeof(hex) / 2), hex);
    for (size_t i = 0; i < h.n; i++) {
        uint8_t c = slice_lower(h.p[i]);
        bool plain =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (c == '.' && i);
        host[i] = plain ? (char)c : '_';
    }
    snprintf(below, sizeof(below), "accounts/%.*s-%.16s", (int)h.n, host, hex);
    return join(dst, state_dir, below, f);
}

static int set_aside(const char *path, const char *why, struct fault *f)
{
    char to[ACCOUNTFILE_PATH_BYTES];
    struct file_info there;
    for (unsigned i = 1; i < ASIDE_MAX; i++) {
        int n = snprintf(to, sizeof(to), "%s.%s-%u", path, why, i);
        if (n < 0 || (size_t)n >= sizeof(to))
            break;
        if (file_stat(to, &there) == ERR_NOT_FOUND)
            return file_rename(path, to, f);
    }
    return fault_set(f, ERR_CAP, "cannot move %s aside", path);
}

/* Its bytes are no use to anybody: another try gives the same. */
static bool damaged(int r)
{
    return r == ERR_SYNTAX || r == ERR_CONFIG || r == ERR_CAP || r == ERR_NOT_IMPLEMENTED;
}

static int quarantine(const char *path, struct fault *f)
{
    struct fault moving = {0};
    int r = set_aside(path, "broken", &moving);
    if (r && f)
        *f = moving;
    else
        fault_while(f, "moved aside as %s.broken-N", path);
    return r;
}

static int load_key(const char *dir, const char *name, bool mend, struct key **ret, struct fault *f)
{
    char path[ACCOUNTFILE_PATH_BYTES];
    struct fault story = {0};
    int r = join(path, dir, name, f);
    if (r)
        return r;
    r = leafdir_read_key(path, ret, &story);
    if (!r || r == ERR_NOT_FOUND)
        return r;
    if (f)
        *f = story;
    if (!mend || !damaged(r))
        return r;
    r = quarantine(path, f);
    return r ? r : ERR_NOT_FOUND;
}

static int read_record(const char *path, struct arena *a, struct accountfile_record *ret,
                       struct fault *f)
{
    struct accountfile_record record = {0};
    struct fault story = {0};
    struct buf b;
    buf_init(&b, RECORD_BYTES_MAX);
    int r = file_read(path, RECORD_BYTES_MAX, &b, &story);
    if (!r && (r = record_read(buf_slice(&b), fields, ARRAY_LEN(fields), a, &record, &story)))
        fault_while(&story, "while reading %s", path);
    buf_done(&b);
    if (!r)
        *ret = record;
    else if (r != ERR_NOT_FOUND && f)
        *f = story;
    return r;
}

/* Of another CA, or with a URL that could not be signed: not what we wrote. */
static bool foreign(const struct accountfile_record *record, struct slice directory)
{
    return record->format == 0 || !slice_eq(record->directory, directory) ||
           (record->url.n && !acmehead_url_ok(record->url));
}

static int load_record(const char *dir, struct slice directory, struct arena *a,
                       struct accountfile_record *ret, struct fault *f)
{
    char path[ACCOUNTFILE_PATH_BYTES];
    int r = join(path, dir, RECORD, f);
    if (!r)
        r = read_record(path, a, ret, f);
    if (r == ERR_NOT_FOUND)
        return OK;
    if (!r && ret->format > FORMAT)
        return fault_set(f, ERR_CONFIG, "%s was written by a newer port443 (format %u)", path,
                         ret->format);
    if (!r && foreign(ret, directory))
        r = fault_set(f, ERR_SYNTAX, "%s does not describe an account at this CA", path);
    if (!damaged(r))
        return r;
    *ret = (struct accountfile_record){0};
    return quarantine(path, f);
}

int accountfile_load(const char *dir, struct slice directory, struct arena *a,
                     struct accountfile *ret, struct fault *f)
{
    struct accountfile x = {0};
    int r = load_key(dir, KEY, true, &x.key, f);
    if (!r || r == ERR_NOT_FOUND)
        r = load_key(dir, NEXT, true, &x.next, f);
    if (!r || r == ERR_NOT_FOUND)
        r = load_record(dir, directory, a, &x.record, f);
    if (r) {
        keystore_unref(x.key);
        keystore_unref(x.next);
        return r;
    }
    x.record.format = FORMAT;
    x.record.directory = directory;
    if (!x.key && !x.next)
        x.record.url = SLICE_EMPTY; /* of no use without its key */
    *ret = x;
    return OK;
}

int accountfile_peek(const char *dir, struct arena *a, struct accountfile *ret, struct fault *f)
{
    char path[ACCOUNTFILE_PATH_BYTES];
    struct accountfile x = {0};
    int r = join(path, dir, RECORD, f);
    if (!r && (r = read_record(path, a, &x.record, f)) == ERR_NOT_FOUND)
        fault_set(f, r, "%s is missing", path);
    if (!r && (r = load_key(dir, KEY, false, &x.key, f)) == ERR_NOT_FOUND)
        fault_set(f, r, "%s/%s is missing", dir, KEY);
    if (!r)
        *ret = x;
    return r;
}

int accountfile_save(const char *dir, const struct accountfile_record *record, struct fault *f)
{
    char path[ACCOUNTFILE_PATH_BYTES];
    struct buf b;
    buf_init(&b, RECORD_BYTES_MAX);
    int r = join(path, dir, RECORD, f);
    if (!r)
        r = file_mkdir_p(dir, 0700, f);
    if (!r && (r = record_write(fields, ARRAY_LEN(fields), record, &b)))
        fault_set(f, r, "cannot write %s: %s", path, err_text(r));
    if (!r)
        r = file_write_atomic(FILE_CWD, path, buf_slice(&b), 0600, f);
    buf_done(&b);
    return r;
}

static int save_key(const char *dir, const char *name, const struct key *key, struct fault *f)
{
    char path[ACCOUNTFILE_PATH_BYTES];
    int r = join(path, dir, name, f);
    if (!r)
        r = file_mkdir_p(dir, 0700, f);
    return r ? r : leafdir_write_key(path, key, f);
}

int accountfile_save_key(const char *dir, const struct key *key, struct fault *f)
{
    return save_key(dir, KEY, key, f);
}

int accountfile_save_next(const char *dir, const struct key *key, struct fault *f)
{
    return save_key(dir, NEXT, key, f);
}

int accountfile_drop_next(const char *dir, struct fault *f)
{
    char path[ACCOUNTFILE_PATH_BYTES];
    int r = join(path, dir, NEXT, f);
    if (!r && (r = file_unlink(FILE_CWD, path)))
        fault_set(f, r, "cannot remove %s", path);
    return r;
}

int accountfile_set_next_aside(const char *dir, struct fault *f)
{
    char path[ACCOUNTFILE_PATH_BYTES];
    int r = join(path, dir, NEXT, f);
    return r ? r : set_aside(path, "unused", f);
}

int accountfile_retire(const char *dir, struct fault *f)
{
    return set_aside(dir, "deactivated", f);
}

bool accountfile_changed(const char *dir, struct file_info *seen)
{
    char path[ACCOUNTFILE_PATH_BYTES];
    struct file_info now;
    if (join(path, dir, RECORD, NULL) || file_stat(path, &now))
        return false;
    bool changed = now.ino != seen->ino || now.mtime_ns != seen->mtime_ns || now.dev != seen->dev;
    *seen = now;
    return changed;
}
