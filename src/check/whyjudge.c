/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The rules, in the order in which one cause hides another: what lies nearer to us comes first. A
 * rule holds only by something that was measured. */
#include "check/whyjudge.h"

#include <string.h>

#include "check/whyevidence.h"

#define AGREE_S       300 /* clocks of two hosts that agree */
#define THROTTLE      10  /* times slower than another name, at the same time (Xue 2021) */
#define THROTTLE_US   1500000
#define HANDSHAKE_EST 4000 /* bytes of a handshake, so that small answers have a rate too */

static bool ran(const struct whyjudge_hello *h)
{
    return h->end > WHYJUDGE_OURS;
}

static bool not_connected(const struct whyjudge_hello *h)
{
    return h->end >= WHYJUDGE_REFUSED && h->end <= WHYJUDGE_NO_ANSWER;
}

/* TLS came back: the path and the name were let through. */
static bool works(const struct whyjudge_hello *h)
{
    return h->end == WHYJUDGE_ALERT || h->end == WHYJUDGE_HELLO;
}

/* Something happened to the hello, or to the answer to it. */
static bool stopped(const struct whyjudge_hello *h)
{
    return h->end == WHYJUDGE_CUT || h->end == WHYJUDGE_UNACKED || h->end == WHYJUDGE_SILENT;
}

static bool in_time(const struct whyjudge_peer *p, int64_t now_s)
{
    return !p->has_certificate || (p->not_before_s <= now_s && now_s <= p->not_after_s);
}

/* The newest whole handshake counts: a failure that does not come back has no cause to be found. */
static bool healthy(const struct whyjudge_measures *m)
{
    return m->peer.tried ? m->peer.trusted && in_time(&m->peer, m->now_s) : m->tls_ok;
}

static bool any_other_works(const struct whyjudge_measures *m)
{
    for (size_t i = 0; i < m->nothers; i++)
        if (works(&m->others[i]))
            return true;
    return false;
}

/* Every host elsewhere fails too; false without one. */
static bool all_controls_fail(const struct whyjudge_measures *m)
{
    size_t failed = 0, known = 0;
    for (size_t i = 0; i < m->ncontrols; i++) {
        known += ran(&m->controls[i].own);
        failed += not_connected(&m->controls[i].own) || stopped(&m->controls[i].own);
    }
    return known > 0 && failed == known;
}

/* Not one packet comes back from anywhere, not even on port 80. */
static bool nothing_comes_back(const struct whyjudge_measures *m)
{
    for (size_t i = 0; i < m->ncontrols; i++)
        if (ran(&m->controls[i].own) && m->controls[i].own.end != WHYJUDGE_NO_ANSWER)
            return false;
    return all_controls_fail(m) && m->target.end == WHYJUDGE_NO_ANSWER &&
           m->plain.end == WHYJUDGE_NO_ANSWER && m->portal_tried && m->portal_status == 0 &&
           m->system.nips == 0;
}

bool whyjudge_skew(const struct whyjudge_measures *m, int64_t *ret_s)
{
    int64_t all[WHYJUDGE_CONTROLS_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; i < m->ncontrols; i++)
        if (m->controls[i].has_date)
            all[n++] = m->controls[i].skew_s;
    if (m->portal_has_date)
        all[n++] = m->portal_skew_s;
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            if (all[i] - all[k] <= AGREE_S && all[k] - all[i] <= AGREE_S) {
                *ret_s = all[i];
                return true;
            }
    return false;
}

/* ---- names ---- */

static bool bogon(const struct ip *ip)
{
    bool v4 = cidr_is_v4(ip);
    uint8_t a = ip->bytes[12], b = ip->bytes[13];
    static const uint8_t any[16];
    if (cidr_is_private(ip) || memcmp(ip->bytes, any, 16) == 0)
        return true;
    return v4 && (a == 0 || a == 127 || a >= 224 || (a == 100 && (b & 0xc0) == 64));
}

