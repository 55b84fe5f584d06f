/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Every verdict from the measurements that mean it, and beside each the neighbour that differs in
 * one measurement only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check/whyjudge.h"

#define NOW     1800000000
#define DAY_S   86400
#define SITE    WHYJUDGE_HELLO
#define SILENT  WHYJUDGE_SILENT
#define DROPPED WHYJUDGE_NO_ANSWER

/* A case: changes a healthy target with one control, and what must come out. */
struct row {
    const char *what;
    void (*change)(struct whyjudge_measures *m);
    enum facts_verdict verdict;
};

static struct ip address(const char *text)
{
    struct ip ip = {{0}};
    assert_int_equal(cidr_parse_ip(slice_cstr(text), &ip), OK);
    return ip;
}

static void give(struct whyjudge_names *n, const char *ip)
{
    n->asked = true;
    n->r = OK;
    n->nips = ip ? 1 : 0;
    n->rcode = ip ? 0 : 3;
    if (ip)
        n->ips[0] = address(ip);
}

static struct whyjudge_peer good_peer(const char *issuer)
{
    struct whyjudge_peer p = {.tried = true,
                              .secured = true,
                              .trusted = true,
                              .has_certificate = true,
                              .not_before_s = NOW - 10 * DAY_S,
                              .not_after_s = NOW + 50 * DAY_S};
    snprintf(p.issuer, sizeof(p.issuer), "%s", issuer);
    memcpy(p.leaf, issuer, strlen(issuer)); /* stands for the digest */
    return p;
}

static void healthy(struct whyjudge_measures *m)
{
    *m = (struct whyjudge_measures){.host = SLICE("site.example"),
                                    .tls_ok = true,
                                    .now_s = NOW,
                                    .built_s = NOW - 300 * DAY_S,
                                    .has_address = true,
                                    .target.end = SITE,
                                    .innocent.end = SITE,
                                    .large.end = SITE,
                                    .small_answer.end = SITE,
                                    .plain.end = WHYJUDGE_OPEN,
                                    .portal_tried = true,
                                    .portal_status = 204,
                                    .ncontrols = 1};
    give(&m->system, "198.51.100.1");
    give(&m->second, "198.51.100.1");
    give(&m->control_name, "203.0.113.1");
    m->random_name.asked = true;
    m->peer = good_peer("Public CA");
    m->innocent_peer = good_peer("Public CA");
    m->controls[0].own.end = m->controls[0].target.end = SITE;
    m->controls[0].own_peer = good_peer("Public CA 2");
}

static void fails(struct whyjudge_measures *m, enum whyjudge_end end)
{
    m->tls_ok = false;
    m->target.end = m->large.end = m->small_answer.end = end;
    m->peer = (struct whyjudge_peer){.tried = true, .timed_out = end == SILENT};
}

static void fails_for_all_names(struct whyjudge_measures *m, enum whyjudge_end end)
{
    fails(m, end);
    m->innocent.end = end;
    m->innocent_peer = m->peer;
}

static void bad_certificate(struct whyjudge_measures *m)
{
    m->tls_ok = false;
    m->peer = good_peer("Somebody");
    m->peer.trusted = false;
}

static void other_address(struct whyjudge_measures *m, enum whyjudge_end end)
{
    m->nothers = 1;
    m->other_ips[0] = address("198.51.100.2");
    m->others[0].end = end;
}

/* ---- the cases ---- */

static void nothing(struct whyjudge_measures *m)
{
    (void)m;
}

static void once(struct whyjudge_measures *m)
{
    m->tls_ok = false; /* the visit failed, and nothing of it is seen again */
}

static void unmeasured(struct whyjudge_measures *m)
{
    memset(m, 0, sizeof(*m));
    m->tls_ok = m->has_address = true;
}

static void refused(struct whyjudge_measures *m)
{
    fails_for_all_names(m, WHYJUDGE_REFUSED);
}

