/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 cert export`: copies of chain and key for another program, with its group. */
#include <stdio.h>

#include "base/mem.h"
#include "cert/lineage.h"
#include "cli/cert.h"
#include "cli/certword.h"
#include "cli/cmd.h"
#include "cli/faults.h"
#include "crypt/pem.h"
#include "os/file.h"
#include "os/proc.h"

#define VERB        "cert export"
#define ARENA_BYTES (512 * 1024)
#define PEM_MAX     (256 * 1024)
#define KEEP        UINT32_MAX /* owner or group stays */

static const char usage[] =
    "usage: port443 cert export NAME --to DIR [--group GROUP] [--rsa] [--state DIR]\n\n"
    "Writes fullchain.pem (leaf first), chain.pem (without the leaf) and key.pem, each replaced in "
    "one step. The key\n"
    "is readable by its owner only, or by GROUP too; the others by everyone.\n\n"
    "      --to DIR       where; made when missing\n"
    "      --group GROUP  that may read the key\n"
    "      --rsa          the RSA certificate, when there are both\n"
    "      --state DIR    state directory of the server\n\n"
    "example:\n"
    "  port443 cert export mail.example.org --to /etc/postfix/tls --group postfix\n";

struct target {
    const char *dir;
    uint32_t gid; /* KEEP: none was named */
};

static int put(const struct target *t, const char *file, struct slice bytes, unsigned mode,
               struct fault *f)
{
    char path[PLACE_BYTES + 64], temp[PLACE_BYTES + 72];
    snprintf(path, sizeof(path), "%s/%s", t->dir, file);
    snprintf(temp, sizeof(temp), "%s.export", path);
    /* The group and mode before the name: nobody sees it wider or narrower than it is meant. */
    int r = file_write_atomic(FILE_CWD, temp, bytes, 0600, f);
    if (!r)
        r = file_chown_mode(temp, KEEP, t->gid, mode, f);
    if (!r)
        r = file_rename(temp, path, f);
    if (r)
        (void)!file_unlink(FILE_CWD, temp);
    return r;
}

/* What stands behind the first certificate. */
static struct slice behind_leaf(struct slice pem)
{
    struct pem block;
    struct slice rest = pem;
    return pem_next(&rest, &block) ? SLICE_EMPTY : slice_trim(rest);
}

static int write_all(const struct target *t, const struct certstore_pair *p, struct fault *f)
{
    struct secret key = SECRET_EMPTY;
    struct buf chain;
    buf_init(&chain, PEM_MAX);
    int r = file_mkdir_p(t->dir, 0755, f);
    if (!r && ((r = certinfo_pem(p->chain, &chain)) || (r = keystore_export_pem(p->key, &key))))
        fault_set(f, r, "%s", err_text(r));
    /* The key first, as with the store: a chain without its key stops the reader. */
    if (!r)
        r = put(t, "key.pem", secret_expose(&key), t->gid == KEEP ? 0600 : 0640, f);
    if (!r)
        r = put(t, "fullchain.pem", buf_slice(&chain), 0644, f);
    if (!r) {
        struct slice rest = behind_leaf(buf_slice(&chain));
        while (rest.n && rest.p[0] == '\n')
            rest = slice_from(rest, 1);
        r = put(t, "chain.pem", rest, 0644, f);
    }
    secret_done(&key);
    buf_done(&chain);
    return r;
}

static int load(const char *state, const struct lineage_id *id, struct certstore_pair *ret,
                struct fault *f)
{
    struct arena a;
    struct lineage_loaded l;
    arena_init(&a, ARENA_BYTES);
    int r = lineage_peek(state, id, &a, &l, f);
    arena_done(&a);
    if (!r)
        *ret = l.pair;
    else if (r == ERR_NOT_FOUND && !f->code && !id->rsa)
        r = certstore_load(state, id->name, ret, f);
    if (r == ERR_NOT_FOUND) {
        fault_set(f, r, "there is no %s certificate of " SLICE_F " in %s",
                  id->rsa ? "RSA" : "ECDSA", SLICE_A(id->name), state);
        fault_next(f, "\"port443 cert list\" shows what there is");
    }
    return r;
}

int cert_export(int argc, char **argv)
{
    const char *state_option = NULL, *to = NULL, *group = NULL;
    bool rsa = false;
    const struct option_spec specs[] = {
        {"state", 0, NULL, &state_option},
        {"to", 0, NULL, &to},
        {"group", 0, NULL, &group},
        {"rsa", 0, &rsa, NULL},
    };
    const struct option_parse parse = {VERB, specs, ARRAY_LEN(specs), usage};
    struct certword w;
    struct certstore_pair pair = {0};
    struct fault f = {0};
    int status;
    if (!certword_begin(&w, &parse, &state_option, argc, argv, &status) ||
        !certword_count(&w, 1, 1, &status))
        return status;
    if (!certword_name(&w, w.names[0]))
        return CMD_USAGE;
    if (!to)
        return certword_usage(&w, "where to? Say --to DIR");
    struct target t = {to, KEEP};
    if (strlen(to) >= PLACE_BYTES)
        return certword_usage(&w, "the path behind --to is too long");
    if (group && proc_group(group, &t.gid)) {
        fprintf(stderr, "port443 " VERB ": there is no group %s\n", group);
        return CMD_FAILED;
    }
    const struct lineage_id id = {slice_cstr(w.names[0]), rsa};
    int r = load(w.state, &id, &pair, &f);
    if (!r)
        r = write_all(&t, &pair, &f);
    certstore_pair_done(&pair);
    if (r)
        faults_print_one(VERB, &f);
    else
        printf("wrote fullchain.pem, chain.pem and key.pem of " SLICE_F " to %s\n",
               SLICE_A(id.name), to);
    return r ? CMD_FAILED : CMD_GOOD;
}