static bool has_ip(const struct whyjudge_names *n, const struct ip *ip)
{
    for (size_t i = 0; i < n->nips; i++)
        if (memcmp(n->ips[i].bytes, ip->bytes, 16) == 0)
            return true;
    return false;
}

/* "There is no such name" or "it has no address". */
static bool denies(const struct whyjudge_names *n)
{
    return n->asked && n->r == OK && n->nips == 0;
}

/* Addresses of one operator are usually near one another: /16, or /32 of IPv6. */
static bool near(const struct ip *a, const struct ip *b)
{
    if (cidr_is_v4(a) != cidr_is_v4(b))
        return true; /* no comparison */
    return memcmp(a->bytes, b->bytes, cidr_is_v4(a) ? 14 : 4) == 0;
}

static bool is_no_such_name(const struct whyjudge_measures *m)
{
    return !m->has_address && !m->name_fixed && denies(&m->system) && m->second.nips == 0;
}

static bool is_dns_tampered(const struct whyjudge_measures *m)
{
    const struct whyjudge_names *sys = &m->system, *second = &m->second;
    bool control_resolves = m->control_name.nips > 0;
    if (m->name_fixed || !second->nips)
        return false;
    if (!m->has_address && sys->asked)
        return denies(sys) || (sys->r != OK && control_resolves);
    if (healthy(m) || !sys->nips || !m->second_differs)
        return false;
    if (bogon(&sys->ips[0]) && !bogon(&second->ips[0]))
        return true;
    bool somebody_else = m->peer.has_certificate || m->target.end == WHYJUDGE_NOT_TLS ||
                         m->target.end == WHYJUDGE_ALERT || !near(&sys->ips[0], &second->ips[0]) ||
                         has_ip(&m->random_name, &sys->ips[0]);
    return m->second_peer.trusted && somebody_else;
}

static bool is_resolver_down(const struct whyjudge_measures *m)
{
    return !m->has_address && !m->name_fixed && m->system.asked && m->system.r != OK;
}

/* ---- this network and this computer ---- */

static bool is_captive_portal(const struct whyjudge_measures *m)
{
    return !healthy(m) && m->portal_replaced;
}

static bool is_clock_wrong(const struct whyjudge_measures *m)
{
    const struct whyjudge_peer *p = &m->peer;
    int64_t skew_s = 0;
    if (healthy(m) || !p->has_certificate || in_time(p, m->now_s))
        return false;
    if (whyjudge_skew(m, &skew_s))
        return (skew_s > AGREE_S || skew_s < -AGREE_S) && in_time(p, m->now_s + skew_s);
    return m->now_s < m->built_s && p->not_after_s >= m->built_s;
}

/* ---- connecting ---- */

static bool is_prohibited(const struct whyjudge_measures *m)
{
    return m->target.end == WHYJUDGE_PROHIBITED;
}

static bool is_one_address(const struct whyjudge_measures *m)
{
    return (not_connected(&m->target) || stopped(&m->target)) && any_other_works(m);
}

static bool is_offline(const struct whyjudge_measures *m)
{
    return m->target.end == WHYJUDGE_UNREACHABLE || nothing_comes_back(m);
}

static bool is_outbound(const struct whyjudge_measures *m)
{
    bool lost = m->target.end == WHYJUDGE_NO_ANSWER || m->target.end == WHYJUDGE_REFUSED ||
                (stopped(&m->target) && !works(&m->innocent));
    return lost && all_controls_fail(m);
}

static bool is_refused(const struct whyjudge_measures *m)
{
    return m->target.end == WHYJUDGE_REFUSED;
}

static bool is_filtered(const struct whyjudge_measures *m)
{
    return m->target.end == WHYJUDGE_NO_ANSWER;
}

/* ---- the hello ---- */

