/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */
/* The load client's main: options, the loop that sends what is due, and the one-line JSON reports.
 * It talks to bench/run over standard input and output: prints "ready" after the warm-up and waits
 * for a line, so that the measurement starts on a server with open connections and warm caches;
 * prints "done" and waits again, so that closing is not measured. */
#include "load.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const uint64_t stall_ns = 15000000000U;

void load_fail(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (char *p = text; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
            *p = '.';
    printf("{\"phase\": \"failed\", \"errors\": 1, \"error\": \"%s\"}\n", text);
    fflush(stdout);
    exit(1);
}

void load_complete(struct load *l, struct load_link *k, uint64_t due_ns)
{
    uint64_t now_ns = load_pace_now();
    (void)k;
    l->done++;
    load_pace_record(l, now_ns > due_ns ? now_ns - due_ns : 0);
}

void load_opened(struct load *l, struct load_link *k)
{
    l->opened++;
    if (l->opt.mode == LOAD_H2)
        load_h2_start(l, k);
    else if (l->opt.mode == LOAD_H1)
        k->room = 1;
    else
        load_h1_send(l, k, k->due_ns);
}

static void issue(struct load *l, struct load_link *k, uint64_t due_ns)
{
    if (l->opt.mode == LOAD_H1) {
        load_h1_send(l, k, due_ns);
        return;
    }
    if (l->opt.mode != LOAD_H2) {
        load_link_open(l, k, due_ns);
        return;
    }
    for (uint32_t i = 0; i < l->opt.burst; i++)
        load_h2_submit(l, k, due_ns);
    k->dirty = true;
}

/* Round robin, so that the work spreads over the connections in the same way for every server. */
static struct load_link *pick(struct load *l)
{
    uint32_t burst = l->opt.mode == LOAD_H2 ? l->opt.burst : 1;
    for (uint32_t i = 0; i < l->opt.links; i++) {
        uint32_t at = l->cursor + i < l->opt.links ? l->cursor + i : l->cursor + i - l->opt.links;
        if (l->links[at].room >= burst) {
            l->cursor = at + 1 < l->opt.links ? at + 1 : 0;
            return &l->links[at];
        }
    }
    return NULL;
}

/* Sends everything that is due. Returns how long the loop may sleep. */
static uint64_t issue_due(struct load *l)
{
    uint64_t sleep_ns = 1000000000U;
    uint32_t burst = l->opt.mode == LOAD_H2 ? l->opt.burst : 1;
    while (l->issued < l->target) {
        uint64_t now_ns = load_pace_now();
        uint64_t due_ns = load_pace_due(l, l->issued, now_ns);
        if (due_ns > now_ns) {
            sleep_ns = due_ns - now_ns;
            break;
        }
        struct load_link *k = pick(l);
        if (!k)
            break;
        issue(l, k, due_ns);
        l->issued += burst;
    }
    if (l->opt.mode == LOAD_H2)
        for (uint32_t i = 0; i < l->opt.links; i++)
            if (l->links[i].dirty)
                load_h2_flush(&l->links[i]);
    return sleep_ns;
}

static void wait_and_step(struct load *l, uint64_t sleep_ns)
{
    struct epoll_event events[64];
    struct timespec timeout = {(time_t)(sleep_ns / 1000000000U), (long)(sleep_ns % 1000000000U)};
    int n = epoll_pwait2(l->epoll, events, 64, &timeout, NULL);
    if (n < 0 && errno != EINTR)
        load_fail("epoll_pwait2: %s", strerror(errno));
    for (int i = 0; i < n; i++)
        load_link_step(l, events[i].data.ptr);
}

static void run_phase(struct load *l, uint64_t ops)
{
    l->issued = 0;
    l->done = 0;
    l->resumed = 0;
    l->handshakes = 0;
    l->target = ops;
    memset(l->buckets, 0, sizeof(l->buckets));
    l->start_ns = load_pace_now();
    uint64_t progress_ns = l->start_ns;
    uint64_t progress = 0;
    while (l->done < ops) {
        wait_and_step(l, issue_due(l));
        uint64_t now_ns = load_pace_now();
        if (l->done + l->handshakes != progress || l->interval_ns > stall_ns) {
            progress = l->done + l->handshakes;
            progress_ns = now_ns;
        } else if (now_ns - progress_ns > stall_ns) {
            load_fail("no progress after %llu operations", (unsigned long long)l->done);
        }
    }
}

/* The kept connections are opened a few at a time, not in one storm that overflows the listen
 * queue. */
static void open_links(struct load *l)
{
    uint32_t next = 0;
    uint64_t start_ns = load_pace_now();
    while (l->opened < l->opt.links) {
        while (next < l->opt.links && next - l->opened < 8)
            load_link_open(l, &l->links[next++], 0);
        wait_and_step(l, 1000000000U);
        if (load_pace_now() - start_ns > stall_ns)
            load_fail("only %u of %u connections opened", l->opened, l->opt.links);
    }
}

static void report(struct load *l, double seconds)
{
    printf("{\"phase\": \"done\", \"ops\": %llu, \"errors\": 0, \"seconds\": %.6f, "
           "\"handshakes\": %llu, \"resumed\": %llu, \"suite\": \"%s\", \"group\": \"%s\", "
           "\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
           (unsigned long long)l->done, seconds, (unsigned long long)l->handshakes,
           (unsigned long long)l->resumed, l->suite, l->group, load_pace_quantile_us(l, 0.5),
           load_pace_quantile_us(l, 0.99), load_pace_quantile_us(l, 0.999));
    fflush(stdout);
}

static void wait_for_line(void)
{
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n')
        ;
}

static uint64_t number(const char *option, const char *text, uint64_t max)
{
    uint64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && value <= max; p++)
        value = value * 10 + (uint64_t)(*p - '0');
    if (*p || p == text || value > max)
        load_fail("--%s %s: not a number up to %llu", option, text, (unsigned long long)max);
    return value;
}

