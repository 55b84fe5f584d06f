# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Turns measurements into results.json and RESULTS.md: medians, spreads, ratios, goals met or not."""

import json
import os
import re
import statistics

OURS = "port443"
LATENCY_KEYS = ("h1_static_paced", "h1_proxied_paced", "h2_static_paced")


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "?")
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) >> 20
    system = os.uname()
    return {"cpu": model, "cores": os.cpu_count(), "memory_gib": memory, "kernel": system.release}


def values(samples, row, server):
    return [s["value"] for s in samples.get(row.key, {}).get(server, []) if s]


def paired_ratio(samples, row, server, reference):
    """The median over the rounds of server / reference: what the noise of the machine spares."""
    pairs = zip(samples[row.key].get(server, []), samples[row.key].get(reference, []))
    ratios = [a["value"] / b["value"] for a, b in pairs if a and b and b["value"] > 0]
    return statistics.median(ratios) if ratios else None


def best_peer(samples, row, names):
    medians = {n: statistics.median(v) for n in names if n != OURS and (v := values(samples, row, n))}
    return min(medians, key=medians.get) if medians else None


def judge(samples, row, names):
    """The ratios of one row, and whether its goal is met (None: no goal, or not measured)."""
    best = best_peer(samples, row, names)
    reference = best if row.against == "best" else row.against
    out = {"best_peer": best, "ratio_to_best": None, "ratio_to_nginx": None, "goal": row.goal or None,
           "against": reference, "met": None}
    if not values(samples, row, OURS):
        return out
    if best:
        out["ratio_to_best"] = paired_ratio(samples, row, OURS, best)
    if values(samples, row, "nginx"):
        out["ratio_to_nginx"] = paired_ratio(samples, row, OURS, "nginx")
    against = paired_ratio(samples, row, OURS, reference) if reference else None
    if row.goal and against is not None:
        out["met"] = against <= row.goal
    return out


def number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def cell(found):
    if not found:
        return "-"
    return f"{number(statistics.median(found))} ({number(min(found))}..{number(max(found))})"


def ratio(value):
    return "-" if value is None else f"{value:.2f}"


def table(head, lines):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] + ["| " + " | ".join(x) + " |" for x in lines]


def cost_table(facts, rows, samples, names):
    lines = []
    for row in rows:
        verdict = judge(samples, row, names)
        goal = f"<= {row.goal:.2f} of {verdict['against'] or row.against}" if row.goal else "-"
        met = {True: "met", False: "NOT met", None: "-"}[verdict["met"]]
        lines.append([f"{row.title} ({row.unit})"] + [cell(values(samples, row, n)) for n in names] +
                     [ratio(verdict["ratio_to_best"]), ratio(verdict["ratio_to_nginx"]), goal, met])
    return table(["row"] + list(names) + ["to best peer", "to nginx", "goal", ""], lines)


def latency_table(rows, samples, names):
    lines = []
    for row in rows:
        if row.key not in LATENCY_KEYS:
            continue
        for quantile in ("p50_us", "p99_us", "p999_us"):
            cells = []
            for name in names:
                found = [s[quantile] for s in samples.get(row.key, {}).get(name, []) if s]
                cells.append(cell(found))
            lines.append([row.title, quantile[:-3]] + cells)
    return table(["row", "us"] + list(names), lines) if lines else []


def suites(samples, names):
    found = {}
    for name in names:
        for key in ("full", "h1_static", "h1_proxied"):
            taken = [s for s in samples.get(key, {}).get(name, []) if s]
            if taken:
                found[name] = f"{taken[-1]['suite']}, {taken[-1]['group']}"
                break
    return found


KEPT = ("value", "busy", "ops", "seconds", "p50_us", "p99_us", "p999_us")


def compact(sample):
    return {k: round(sample[k], 3) for k in KEPT} if sample else None


def write(out, facts, rows, samples, names, failures):
    document = dict(facts, rows={r.key: {
        "title": r.title, "unit": r.unit, **judge(samples, r, names),
        "servers": {n: [compact(s) for s in samples.get(r.key, {}).get(n, [])] for n in names}} for r in rows},
        failures=failures)
    text = json.dumps(document, indent=1)
    # One measurement a line: small, and a diff of two runs can be read.
    text = re.sub(r"\{\s+(\"value\"[^}]*?)\s+\}", lambda m: "{" + re.sub(r"\s+", " ", m.group(1)) + "}", text)
    (out / "results.json").write_text(text + "\n")
    m = facts["machine"]
    text = [
        "# Results", "",
        "Written by `make bench`; how to read it and what is fair: [README.md](README.md).", "",
        f"- Date: {facts['date']}; commit {facts['commit']}; {facts['rounds']} interleaved rounds",
        f"- Machine: {m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, Linux {m['kernel']}; "
        f"load average before {facts['load_before']}, after {facts['load_after']}"
        + ("" if facts["load_before"] < 0.7 else " (the machine was NOT quiet: only the ratios hold, roughly)"),
    ]
    negotiated = suites(samples, names)
    text += [f"- {n}: {facts['versions'][n]}" + (f"; {negotiated[n]}" if n in negotiated else "") for n in names]
    text += ["", "## Cost on the server", "",
             "Median (minimum..maximum) of server CPU per operation, or of memory per connection. "
             "A ratio is port443 divided by the peer, in the median round.", ""]
    text += cost_table(facts, rows, samples, names)
    latency = latency_table(rows, samples, names)
    if latency:
        text += ["", "## Latency, open loop, from the intended send time", ""] + latency
    stolen = [f for f in failures if "stolen" in f]
    wrong = [f for f in failures if "stolen" not in f]
    if stolen:
        text += ["", f"{len(stolen)} measurements were repeated because the host took time away."]
    if wrong:
        text += ["", "## Measurements that failed", ""] + [f"- {f}" for f in wrong]
    (out / "RESULTS.md").write_text("\n".join(text) + "\n")