/* A name that passes at the same address does not share the fate. */
static bool keyed_on_name(const struct whyjudge_measures *m)
{
    if (works(&m->innocent))
        return true;
    for (size_t i = 0; i < m->ncontrols; i++)
        if (works(&m->controls[i].own) && stopped(&m->controls[i].target))
            return true;
    return false;
}

/* The same name passes to somebody else: whoever stops it sits at this address. */
static bool name_passes_elsewhere(const struct whyjudge_measures *m)
{
    bool passes = false;
    for (size_t i = 0; i < m->ncontrols; i++) {
        if (stopped(&m->controls[i].target))
            return false;
        passes |= works(&m->controls[i].target);
    }
    return passes;
}

static bool stuck_handshake(const struct whyjudge_measures *m)
{
    return m->target.end == WHYJUDGE_HELLO && m->peer.tried && !m->peer.secured &&
           m->peer.timed_out;
}

static bool is_mtu_hole(const struct whyjudge_measures *m)
{
    bool lost = m->target.end == WHYJUDGE_SILENT || stuck_handshake(m);
    return lost && works(&m->small_answer) && !m->innocent_peer.secured;
}

static bool is_this_server(const struct whyjudge_measures *m)
{
    return stopped(&m->target) && keyed_on_name(m) && name_passes_elsewhere(m);
}

static bool is_sni_reset(const struct whyjudge_measures *m)
{
    return m->target.end == WHYJUDGE_CUT && keyed_on_name(m);
}

static bool is_sni_drop(const struct whyjudge_measures *m)
{
    return (stopped(&m->target) && keyed_on_name(m)) ||
           (stuck_handshake(m) && m->innocent_peer.secured);
}

static bool is_injected(const struct whyjudge_measures *m)
{
    return m->target.end == WHYJUDGE_NOT_TLS && works(&m->innocent);
}

static bool is_not_tls(const struct whyjudge_measures *m)
{
    bool ended = m->target.end == WHYJUDGE_CUT && !m->target.by_reset;
    bool speaks = stopped(&m->target) && m->spoken.end == WHYJUDGE_NOT_TLS;
    return m->target.end == WHYJUDGE_NOT_TLS || speaks || ended;
}

static bool is_reset_for_all(const struct whyjudge_measures *m)
{
    return m->target.end == WHYJUDGE_CUT;
}

static bool is_silent_for_all(const struct whyjudge_measures *m)
{
    return stopped(&m->target) || stuck_handshake(m);
}

static bool is_large_hello(const struct whyjudge_measures *m)
{
    return m->target.end == WHYJUDGE_HELLO && stopped(&m->large);
}

/* ---- the handshake ---- */

static bool is_server_alert(const struct whyjudge_measures *m)
{
    if (m->visit_alert)
        return true;
    return !healthy(m) && !m->peer.has_certificate &&
           (m->target.end == WHYJUDGE_ALERT || m->peer.alert);
}

static bool same_issuer(const struct whyjudge_peer *a, const struct whyjudge_peer *b)
{
    if (!a->has_certificate || !b->has_certificate)
        return false;
    return memcmp(a->leaf, b->leaf, sizeof(a->leaf)) == 0 ||
           (a->issuer[0] && strcmp(a->issuer, b->issuer) == 0);
}

static bool is_intercepted(const struct whyjudge_measures *m)
{
    const struct whyjudge_peer *p = &m->peer;
    if (!p->has_certificate || p->trusted)
        return false;
    for (size_t i = 0; i < m->ncontrols; i++) {
        const struct whyjudge_control *c = &m->controls[i];
        bool by_name = same_issuer(p, &c->target_peer) && c->own_peer.trusted;
        bool everybody = same_issuer(p, &c->own_peer) && !c->own_peer.trusted;
        if (by_name || everybody)
            return true;
    }
    return false;
}

static bool is_certificate(const struct whyjudge_measures *m)
{
    return m->peer.has_certificate && !healthy(m);
}