static void refused_everywhere(struct whyjudge_measures *m)
{
    refused(m);
    m->controls[0].own.end = WHYJUDGE_REFUSED;
}

static void reset_for_every_name(struct whyjudge_measures *m)
{
    fails_for_all_names(m, WHYJUDGE_CUT);
    m->target.by_reset = true;
}

static void filtered(struct whyjudge_measures *m)
{
    fails_for_all_names(m, DROPPED);
}

static void filtered_no_controls(struct whyjudge_measures *m)
{
    filtered(m);
    m->ncontrols = 0;
}

static void outbound(struct whyjudge_measures *m)
{
    filtered(m);
    m->controls[0].own.end = DROPPED;
}

static void outbound_hellos(struct whyjudge_measures *m)
{
    fails_for_all_names(m, WHYJUDGE_CUT);
    m->controls[0].own.end = WHYJUDGE_CUT;
}

static void offline(struct whyjudge_measures *m)
{
    outbound(m);
    m->plain.end = DROPPED;
    m->portal_status = 0;
    m->system.nips = 0;
    m->system.r = ERR_TIMEOUT;
}

static void prohibited(struct whyjudge_measures *m)
{
    fails_for_all_names(m, WHYJUDGE_PROHIBITED);
}

static void unreachable(struct whyjudge_measures *m)
{
    fails_for_all_names(m, WHYJUDGE_UNREACHABLE);
}

static void sni_reset(struct whyjudge_measures *m)
{
    fails(m, WHYJUDGE_CUT);
    m->controls[0].target.end = WHYJUDGE_CUT;
}

static void sni_reset_by_control(struct whyjudge_measures *m)
{
    sni_reset(m);
    m->innocent.end = WHYJUDGE_NOT_RUN;
}

static void sni_reset_elsewhere_unknown(struct whyjudge_measures *m)
{
    fails(m, WHYJUDGE_CUT);
    m->ncontrols = 0;
}

static void cut_by_this_server(struct whyjudge_measures *m)
{
    fails(m, WHYJUDGE_CUT); /* the name passes to the control */
}

static void cut_at_one_address(struct whyjudge_measures *m)
{
    sni_reset(m);
    other_address(m, SITE);
}

static void cut_at_both_addresses(struct whyjudge_measures *m)
{
    sni_reset(m);
    other_address(m, WHYJUDGE_CUT);
}

static void sni_drop(struct whyjudge_measures *m)
{
    fails(m, WHYJUDGE_UNACKED);
    m->controls[0].target.end = WHYJUDGE_UNACKED;
}

static void sni_drop_of_answers(struct whyjudge_measures *m)
{
    fails(m, SILENT);
    m->controls[0].target.end = SILENT;
}

static void silent_for_every_name(struct whyjudge_measures *m)
{
    fails_for_all_names(m, SILENT);
}

static void one_address_dropped(struct whyjudge_measures *m)
{
    filtered(m);
    other_address(m, SITE);
}

static void another_address_dropped(struct whyjudge_measures *m)
{
    other_address(m, DROPPED);
}

static void no_ipv6_here(struct whyjudge_measures *m)
{
    other_address(m, WHYJUDGE_UNREACHABLE);
}

static void mtu(struct whyjudge_measures *m)
{
    fails_for_all_names(m, SILENT);
    m->small_answer.end = SITE;
}

static void mtu_after_hello(struct whyjudge_measures *m)
{
    mtu(m);
    m->target.end = m->large.end = SITE;
}

static void large(struct whyjudge_measures *m)
{
    m->large.end = SILENT;
}

static void large_with_failure(struct whyjudge_measures *m)
{
    large(m); /* a client that sends a post-quantum share itself */
    m->tls_ok = false;
    m->peer = (struct whyjudge_peer){.tried = true, .alert = 0};
}

static void large_alert(struct whyjudge_measures *m)
{
    m->large.end = WHYJUDGE_ALERT; /* answered: not lost */
}

static void not_tls(struct whyjudge_measures *m)
{
    fails_for_all_names(m, WHYJUDGE_NOT_TLS);
}

