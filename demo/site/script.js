"use strict";
/* Fills the page with the visitor's own connection: the server's view from /connection.json, the times from the browser. */

const byId = id => document.getElementById(id);

function fact(name, text) {
  for (const e of document.querySelectorAll(`[data-fact="${name}"]`)) e.textContent = text;
}

function trouble(text) {
  byId("trouble").textContent = text;
  byId("trouble").hidden = false;
}

const ms = x => x < 0.05 ? "under 0.1 ms" : x < 10 ? `${x.toFixed(1)} ms` : `${Math.round(x)} ms`;

/* Milliseconds of the four steps that are over, or null where the browser used what it had already. */
function times(entry) {
  const name = entry.domainLookupEnd - entry.domainLookupStart;
  const kept = !entry.secureConnectionStart || entry.connectEnd <= entry.connectStart;
  return [
    kept ? null : name,
    kept ? null : entry.secureConnectionStart - entry.connectStart,
    kept ? null : entry.connectEnd - entry.secureConnectionStart,
    entry.responseEnd - entry.requestStart,
  ];
}

function showTimes(entry) {
  const steps = times(entry);
  const total = steps.reduce((sum, x) => sum + (x ?? 0), 0);
  const bars = byId("waterfall").children;
  steps.forEach((x, i) => {
    byId(`ms-${i + 1}`).textContent = x === null ? "0 ms: kept from your last request" : ms(x);
    bars[i].style.flexGrow = total > 0 ? (x ?? 0) / total * 100 : 1;
  });
  const names = ["name", "TCP", "TLS", "HTTP"];
  byId("waterfall").setAttribute("aria-label", steps.map((x, i) => `${names[i]} ${ms(x ?? 0)}`).join(", "));
  byId("total").textContent = steps[1] === null
    ? `${ms(total)} in all: your browser still had a connection, so only the request itself took time.`
    : `${ms(total)} from the name to the last byte of this page.`;
  fact("status", entry.responseStatus || 200);
  fact("bytes", entry.encodedBodySize ? `${entry.encodedBodySize} bytes of HTML` : "unchanged, you had it");
  const since = performance.timeOrigin + (entry.connectStart || entry.requestStart);
  const tick = () => { byId("age").textContent = Math.max(0, Math.round((Date.now() - since) / 1000)); };
  tick();
  setInterval(tick, 1000);
}

function days(n) {
  return n === 1 ? "1 day" : `${n} days`;
}

function showCertificate(c) {
  if (!c) return;
  fact("subject", c.subject);
  fact("issuer", c.issuer + (c.local_ca ? " (this machine's own)" : ""));
  fact("key", c.key);
  fact("until", `${new Date(c.not_after * 1000).toISOString().slice(0, 10)}, ${days(c.days_left)} left`);
  byId("chip-days").textContent = `${days(c.days_left)} left`;
}

function showConnection(c) {
  const t = c.tls;
  const resumed = t.resumed ? "yes, by a ticket" : "no, a full handshake";
  byId("version").textContent = t.version;
  byId("chip-http").textContent = c.http;
  byId("chip-group").textContent = t.group;
  byId("chip-suite").textContent = t.suite;
  byId("chip-resumed").textContent = t.resumed ? "resumed" : "new";
  for (const name of ["version", "suite", "group"]) fact(name, t[name]);
  fact("alpn", t.alpn || "none");
  fact("sni", t.sni || "(no name)");
  fact("resumed", resumed);
  fact("client", c.client);
  fact("client_port", c.client_port);
  fact("http", c.http);
  fact("count", `${c.request_on_connection} requests on this connection`);
  if (t.resumed) {
    byId("proof").textContent = "proof that it knows your ticket";
    byId("tls-story").textContent = "Your browser was here before: a ticket stands for the certificate, with fresh keys all the same.";
  }
  showCertificate(c.certificate);
  byId("chips").setAttribute("aria-busy", "false");
}

function row(name, value) {
  const tr = document.createElement("tr");
  for (const [tag, text] of [["th", name], ["td", value]]) {
    const cell = document.createElement(tag);
    if (tag === "th") cell.scope = "row";
    cell.textContent = text;
    tr.append(cell);
  }
  return tr;
}

function showReceived(a) {
  byId("received").replaceChildren(row("request", a.request), ...Object.entries(a.fields).map(([k, v]) => row(k, v)),
    row("answered by", a.process), row("requests so far", a.served));
}

async function json(url) {
  const r = await fetch(url, { cache: "no-store" });
  if (!r.ok) throw new Error(`${url}: status ${r.status}`);
  return r.json();
}

async function echo(event) {
  event.preventDefault();
  const start = performance.now();
  try {
    const r = await fetch("/app/echo", { method: "POST", body: byId("word").value, headers: { "Content-Type": "text/plain" } });
    const text = await r.text();
    byId("echoed").textContent = r.ok ? `It answered “${text}” after ${ms(performance.now() - start)}.` : `Status ${r.status}.`;
    showReceived(await json("/app/"));
  } catch (e) {
    byId("echoed").textContent = `No answer: ${e.message}`;
  }
}

function showPlain(p) {
  const link = new URL(p.asked);
  link.hostname = location.hostname;
  byId("asked").textContent = p.asked;
  byId("plain").textContent = p.answer;
  byId("plain-link").href = link.href;
}

/* The comments at the top of the file are for its readers in the tree. */
async function showConfiguration() {
  const r = await fetch("/config/port443.yaml");
  if (!r.ok) throw new Error(`the configuration: status ${r.status}`);
  byId("conf").textContent = (await r.text()).replace(/^(#.*\n)+/, "").trimEnd();
}

async function main() {
  const page = performance.getEntriesByType("navigation")[0];
  fact("name", location.hostname);
  fact("port", location.port || "443");
  fact("path", location.pathname + location.search);
  byId("came").hidden = !location.search.includes("from=http");
  byId("echo").addEventListener("submit", echo);
  if (page) showTimes(page);
  const parts = [
    json("/connection.json").then(showConnection),
    json("/app/").then(showReceived),
    json("/app/plain").then(showPlain),
    showConfiguration(),
  ];
  for (const r of await Promise.allSettled(parts))
    if (r.status === "rejected") trouble(`A part of the page is missing: ${r.reason.message}`);
}

addEventListener("load", main);