/* ---- works, but not well ---- */

static double rate(const struct whyjudge_speed *s)
{
    return s->took_us ? (double)(s->bytes + HANDSHAKE_EST) / (double)s->took_us : 0;
}

static bool is_throttled(const struct whyjudge_measures *m)
{
    for (size_t i = 0; i < 2; i++) {
        const struct whyjudge_speed *t = &m->speed[i], *other = &m->innocent_speed[i];
        if (t->took_us < THROTTLE_US || other->took_us == 0 || rate(t) * THROTTLE > rate(other))
            return false;
    }
    return true;
}

static bool is_another_address(const struct whyjudge_measures *m)
{
    for (size_t i = 0; healthy(m) && i < m->nothers; i++)
        if (stopped(&m->others[i]) || m->others[i].end == WHYJUDGE_NO_ANSWER ||
            m->others[i].end == WHYJUDGE_REFUSED || m->others[i].end == WHYJUDGE_PROHIBITED)
            return true;
    return false;
}

static bool always(const struct whyjudge_measures *m)
{
    return m != NULL;
}

static const struct {
    bool (*holds)(const struct whyjudge_measures *m);
    enum facts_verdict verdict;
} rules[] = {
    {is_captive_portal, FACTS_VERDICT_CAPTIVE_PORTAL},
    {is_clock_wrong, FACTS_VERDICT_CLOCK_WRONG},
    {is_no_such_name, FACTS_VERDICT_NO_SUCH_NAME},
    {is_dns_tampered, FACTS_VERDICT_DNS_TAMPERED},
    {is_resolver_down, FACTS_VERDICT_UNREACHABLE},
    {is_prohibited, FACTS_VERDICT_ADMIN_PROHIBITED},
    {is_one_address, FACTS_VERDICT_ADDRESS_SPECIFIC},
    {is_offline, FACTS_VERDICT_UNREACHABLE},
    {is_outbound, FACTS_VERDICT_OUTBOUND_FILTERED},
    {is_refused, FACTS_VERDICT_REFUSED},
    {is_filtered, FACTS_VERDICT_FILTERED},
    {is_injected, FACTS_VERDICT_INTERCEPTED},
    {is_mtu_hole, FACTS_VERDICT_MTU_HOLE},
    {is_this_server, FACTS_VERDICT_ADDRESS_SPECIFIC},
    {is_sni_reset, FACTS_VERDICT_SNI_RESET},
    {is_sni_drop, FACTS_VERDICT_SNI_DROP},
    {is_not_tls, FACTS_VERDICT_NOT_TLS},
    {is_reset_for_all, FACTS_VERDICT_REFUSED},
    {is_silent_for_all, FACTS_VERDICT_FILTERED},
    {is_large_hello, FACTS_VERDICT_LARGE_HELLO},
    {is_server_alert, FACTS_VERDICT_SERVER_ALERT},
    {is_intercepted, FACTS_VERDICT_INTERCEPTED},
    {is_certificate, FACTS_VERDICT_CERTIFICATE},
    {is_throttled, FACTS_VERDICT_THROTTLED},
    {is_another_address, FACTS_VERDICT_ADDRESS_SPECIFIC},
    {always, FACTS_VERDICT_OK},
};

void whyjudge_run(const struct whyjudge_measures *m, struct arena *a, struct facts_why *ret)
{
    size_t i = 0;
    while (!rules[i].holds(m))
        i++;
    *ret = (struct facts_why){.ran = true, .verdict = rules[i].verdict};
    ret->next = slice_cstr(whyjudge_next(ret->verdict));
    whyevidence_write(m, a, ret);
}