static void not_tls_waits(struct whyjudge_measures *m)
{
    fails_for_all_names(m, SILENT);
    m->spoken.end = WHYJUDGE_NOT_TLS;
}

static void closes(struct whyjudge_measures *m)
{
    fails_for_all_names(m, WHYJUDGE_CUT);
}

static void page_for_this_name(struct whyjudge_measures *m)
{
    fails(m, WHYJUDGE_NOT_TLS);
}

static void alert(struct whyjudge_measures *m)
{
    fails(m, WHYJUDGE_ALERT);
}

static void client_certificate(struct whyjudge_measures *m)
{
    m->visit_alert = 116;
}

static void certificate(struct whyjudge_measures *m)
{
    bad_certificate(m);
}

static void private_ca(struct whyjudge_measures *m)
{
    bad_certificate(m);
    m->controls[0].target_peer = good_peer("Public CA 2");
    m->controls[0].target_peer.trusted = false; /* the control's own, for its own name */
}

static void by_name(struct whyjudge_measures *m)
{
    bad_certificate(m);
    m->controls[0].target_peer = m->peer;
}

static void everybody(struct whyjudge_measures *m)
{
    by_name(m);
    m->controls[0].own_peer = m->peer;
}

static void expired(struct whyjudge_measures *m)
{
    bad_certificate(m);
    m->peer.not_after_s = NOW - DAY_S;
    m->controls[0].has_date = m->portal_has_date = true;
}

static void clock_wrong(struct whyjudge_measures *m)
{
    expired(m);
    m->controls[0].skew_s = -30 * DAY_S;
    m->portal_skew_s = -30 * DAY_S + 5;
    m->peer.not_before_s = NOW - 40 * DAY_S;
}

static void one_clock_only(struct whyjudge_measures *m)
{
    clock_wrong(m);
    m->portal_has_date = false;
}

static void clocks_disagree(struct whyjudge_measures *m)
{
    clock_wrong(m);
    m->portal_skew_s = 0;
}

static void before_built(struct whyjudge_measures *m)
{
    expired(m);
    m->portal_has_date = false;
    m->now_s = m->built_s - DAY_S;
    m->peer.not_after_s = NOW + DAY_S;
}

static void clock_off_but_good(struct whyjudge_measures *m)
{
    m->controls[0].has_date = m->portal_has_date = true;
    m->controls[0].skew_s = m->portal_skew_s = DAY_S;
}

static void portal(struct whyjudge_measures *m)
{
    everybody(m);
    m->portal_replaced = true;
    m->portal_status = 302;
}

static void portal_but_good(struct whyjudge_measures *m)
{
    m->portal_replaced = true;
    m->portal_status = 302;
}

static void no_name(struct whyjudge_measures *m)
{
    unmeasured(m);
    m->tls_ok = m->has_address = false;
    give(&m->system, NULL);
    give(&m->second, NULL);
}

static void no_name_here(struct whyjudge_measures *m)
{
    no_name(m);
    give(&m->second, "198.51.100.1");
}

static void no_answer_for_this_name(struct whyjudge_measures *m)
{
    no_name_here(m);
    m->system.r = ERR_TIMEOUT;
    give(&m->control_name, "203.0.113.1");
}

static void resolver_down(struct whyjudge_measures *m)
{
    no_name_here(m);
    m->system.r = ERR_TIMEOUT;
}

static void false_address(struct whyjudge_measures *m)
{
    bad_certificate(m);
    give(&m->second, "203.0.113.99");
    m->second_differs = true;
    m->second_peer = good_peer("Public CA");
}

static void intercepted_and_other_address(struct whyjudge_measures *m)
{
    false_address(m);
    m->controls[0].target_peer = m->second_peer = m->peer;
}

static void bogon(struct whyjudge_measures *m)
{
    filtered(m);
    give(&m->system, "127.0.0.1");
    give(&m->second, "203.0.113.99");
    m->second_differs = true;
}

