/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A whole answer of a checked server, from its bytes to findings and a score: head and body are cut
 * at the first empty line. */
#include "check/page.h"

#include "base/err.h"
#include "check/gradeobservatory.h"
#include "check/judgehttp.h"
#include "fuzz.h"
#include "wire/http1.h"

static void counts(const struct facts_http *h)
{
    FUZZ_CHECK(h->ncookies <= FACTS_COOKIES_MAX);
    FUZZ_CHECK(h->scripts_external_no_sri <= h->scripts_external);
    FUZZ_CHECK(h->scripts_http_no_sri <= h->scripts_http);
    FUZZ_CHECK(h->scripts_external <= h->scripts && h->scripts_sri <= h->scripts);
    FUZZ_CHECK(!h->mixed_example.n || h->mixed_active + h->mixed_passive > 0);
    FUZZ_CHECK(h->csp_meta == (h->csp_page.n > 0));
    FUZZ_CHECK(!h->hsts.valid || h->hsts.present);
}

static void read_answer(const struct http1_response *head, struct slice body)
{
    const struct facts_target t = {.text = SLICE("www.example.com"),
                                   .host = SLICE("www.example.com"),
                                   .port = 443,
                                   .path = SLICE("/")};
    struct httpget_result r = {.stage = HTTPGET_CLOSE,
                               .secured = true,
                               .status = head->status,
                               .fields = head->head.fields,
                               .nfields = head->head.count,
                               .body = body,
                               .close = FACTS_CLOSE_NOTIFY};
    struct facts *f = facts_new(&t, 1790000000);
    FUZZ_CHECK(f);
    f->http.ran = f->http.plain_tried = true;
    f->http.https[0] = (struct facts_hop){.url = SLICE("https://www.example.com/"),
                                          .status = head->status,
                                          .location = httpget_field(&r, SLICE("location"), NULL)};
    f->http.nhttps = 1;
    page_read(f, &r, false, true);
    counts(&f->http);
    judgehttp_all(f);
    gradeobservatory_give(f);
    FUZZ_CHECK(!f->observatory.given || (f->observatory.score >= 0 && f->observatory.grade[0]));
    for (size_t i = 0; i < f->nfindings; i++)
        for (size_t k = 0; k < f->findings[i].evidence.n; k++)
            FUZZ_CHECK(f->findings[i].evidence.p[k] >= 0x20 && f->findings[i].evidence.p[k] < 0x7f);
    facts_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http1_limits limits = {8192, 65536};
    struct http1_response head;
    struct field fields[HTTPGET_FIELDS_MAX];
    uint8_t *copy = fuzz_copy(data, size);
    size_t used = 0;
    http1_response_init(&head, fields, HTTPGET_FIELDS_MAX);
    if (!http1_parse_response(slice_of(copy, size), &limits, &head, &used))
        read_answer(&head, slice_of(copy + used, size - used));
    mem_free(copy);
    return 0;
}