static const char *const nexts[FACTS_VERDICTS] = {
    [FACTS_VERDICT_OK] = "Nothing to do; if it fails now and then, run this again when it does.",
    [FACTS_VERDICT_REFUSED] = "On the server: is the service running and listening on this port? "
                              "If it is, look for a firewall rule that rejects.",
    [FACTS_VERDICT_FILTERED] = "Ask whoever runs the server's firewall to open this port; other "
                               "hosts are reached from here.",
    [FACTS_VERDICT_OUTBOUND_FILTERED] =
        "Ask the administrator of this network to allow outgoing connections on this port, or for "
        "the proxy to use (--proxy).",
    [FACTS_VERDICT_ADMIN_PROHIBITED] =
        "Ask whoever runs the router that answered to allow this address and port.",
    [FACTS_VERDICT_SNI_RESET] = "The server is fine: report to this network's operator that "
                                "connections naming this host are reset; compare from another "
                                "network.",
    [FACTS_VERDICT_SNI_DROP] = "The server is fine: report to this network's operator that hellos "
                               "naming this host are dropped; compare from another network.",
    [FACTS_VERDICT_ADDRESS_SPECIFIC] =
        "Repair this address or take it out of DNS; the others need no change.",
    [FACTS_VERDICT_INTERCEPTED] =
        "Do not accept the certificate. If the issuer shown is your own company's or antivirus's, "
        "install its root; if not, use another network.",
    [FACTS_VERDICT_DNS_TAMPERED] =
        "Use another name server (the one that was compared with gives a working address).",
    [FACTS_VERDICT_CAPTIVE_PORTAL] = "Open any http:// page in a browser and log in to this "
                                     "network.",
    [FACTS_VERDICT_NOT_TLS] = "On the server: configure TLS on this port, or look which service "
                              "took it.",
    [FACTS_VERDICT_MTU_HOLE] = "Let ICMP 'fragmentation needed' through, or lower the MTU (or "
                               "clamp the MSS) of the tunnel on the path.",
    [FACTS_VERDICT_LARGE_HELLO] =
        "Update the server or the firewall in front of it: it must read a ClientHello that comes "
        "in two packets (browsers with post-quantum key exchange send one).",
    [FACTS_VERDICT_THROTTLED] =
        "Report the two speeds to this network's operator; compare from another network.",
    [FACTS_VERDICT_CLOCK_WRONG] = "Set this computer's clock.",
    [FACTS_VERDICT_CERTIFICATE] = "Install a certificate on the server that is valid for this "
                                  "name, with its whole chain.",
    [FACTS_VERDICT_SERVER_ALERT] = "Look into the server's configuration: name, versions, suites, "
                                   "client certificate; its log names the reason.",
    [FACTS_VERDICT_UNREACHABLE] = "Check this computer's network: address, gateway, route and name "
                                  "server.",
    [FACTS_VERDICT_NO_SUCH_NAME] = "Check the spelling of the name, or add it to DNS.",
};

const char *whyjudge_next(enum facts_verdict v)
{
    return nexts[v];
}

static const char *const ends[] = {
    [WHYJUDGE_NOT_RUN] = "not tried",
    [WHYJUDGE_OURS] = "this computer ran out of sockets or memory",
    [WHYJUDGE_REFUSED] = "the connection is refused",
    [WHYJUDGE_PROHIBITED] = "administratively prohibited",
    [WHYJUDGE_UNREACHABLE] = "no route",
    [WHYJUDGE_NO_ANSWER] = "no answer to connecting",
    [WHYJUDGE_OPEN] = "it connects",
    [WHYJUDGE_CUT] = "the connection is cut after the hello",
    [WHYJUDGE_UNACKED] = "the hello is lost",
    [WHYJUDGE_SILENT] = "the hello arrives, but no answer comes back",
    [WHYJUDGE_NOT_TLS] = "the answer is not TLS",
    [WHYJUDGE_ALERT] = "a TLS alert comes back",
    [WHYJUDGE_HELLO] = "a ServerHello comes back",
};

const char *whyjudge_end_words(enum whyjudge_end end)
{
    return ends[end];
}