static void split_horizon(struct whyjudge_measures *m)
{
    give(&m->system, "10.0.0.1"); /* private, and its certificate is good */
    m->second_differs = true;
}

static void neighbour_address(struct whyjudge_measures *m)
{
    filtered(m);
    give(&m->second, "198.51.100.2");
    m->second_differs = true;
    m->second_peer = good_peer("Public CA");
    other_address(m, SITE);
}

static void throttled(struct whyjudge_measures *m)
{
    for (size_t i = 0; i < 2; i++) {
        m->speed[i] = (struct whyjudge_speed){32000, 4000000};
        m->innocent_speed[i] = (struct whyjudge_speed){60000, 20000};
    }
}

static void throttled_once(struct whyjudge_measures *m)
{
    throttled(m);
    m->speed[1] = m->innocent_speed[1];
}

static void slow_for_all(struct whyjudge_measures *m)
{
    throttled(m);
    memcpy(m->innocent_speed, m->speed, sizeof(m->speed));
}

static const struct row rows[] = {
    {"all is well", nothing, FACTS_VERDICT_OK},
    {"it failed once", once, FACTS_VERDICT_OK},
    {"nothing was measured", unmeasured, FACTS_VERDICT_OK},
    {"the clock is off, nothing depends on it", clock_off_but_good, FACTS_VERDICT_OK},
    {"a portal, but the visit works", portal_but_good, FACTS_VERDICT_OK},
    {"no IPv6 here", no_ipv6_here, FACTS_VERDICT_OK},
    {"split horizon", split_horizon, FACTS_VERDICT_OK},
    {"an alert to a large hello", large_alert, FACTS_VERDICT_OK},
    {"slow once", throttled_once, FACTS_VERDICT_OK},
    {"slow for every name", slow_for_all, FACTS_VERDICT_OK},
    {"closed port", refused, FACTS_VERDICT_REFUSED},
    {"reset after every hello", reset_for_every_name, FACTS_VERDICT_REFUSED},
    {"refused for every host", refused_everywhere, FACTS_VERDICT_OUTBOUND_FILTERED},
    {"dropped", filtered, FACTS_VERDICT_FILTERED},
    {"dropped, nobody to compare with", filtered_no_controls, FACTS_VERDICT_FILTERED},
    {"silent for every name", silent_for_every_name, FACTS_VERDICT_FILTERED},
    {"dropped for every host", outbound, FACTS_VERDICT_OUTBOUND_FILTERED},
    {"cut for every host", outbound_hellos, FACTS_VERDICT_OUTBOUND_FILTERED},
    {"offline", offline, FACTS_VERDICT_UNREACHABLE},
    {"no route", unreachable, FACTS_VERDICT_UNREACHABLE},
    {"no resolver", resolver_down, FACTS_VERDICT_UNREACHABLE},
    {"prohibited", prohibited, FACTS_VERDICT_ADMIN_PROHIBITED},
    {"reset by name", sni_reset, FACTS_VERDICT_SNI_RESET},
    {"reset by name, seen at the control", sni_reset_by_control, FACTS_VERDICT_SNI_RESET},
    {"reset by name, no control", sni_reset_elsewhere_unknown, FACTS_VERDICT_SNI_RESET},
    {"reset at both addresses", cut_at_both_addresses, FACTS_VERDICT_SNI_RESET},
    {"the name passes elsewhere", cut_by_this_server, FACTS_VERDICT_ADDRESS_SPECIFIC},
    {"reset at one address", cut_at_one_address, FACTS_VERDICT_ADDRESS_SPECIFIC},
    {"dropped at one address", one_address_dropped, FACTS_VERDICT_ADDRESS_SPECIFIC},
    {"another address is dropped", another_address_dropped, FACTS_VERDICT_ADDRESS_SPECIFIC},
    {"another address next door works", neighbour_address, FACTS_VERDICT_ADDRESS_SPECIFIC},
    {"hello dropped by name", sni_drop, FACTS_VERDICT_SNI_DROP},
    {"answer dropped by name", sni_drop_of_answers, FACTS_VERDICT_SNI_DROP},
    {"large answers lost", mtu, FACTS_VERDICT_MTU_HOLE},
    {"large answers lost behind the ServerHello", mtu_after_hello, FACTS_VERDICT_MTU_HOLE},
    {"large hello lost", large, FACTS_VERDICT_LARGE_HELLO},
    {"large hello lost, the visit too", large_with_failure, FACTS_VERDICT_LARGE_HELLO},
    {"another service", not_tls, FACTS_VERDICT_NOT_TLS},
    {"another service that waits", not_tls_waits, FACTS_VERDICT_NOT_TLS},
    {"closes after every hello", closes, FACTS_VERDICT_NOT_TLS},
    {"a page for this name only", page_for_this_name, FACTS_VERDICT_INTERCEPTED},
    {"alert", alert, FACTS_VERDICT_SERVER_ALERT},
    {"client certificate", client_certificate, FACTS_VERDICT_SERVER_ALERT},
    {"untrusted", certificate, FACTS_VERDICT_CERTIFICATE},
    {"untrusted, the control is itself", private_ca, FACTS_VERDICT_CERTIFICATE},
    {"expired", expired, FACTS_VERDICT_CERTIFICATE},
    {"expired, one host's clock", one_clock_only, FACTS_VERDICT_CERTIFICATE},
    {"expired, clocks disagree", clocks_disagree, FACTS_VERDICT_CERTIFICATE},
    {"clock", clock_wrong, FACTS_VERDICT_CLOCK_WRONG},
    {"clock before the release", before_built, FACTS_VERDICT_CLOCK_WRONG},
    {"interception by name", by_name, FACTS_VERDICT_INTERCEPTED},
    {"interception of all", everybody, FACTS_VERDICT_INTERCEPTED},
    {"interception at every address", intercepted_and_other_address, FACTS_VERDICT_INTERCEPTED},
    {"portal", portal, FACTS_VERDICT_CAPTIVE_PORTAL},
    {"no such name", no_name, FACTS_VERDICT_NO_SUCH_NAME},
    {"denied here only", no_name_here, FACTS_VERDICT_DNS_TAMPERED},
    {"no answer for this name only", no_answer_for_this_name, FACTS_VERDICT_DNS_TAMPERED},
    {"a false address", false_address, FACTS_VERDICT_DNS_TAMPERED},
    {"a bogon", bogon, FACTS_VERDICT_DNS_TAMPERED},
    {"slow by name", throttled, FACTS_VERDICT_THROTTLED},
};

