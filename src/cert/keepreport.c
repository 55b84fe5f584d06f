/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reports of the engine. Member names: docs/certificates.md. */
#include "cert/keepreport.h"

#include "cert/keepname.h"

void keepreport_json(struct certkeep *k, struct json *j)
{
    json_array(j, "certificates");
    LIST_FOREACH (it, &k->wanted) {
        const struct keepname *n = container_of(it, struct keepname, node);
        json_object(j, NULL);
        json_text(j, "name", n->names[0]);
        json_cstr(j, "kind", keepname_source_text(n));
        json_int(j, "not_after", certinfo_at(n->pair.chain, 0)->not_after_s);
        json_int(j, "renewal", n->local_renew_s);
        json_end(j, '}');
    }
    json_end(j, ']');
}

int keepreport_metrics(struct certkeep *k, struct buf *out)
{
    int r = buf_printf(out, "# TYPE port443_certificate_not_after_seconds gauge\n");
    LIST_FOREACH (it, &k->wanted) {
        const struct keepname *n = container_of(it, struct keepname, node);
        if (!r)
            r = buf_printf(out,
                           "port443_certificate_not_after_seconds{name=\"" SLICE_F
                           "\",source=\"%s\"} %lld\n",
                           SLICE_A(n->names[0]), keepname_source_text(n),
                           (long long)certinfo_at(n->pair.chain, 0)->not_after_s);
    }
    return r;
}
