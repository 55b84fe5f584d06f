/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* libcurl's multi interface, driven by the loop: it tells which descriptors and which timeout it
 * waits for, and is woken for them. Nothing of ours is called from inside of libcurl: finished
 * transfers are collected by a task of the loop. */
#include "cert/acmehttp.h"

#include <curl/curl.h>
#include <errno.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cert/acmehead.h"

#define CONNECT_TIMEOUT_MS 15000
#define CONNECTIONS_MAX    8
#define WATCHES_MAX        (6 * CONNECTIONS_MAX) /* two families, and the resolver's own */
#define AGENT              "port443/" PORT443_VERSION

/* A descriptor of libcurl's. */
struct watch {
    struct loop_io io; /* fd -1: free */
    struct acmehttp *h;
};

struct acmehttp {
    struct loop *l;
    CURLM *multi;
    struct loop_timer timer;
    struct loop_task turn;   /* runs libcurl and hands out what has ended */
    bool due;                /* libcurl asked to be run at once */
    struct list xfers, lost; /* under way; could not be started for want of memory */
    struct watch watches[WATCHES_MAX];
    bool *freed; /* set when we go while a caller is being told */
};

struct xfer {
    struct list node;
    struct acmehttp_call *call;
    CURL *easy;
    struct curl_slist *fields;
    struct buf body;
    struct acmehead head;
    char *url, *post;
    int r;           /* why we stopped it ourselves */
    const char *why; /* in words; NULL: libcurl's own */
    char words[CURL_ERROR_SIZE];
};

static unsigned users; /* of libcurl's global state */

static void xfer_free(struct xfer *x)
{
    if (x->easy)
        curl_easy_cleanup(x->easy);
    curl_slist_free_all(x->fields);
    buf_done(&x->body);
    acmehead_done(&x->head);
    mem_free(x->url);
    mem_free(x->post);
    mem_free(x);
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct xfer *x = ctx;
    x->r = acmehead_line(&x->head, slice_of(p, size * n));
    return x->r ? 0 : size * n;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct xfer *x = ctx;
    x->r = buf_add(&x->body, slice_of(p, size * n));
    return x->r ? 0 : size * n;
}

static void run_socket(struct acmehttp *h, curl_socket_t fd, int what)
{
    int running;
    BEST_EFFORT(curl_multi_socket_action(h->multi, fd, what, &running));
    loop_defer(h->l, &h->turn);
}

static void on_ready(struct loop_io *io, uint32_t events)
{
    struct acmehttp *h = container_of(io, struct watch, io)->h;
    int what = (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
               (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0) |
               (events & LOOP_HUP ? CURL_CSELECT_IN | CURL_CSELECT_ERR : 0);
    run_socket(h, io->fd, what);
}

static struct watch *watch_new(struct acmehttp *h, curl_socket_t fd)
{
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        struct watch *w = &h->watches[i];
        if (w->io.fd >= 0)
            continue;
        *w = (struct watch){{fd, on_ready}, h};
        curl_multi_assign(h->multi, fd, w);
        return w;
    }
    return NULL;
}

static void watch_free(struct watch *w)
{
    if (w->io.fd < 0)
        return;
    loop_remove(w->h->l, &w->io);
    w->io.fd = -1;
}

/* An error from here would end all transfers for good: what cannot be watched times out instead. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *of_socket)
{
    struct acmehttp *h = ctx;
    struct watch *w = of_socket;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w)
            watch_free(w);
        curl_multi_assign(h->multi, fd, NULL);
        return 0;
    }
    if (!w)
        w = watch_new(h, fd);
    uint32_t events =
        (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
    if (w)
        BEST_EFFORT(loop_watch(h->l, &w->io, events));
    return 0;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *ctx)
{
    struct acmehttp *h = ctx;
    (void)multi;
    loop_timer_clear(&h->timer);
    h->due = timeout_ms == 0;
    if (h->due)
        loop_defer(h->l, &h->turn);
    else if (timeout_ms > 0)
        loop_timer_set(h->l, &h->timer, (uint64_t)timeout_ms);
    return 0;
}

static void on_timer(struct loop_timer *t)
{
    run_socket(container_of(t, struct acmehttp, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int error_of(const struct xfer *x, CURLcode code)
{
    long os_errno = 0;
    if (x->r)
        return x->r;
    switch ((int)code) { /* the list of codes grows with each release of libcurl */
    case CURLE_OK:
        return x->head.status ? OK : ERR_SYNTAX;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return ERR_RESOLVE;
    case CURLE_COULDNT_CONNECT:
        curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &os_errno);
        return os_errno == ECONNREFUSED ? ERR_REFUSED
               : os_errno == ETIMEDOUT  ? ERR_TIMEOUT
                                        : ERR_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_INITFAILED:
        return ERR_TLS;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return ERR_VERIFY;
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
        return ERR_CONFIG;
    case CURLE_OUT_OF_MEMORY:
        return ERR_NOMEM;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_SSL_SHUTDOWN_FAILED:
        return ERR_RESET;
    default:
        return ERR_SYNTAX;
    }
}