static enum load_mode mode_of(const char *text)
{
    static const char *const names[] = {"full", "resumed", "h1", "h2", "idle"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(text, names[i]))
            return (enum load_mode)i;
    load_fail("--mode %s: one of full, resumed, h1, h2, idle", text);
}

static void parse_options(struct load_options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"mode", 1, NULL, 'm'},  {"port", 1, NULL, 'p'},  {"name", 1, NULL, 'n'},
        {"path", 1, NULL, 'u'},  {"ca", 1, NULL, 'a'},    {"ciphers", 1, NULL, 'c'},
        {"bytes", 1, NULL, 'b'}, {"ops", 1, NULL, 'o'},   {"warm", 1, NULL, 'w'},
        {"rate", 1, NULL, 'r'},  {"links", 1, NULL, 'l'}, {"streams", 1, NULL, 's'},
        {"burst", 1, NULL, 'x'}, {NULL, 0, NULL, 0},
    };
    const struct {
        int letter;
        uint64_t *value;
    } wide[] = {{'b', &o->bytes}, {'o', &o->ops}, {'w', &o->warm}, {'r', &o->rate}};
    int letter;
    int at = 0;
    while ((letter = getopt_long(argc, argv, "", longs, &at)) != -1) {
        if (letter == '?')
            load_fail("unknown option");
        for (size_t i = 0; i < sizeof(wide) / sizeof(*wide); i++)
            if (wide[i].letter == letter)
                *wide[i].value = number(longs[at].name, optarg, UINT64_MAX / 16);
        if (letter == 'm')
            o->mode = mode_of(optarg);
        else if (letter == 'p')
            o->port = (uint16_t)number("port", optarg, UINT16_MAX);
        else if (letter == 'l')
            o->links = (uint32_t)number("links", optarg, 100000);
        else if (letter == 's')
            o->streams = (uint32_t)number("streams", optarg, LOAD_STREAMS);
        else if (letter == 'x')
            o->burst = (uint32_t)number("burst", optarg, LOAD_STREAMS);
        else if (letter == 'n')
            o->name = optarg;
        else if (letter == 'u')
            o->path = optarg;
        else if (letter == 'a')
            o->ca = optarg;
        else if (letter == 'c')
            o->ciphers = optarg;
    }
    if (!o->name || !o->path || !o->ca || !o->port || !o->ops || !o->links || !o->burst ||
        o->burst > o->streams)
        load_fail("needed: --mode --port --name --path --ca --bytes --ops; burst <= streams");
}

static void setup(struct load *l)
{
    /* The default timer slack of 50 us would make the schedule late by as much. */
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->links = calloc(l->opt.links, sizeof(*l->links));
    if (l->epoll < 0 || !l->links)
        load_fail("setup: %s", strerror(errno));
    if (l->opt.rate)
        l->interval_ns = 1000000000U * l->opt.burst / l->opt.rate;
    load_link_setup(l);
    load_h1_setup(l);
    load_h2_setup(l);
    bool kept = l->opt.mode == LOAD_H1 || l->opt.mode == LOAD_H2;
    for (uint32_t i = 0; i < l->opt.links; i++)
        l->links[i].room = kept ? 0 : 1;
    if (kept)
        open_links(l);
}

int main(int argc, char **argv)
{
    static struct load l = {.opt = {.links = 1, .streams = 1, .burst = 1}};
    parse_options(&l.opt, argc, argv);
    setup(&l);
    if (l.opt.warm)
        run_phase(&l, l.opt.warm);
    printf("{\"phase\": \"ready\"}\n");
    fflush(stdout);
    wait_for_line();
    uint64_t start_ns = load_pace_now();
    l.measured = true;
    run_phase(&l, l.opt.ops);
    if (l.opt.mode == LOAD_FULL && l.resumed)
        load_fail("%llu connections were resumed", (unsigned long long)l.resumed);
    if (l.opt.mode == LOAD_RESUMED && l.resumed != l.handshakes)
        load_fail("only %llu of %llu connections were resumed", (unsigned long long)l.resumed,
                  (unsigned long long)l.handshakes);
    report(&l, (double)(load_pace_now() - start_ns) / 1e9);
    wait_for_line();
    return 0;
}
