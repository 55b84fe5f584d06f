/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* SARIF 2.1.0, for code-scanning pages. */
#include "check/report.h"

static const char *sarif_level(enum facts_severity s)
{
    return s >= FACTS_HIGH ? "error" : s >= FACTS_LOW ? "warning" : "note";
}

static bool seen_before(const struct facts *const *list, size_t i, size_t k)
{
    for (size_t a = 0; a < i; a++)
        if (facts_has(list[a], list[i]->findings[k].id))
            return true;
    return false;
}

static void message(struct json *j, const char *key, const char *text)
{
    json_object(j, key);
    json_cstr(j, "text", text);
    json_end(j, '}');
}

static void sarif_rules(struct json *j, const struct facts *const *list, size_t n)
{
    json_array(j, "rules");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < list[i]->nfindings; k++) {
            const struct facts_finding *x = &list[i]->findings[k];
            if (seen_before(list, i, k))
                continue;
            json_object(j, NULL);
            json_cstr(j, "id", x->id);
            message(j, "shortDescription", x->title);
            message(j, "help", x->fix);
            json_end(j, '}');
        }
    json_end(j, ']');
}

static void sarif_result(struct json *j, const struct facts *f, const struct facts_finding *x)
{
    json_object(j, NULL);
    json_cstr(j, "ruleId", x->id);
    json_cstr(j, "level", sarif_level(x->severity));
    json_object(j, "message");
    json_text(j, "text", x->evidence.n ? x->evidence : slice_cstr(x->title));
    json_end(j, '}');
    json_array(j, "locations");
    json_object(j, NULL);
    json_object(j, "physicalLocation");
    json_object(j, "artifactLocation");
    json_text(j, "uri", f->target.text);
    json_end(j, '}');
    json_end(j, '}');
    json_end(j, '}');
    json_end(j, ']');
    json_end(j, '}');
}

int report_sarif(const struct facts *const *list, size_t n, struct buf *out)
{
    struct json j;
    json_init(&j, out);
    j.pretty = true;
    json_object(&j, NULL);
    json_cstr(&j, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    json_cstr(&j, "version", "2.1.0");
    json_array(&j, "runs");
    json_object(&j, NULL);
    json_object(&j, "tool");
    json_object(&j, "driver");
    json_cstr(&j, "name", "port443 check");
    json_cstr(&j, "version", PORT443_VERSION);
    sarif_rules(&j, list, n);
    json_end(&j, '}');
    json_end(&j, '}');
    json_array(&j, "results");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < list[i]->nfindings; k++)
            sarif_result(&j, list[i], &list[i]->findings[k]);
    json_end(&j, ']');
    json_end(&j, '}');
    json_end(&j, ']');
    json_end(&j, '}');
    return j.r ? j.r : buf_add(out, SLICE("\n"));
}