static void test_rows(void **state)
{
    (void)state;
    bool seen[FACTS_VERDICTS] = {false};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct whyjudge_measures m;
        struct facts_why why;
        struct arena a;
        arena_init(&a, 64 * 1024);
        healthy(&m);
        rows[i].change(&m);
        whyjudge_run(&m, &a, &why);
        if (why.verdict != rows[i].verdict)
            fail_msg("%s: %s, wanted %s", rows[i].what, facts_verdict_text(why.verdict),
                     facts_verdict_text(rows[i].verdict));
        assert_true(why.ran);
        assert_true(why.next.n > 0);
        seen[why.verdict] = true;
        arena_done(&a);
    }
    for (size_t i = 0; i < FACTS_VERDICTS; i++)
        if (!seen[i])
            fail_msg("no row for %s", facts_verdict_text((enum facts_verdict)i));
}

/* Without memory there is a verdict and no evidence. */
static void test_no_memory(void **state)
{
    (void)state;
    struct whyjudge_measures m;
    struct facts_why why;
    struct arena a;
    arena_init(&a, 1);
    healthy(&m);
    sni_reset(&m);
    whyjudge_run(&m, &a, &why);
    assert_int_equal(why.verdict, FACTS_VERDICT_SNI_RESET);
    assert_int_equal(why.nevidence, 0);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