static void tell(struct xfer *x, CURLcode code, struct acmehttp_reply *reply)
{
    char url[160], words[128];
    struct slice host = acmehead_url_host(slice_cstr(x->url));
    const char *said = x->why        ? x->why
                       : x->r        ? "its answer is too large"
                       : x->words[0] ? x->words
                                     : curl_easy_strerror(code);
    text_escape(slice_cstr(x->url), url, sizeof(url));
    text_escape(slice_cstr(said), words, sizeof(words));
    fault_set(&reply->fault, reply->r, "cannot ask " SLICE_F ": %s (%s)",
              (int)(host.n < 100 ? host.n : 100), (const char *)host.p, err_text(reply->r), words);
    fault_at(&reply->fault, url, 0, 0);
    if (reply->r == ERR_VERIFY)
        fault_next(&reply->fault, "check the clock of this machine; a private CA needs its root "
                                  "certificate in ca_file");
}

static void fill(struct acmehttp *h, struct xfer *x, CURLcode code, struct acmehttp_reply *reply)
{
    struct acmehead *head = &x->head;
    acmehead_end(head, loop_unix_ms(h->l) / 1000);
    reply->retry_after_s = -1;
    reply->r = error_of(x, code);
    if (reply->r) {
        tell(x, code, reply);
        return;
    }
    reply->status = head->status;
    reply->body = buf_slice(&x->body);
    reply->content_type = head->content_type;
    reply->nonce = head->nonce;
    reply->location = head->location;
    reply->retry_after_s = head->retry_after_s;
    reply->date_s = head->date_s;
    reply->nalternates = head->nalternates;
    memcpy(reply->alternates, head->alternates, sizeof(head->alternates));
}

/* False: the owner freed us. */
static bool hand_out(struct acmehttp *h, struct acmehttp_call *c,
                     const struct acmehttp_reply *reply)
{
    bool freed = false, *outer = h->freed;
    h->freed = &freed;
    c->http = NULL;
    c->state = NULL;
    c->on_done(c, reply);
    if (freed) {
        if (outer)
            *outer = true;
        return false;
    }
    h->freed = outer;
    return true;
}

static bool end(struct acmehttp *h, CURL *easy, CURLcode code)
{
    struct acmehttp_reply reply = {0};
    struct xfer *x = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &x);
    fill(h, x, code, &reply);
    curl_multi_remove_handle(h->multi, easy);
    list_remove(&x->node);
    bool alive = hand_out(h, x->call, &reply);
    xfer_free(x);
    return alive;
}

static bool end_lost(struct acmehttp *h)
{
    struct list *n = h->lost.next;
    struct acmehttp_reply reply = {.r = ERR_NOMEM, .retry_after_s = -1};
    list_remove(n);
    fault_set(&reply.fault, ERR_NOMEM, "no memory for asking the certificate authority");
    return hand_out(h, container_of(n, struct acmehttp_call, node), &reply);
}

static void on_turn(struct loop_task *t)
{
    struct acmehttp *h = container_of(t, struct acmehttp, turn);
    CURLMsg *m;
    int left;
    if (h->due) {
        h->due = false;
        BEST_EFFORT(curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &left));
    }
    while (!list_empty(&h->lost))
        if (!end_lost(h))
            return;
    while ((m = curl_multi_info_read(h->multi, &left)))
        if (m->msg == CURLMSG_DONE && !end(h, m->easy_handle, m->data.result))
            return;
}

int acmehttp_new(struct loop *l, struct acmehttp **ret, struct fault *f)
{
    struct acmehttp *h = mem_alloc(sizeof(*h));
    if (!h)
        return fault_set(f, ERR_NOMEM, "no memory for libcurl");
    if (users == 0 && curl_global_init(CURL_GLOBAL_DEFAULT)) {
        mem_free(h);
        return fault_set(f, ERR_SYS, "libcurl cannot be set up");
    }
    users++;
    h->l = l;
    list_init(&h->xfers);
    list_init(&h->lost);
    for (size_t i = 0; i < WATCHES_MAX; i++)
        h->watches[i].io.fd = -1;
    loop_timer_init(&h->timer, on_timer);
    loop_task_init(&h->turn, on_turn);
    h->multi = curl_multi_init();
    if (!h->multi) {
        acmehttp_free(h);
        return fault_set(f, ERR_NOMEM, "no memory for libcurl");
    }
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
    curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MAX);
    *ret = h;
    return OK;
}

static void drop(struct acmehttp *h, struct xfer *x)
{
    x->call->http = NULL;
    x->call->state = NULL;
    curl_multi_remove_handle(h->multi, x->easy);
    list_remove(&x->node);
    xfer_free(x);
}

