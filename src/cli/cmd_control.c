/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 status|reload|stop|upgrade|reopen`: one question to the admin socket of the running
 * server. */
#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "cli/faults.h"
#include "cli/option.h"
#include "cli/place.h"
#include "serve/admin.h"

#define ANSWER_MAX (64u * 1024 * 1024)
#define ASK_MS     10000
#define CHANGE_MS  60000 /* a reload waits for new certificates, an upgrade for the new program */

static const char usage_status[] =
    "usage: port443 status [--json] [--state DIR | --socket PATH]\n\n"
    "What the running server is doing: workers, connections, sites, certificates, upstreams.\n\n"
    "      --json         the whole report for machines\n"
    "      --metrics      Prometheus text\n"
    "      --state DIR    state directory of the server\n"
    "      --socket PATH  its admin socket (default DIR/port443.sock)\n\n"
    "Exit status: 0 all is well; 1 a certificate is missing or has expired, an upstream or a "
    "worker "
    "is down; 2 no server.\n\n"
    "examples:\n  port443 status\n  port443 status --json | jq .workers\n";
static const char usage_reload[] =
    "usage: port443 reload [--state DIR | --socket PATH]\n\n"
    "Puts the changed configuration into use. Connections under way keep what they started with; a "
    "file with\n"
    "errors is refused and the old configuration stays.\n\nexample:\n  port443 reload\n";
static const char usage_stop[] =
    "usage: port443 stop [--state DIR | --socket PATH]\n\n"
    "Takes no new connection, finishes what is under way (at most drain_timeout), ends.\n\n"
    "example:\n  port443 stop\n";
static const char usage_upgrade[] = "usage: port443 upgrade [--state DIR | --socket PATH]\n\n"
                                    "Starts the program that is installed now with the same "
                                    "arguments and the listening sockets of the\n"
                                    "running one, which then finishes and ends. No connection is "
                                    "refused. If the new program does not come\n"
                                    "up, the old one goes on.\n\nexample:\n  port443 upgrade\n";
static const char usage_reopen[] =
    "usage: port443 reopen [--state DIR | --socket PATH]\n\n"
    "Opens the log files again, after they were moved away.\n\nexample:\n  port443 reopen\n";

static const struct verb {
    const char *name, *usage;
    enum admin_verb ask;
    uint64_t timeout_ms;
} verbs[] = {
    {"status", usage_status, ADMIN_STATUS, ASK_MS},
    {"reload", usage_reload, ADMIN_RELOAD, CHANGE_MS},
    {"stop", usage_stop, ADMIN_STOP, ASK_MS},
    {"upgrade", usage_upgrade, ADMIN_UPGRADE, CHANGE_MS},
    {"reopen", usage_reopen, ADMIN_REOPEN, ASK_MS},
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static long long number_of(const json_t *o, const char *key)
{
    return (long long)json_integer_value(json_object_get(o, key));
}

/* ---- the report for people ---- */

static void print_span(long long seconds)
{
    if (seconds >= 2 * 86400)
        printf("%lld days", seconds / 86400);
    else if (seconds >= 2 * 3600)
        printf("%lld hours", seconds / 3600);
    else if (seconds >= 120)
        printf("%lld minutes", seconds / 60);
    else
        printf("%lld seconds", seconds);
}

static bool print_certificates(const json_t *site)
{
    size_t i;
    json_t *c;
    bool good = true;
    json_array_foreach(json_object_get(site, "certificates"), i, c)
    {
        long long days = number_of(c, "days_left");
        bool expired = json_is_true(json_object_get(c, "expired"));
        good &= !expired;
        if (expired)
            printf("      certificate EXPIRED %lld days ago (%s): renew it now\n", -days,
                   text_of(c, "source"));
        else
            printf("      certificate %s, %s, %lld days left\n", text_of(c, "source"),
                   text_of(c, "key"), days);
    }
    return good;
}

static bool print_upstreams(const json_t *worker)
{
    size_t i;
    json_t *u;
    bool good = true;
    json_array_foreach(json_object_get(json_object_get(worker, "report"), "upstreams"), i, u)
    {
        bool down = json_is_true(json_object_get(u, "down"));
        good &= !down;
        printf("      upstream %s: %s, %lld requests, %lld failures, %lld under way, %lld idle\n",
               text_of(u, "name"), down ? "DOWN" : "up", number_of(u, "requests"),
               number_of(u, "failures"), number_of(u, "active"), number_of(u, "idle"));
        if (text_of(u, "last_error")[0])
            printf("        last error: %s\n", text_of(u, "last_error"));
    }
    return good;
}

static bool print_workers(const json_t *root)
{
    size_t i;
    json_t *w;
    bool good = true;
    puts("  workers");
    json_array_foreach(json_object_get(root, "workers"), i, w)
    {
        good &= strcmp(text_of(w, "state"), "ready") == 0;
        printf("    %lld  pid %lld, %s, %lld connections, %lld MB, restarted %lld times\n",
               number_of(w, "index"), number_of(w, "pid"), text_of(w, "state"),
               number_of(json_object_get(w, "report"), "connections"),
               number_of(w, "memory_bytes") / 1000000, number_of(w, "restarts"));
        good &= print_upstreams(w);
    }
    return good;
}

static bool print_sites(const json_t *root)
{
    size_t i;
    json_t *s;
    bool good = true;
    puts("  sites");
    json_array_foreach(json_object_get(root, "sites"), i, s)
    {
        printf("    %s  %s\n", text_of(s, "name"), text_of(s, "action"));
        good &= print_certificates(s);
    }
    return good;
}

/* What the CA does not give: a name without any certificate is bad, a renewal that fails is told.
 */
static bool print_failures(const json_t *root)
{
    size_t i;
    json_t *c;
    bool good = true;
    const json_t *keeper = json_array_get(json_object_get(root, "keeper"), 0);
    json_array_foreach(json_object_get(json_object_get(keeper, "report"), "certificates"), i, c)
    {
        const char *kind = text_of(c, "kind");
        bool served = strcmp(kind, "acme") == 0 || strcmp(kind, "local") == 0;
        if (number_of(c, "failures") == 0)
            continue;
        good &= served;
        printf("  %s: %lld failed attempts to get a certificate (%s); %s\n    %s\n"
               "    \"port443 cert doctor %s\" says what to do\n",
               text_of(c, "name"), number_of(c, "failures"), text_of(c, "key"),
               served ? "the present one stays in use" : "served with a temporary one",
               text_of(c, "last_error"), text_of(c, "name"));
    }
    return good;
}

static int print_status(const json_t *root)
{
    const json_t *reload = json_object_get(root, "reload");
    bool good = true;
    printf("port443 %s, pid %lld, %s for ", text_of(root, "version"), number_of(root, "pid"),
           text_of(root, "state"));
    print_span(number_of(root, "now") - number_of(root, "started"));
    printf("\n  port %lld", number_of(root, "https_port"));
    if (number_of(root, "http_port"))
        printf(" and %lld (redirects)", number_of(root, "http_port"));
    printf(", %lld connections, %lld requests, %lld under way\n", number_of(root, "connections"),
           number_of(root, "requests"), number_of(root, "requests_open"));
    if (number_of(reload, "last")) {
        bool ok = json_is_true(json_object_get(reload, "last_ok"));
        printf("  last reload %s, ", ok ? "in use" : "REFUSED (the old configuration is in use)");
        print_span(number_of(root, "now") - number_of(reload, "last"));
        puts(" ago");
        good = ok;
    }
    good &= print_sites(root);
    good &= print_failures(root);
    good &= print_workers(root);
    return good ? CMD_GOOD : CMD_BAD;
}

/* ---- asking ---- */

static int show(const struct verb *v, bool as_json, uint16_t status, struct slice body)
{
    json_t *root = json_loadb((const char *)body.p, body.n, 0, NULL);
    int exit_status = CMD_FAILED;
    if (!root)
        fprintf(stderr, "port443 %s: the server's answer is not JSON\n", v->name);
    else if (v->ask != ADMIN_STATUS) {
        bool ok = status == 200;
        fprintf(ok ? stdout : stderr, "%s%s\n", ok ? "" : "port443: ", text_of(root, "message"));
        exit_status = ok ? CMD_GOOD : CMD_FAILED;
    } else if (as_json) {
        json_dumpf(root, stdout, JSON_INDENT(2));
        putchar('\n');
        exit_status = CMD_GOOD;
    } else {
        exit_status = print_status(root);
    }
    json_decref(root);
    return exit_status;
}

static int ask(const struct verb *v, const char *socket_path, bool as_json)
{
    struct fault f = {0};
    struct buf answer;
    uint16_t status;
    int exit_status = CMD_FAILED;
    buf_init(&answer, ANSWER_MAX);
    if (admin_request(socket_path, v->ask, v->timeout_ms, &status, &answer, &f))
        faults_print_one(v->name, &f);
    else if (v->ask == ADMIN_METRICS)
        exit_status =
            fwrite(buf_slice(&answer).p, 1, answer.n, stdout) == answer.n ? CMD_GOOD : CMD_FAILED;
    else
        exit_status = show(v, as_json, status, buf_slice(&answer));
    buf_done(&answer);
    return exit_status;
}

int cmd_control(int argc, char **argv)
{
    const char *state = NULL, *socket_path = NULL;
    bool as_json = false, metrics = false;
    struct verb v = verbs[0];
    const struct option_spec specs[] = {
        {"state", 0, NULL, &state},
        {"socket", 0, NULL, &socket_path},
        {"json", 0, &as_json, NULL},
        {"metrics", 0, &metrics, NULL},
    };
    char path[PLACE_BYTES];
    int words;
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strcmp(argv[0], verbs[i].name) == 0)
            v = verbs[i];
    const struct option_parse parse = {v.name, specs, v.ask == ADMIN_STATUS ? 4 : 2, v.usage};
    int r = option_parse(&parse, argc, argv, &words);
    if (r)
        return r == ERR_EOF ? CMD_GOOD : CMD_USAGE;
    if (words) {
        fprintf(stderr, "port443 %s: takes no words, only options: %s\n", v.name, argv[1]);
        return CMD_USAGE;
    }
    if (metrics)
        v.ask = ADMIN_METRICS;
    if (place_socket(state, socket_path, path))
        return CMD_FAILED;
    return ask(&v, path, as_json);
}