void acmehttp_free(struct acmehttp *h)
{
    if (!h)
        return;
    if (h->freed)
        *h->freed = true;
    while (!list_empty(&h->xfers))
        drop(h, container_of(h->xfers.next, struct xfer, node));
    for (struct list *n; (n = list_pop(&h->lost));)
        container_of(n, struct acmehttp_call, node)->http = NULL;
    if (h->multi)
        curl_multi_cleanup(h->multi);
    for (size_t i = 0; i < WATCHES_MAX; i++)
        watch_free(&h->watches[i]); /* libcurl closes idle connections without a word */
    loop_timer_clear(&h->timer);
    loop_task_cancel(&h->turn);
    mem_free(h);
    if (--users == 0)
        curl_global_cleanup();
}

static int set_trust(CURL *e, struct slice ca_pem)
{
    if (!ca_pem.n)
        return OK;
    char *data = mem_dup(ca_pem.p, ca_pem.n); /* the type of the blob wants it writable */
    if (!data)
        return ERR_NOMEM;
    struct curl_blob blob = {data, ca_pem.n, CURL_BLOB_COPY};
    /* Without the second line the system's directory of certificates would be trusted as well. */
    CURLcode bad = curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob);
    if (!bad)
        bad = curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    mem_free(data);
    return bad == CURLE_OK ? OK : bad == CURLE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_CONFIG;
}

static void set_bounds(struct xfer *x, bool loopback)
{
    CURL *e = x->easy;
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)ACMEHTTP_TIMEOUT_MS);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, loopback ? "http,https" : "https");
#else
    curl_easy_setopt(e, CURLOPT_PROTOCOLS,
                     (long)(loopback ? CURLPROTO_HTTPS | CURLPROTO_HTTP : CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    /* A resolver's thread that hangs is left behind; otherwise libcurl would wait for it, and we
     * with it. */
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
#endif
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->words);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(e, CURLOPT_PRIVATE, x);
}

static int add_field(struct xfer *x, const char *line)
{
    struct curl_slist *longer = curl_slist_append(x->fields, line);
    if (!longer)
        return ERR_NOMEM;
    x->fields = longer;
    return OK;
}

static int set_request(struct xfer *x, const struct acmehttp_request *q)
{
    CURL *e = x->easy;
    bool bad =
        curl_easy_setopt(e, CURLOPT_URL, x->url) || curl_easy_setopt(e, CURLOPT_USERAGENT, AGENT);
    if (q->method == ACMEHTTP_HEAD)
        bad = bad || curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    if (q->method == ACMEHTTP_POST) {
        /* No "Expect: 100-continue": it costs a second with servers that do not know it. */
        const char *type = q->ocsp ? "Content-Type: application/ocsp-request"
                                   : "Content-Type: application/jose+json";
        if (add_field(x, type) || add_field(x, "Expect:"))
            return ERR_NOMEM;
        bad = bad || curl_easy_setopt(e, CURLOPT_POST, 1L) ||
              curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.n) ||
              curl_easy_setopt(e, CURLOPT_POSTFIELDS, x->post) ||
              curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->fields);
    }
    return bad ? ERR_NOMEM : set_trust(e, q->ca_pem);
}

static struct xfer *xfer_new(const struct acmehttp_request *q)
{
    struct xfer *x = mem_alloc(sizeof(*x));
    if (!x)
        return NULL;
    list_init(&x->node);
    buf_init(&x->body, ACMEHTTP_BODY_MAX);
    acmehead_init(&x->head);
    x->url = mem_dup(q->url.n ? q->url.p : (const uint8_t *)"", q->url.n);
    x->post = mem_dup(q->body.n ? q->body.p : (const uint8_t *)"", q->body.n);
    x->easy = curl_easy_init();
    if (!x->url || !x->post || !x->easy) {
        xfer_free(x);
        return NULL;
    }
    return x;
}

/* Fails in the same way as everything else: later, by a transfer that goes nowhere. */
static void doom(struct xfer *x, int r, const char *why)
{
    x->r = r;
    x->why = why;
    curl_easy_setopt(x->easy, CURLOPT_URL, "");
}

void acmehttp_start(struct acmehttp *h, const struct acmehttp_request *q, struct acmehttp_call *c)
{
    struct xfer *x = xfer_new(q);
    c->http = h;
    c->state = x;
    list_init(&c->node);
    if (x) {
        x->call = c;
        set_bounds(x, q->loopback || q->ocsp);
        int r = set_request(x, q);
        if (r)
            doom(x, r, "the request cannot be prepared");
        else if (!q->loopback && !q->ocsp && !acmehead_url_ok(q->url))
            doom(x, ERR_SYNTAX, "this is not an https URL");
        if (!curl_multi_add_handle(h->multi, x->easy)) {
            list_push(&h->xfers, &x->node);
            return;
        }
        xfer_free(x);
        c->state = NULL;
    }
    list_push(&h->lost, &c->node);
    loop_defer(h->l, &h->turn);
}

void acmehttp_cancel(struct acmehttp_call *c)
{
    struct acmehttp *h = c->http;
    if (!h)
        return;
    if (c->state) {
        drop(h, c->state);
        return;
    }
    list_remove(&c->node);
    c->http = NULL;
}
