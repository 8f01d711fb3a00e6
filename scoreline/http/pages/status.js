"use strict";
// Refreshes what the page shows with /status every two seconds. An answer is made into a document that nothing runs in,
// and only what differs is taken over from it: focus, scroll and what was opened stay as they are.

const EVERY_MS = 2000;
const PATIENCE_MS = 8000;
const KEPT = "scoreline-token";
// Where the browser refuses to keep it (storage that is blocked for a site) the token lasts as long as the page is open.
const store = {
  token: null,
  get() {
    try { return sessionStorage.getItem(KEPT) ?? this.token; } catch { return this.token; }
  },
  set(token) {
    try { sessionStorage.setItem(KEPT, token); } catch { this.token = token; }
  },
  forget() {
    this.token = null;
    try { sessionStorage.removeItem(KEPT); } catch { /* there is nothing kept */ }
  },
};
const find = (id) => document.getElementById(id);
const policy = window.trustedTypes?.createPolicy("scoreline-status", { createHTML: (text) => text });
// Relative to this page, so that a prefix that a proxy takes away stays in front.
const address = new URL("status", new URL(".", location.href));
let etag = null;
let timer = null;
let paused = false;
let asked = 0;

function parse(text) {
  return new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, "text/html").body;
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || node.dataset.key || null : null);
const fits = (node, other) => node.nodeName === other.nodeName && keyOf(node) === keyOf(other);

function takeAttributes(element, fresh) {
  for (const { name } of [...element.attributes]) {
    if (!fresh.hasAttribute(name) && name !== "open") element.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
}

function take(node, fresh) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.data !== fresh.data) node.data = fresh.data;
    return;
  }
  takeAttributes(node, fresh);
  takeChildren(node, fresh);
}

function takeChildren(parent, fresh) {
  const keyed = new Map([...parent.childNodes].filter(keyOf).map((child) => [keyOf(child), child]));
  let at = parent.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const key = keyOf(wanted);
    let found = key ? keyed.get(key) : at;
    if (!key) while (found && !fits(found, wanted)) found = found.nextSibling;
    if (found && fits(found, wanted)) {
      if (found === at) at = at.nextSibling;
      else parent.insertBefore(found, at);
      take(found, wanted);
    } else {
      parent.insertBefore(document.importNode(wanted, true), at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function show(text) {
  const focused = document.activeElement;
  takeChildren(find("content"), parse(text));
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  document.title = `${find("headline").textContent} scoreline`;
}

function say(headline, detail) {
  etag = null; // so that the next answer brings the whole picture, and with it the headline
  document.body.classList.add("stale");
  const shown = find("headline");
  if (shown.textContent !== headline) shown.textContent = headline;
  shown.className = "bad";
  document.title = `${headline} scoreline`;
  find("state").textContent = detail;
}

function tellTime() {
  return `${new Date().toISOString().slice(11, 19)} UTC`; // as all other times of the page
}

function askForToken(words) {
  store.forget();
  etag = null;
  const nothing = document.createElement("h1");
  nothing.id = "headline";
  nothing.className = "none";
  nothing.setAttribute("aria-live", "polite");
  nothing.setAttribute("aria-atomic", "true");
  nothing.textContent = words;
  const holder = document.createElement("main");
  holder.append(nothing);
  takeChildren(find("content"), holder);
  document.title = "scoreline";
  find("state").textContent = "";
  find("door").hidden = false;
  find("forget").hidden = find("pause").hidden = true;
}

async function refresh() {
  clearTimeout(timer);
  const turn = ++asked;
  const token = store.get();
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (etag) headers["If-None-Match"] = etag;
  let again = true;
  try {
    const response = await fetch(address, { headers, signal: AbortSignal.timeout(PATIENCE_MS) });
    const text = response.status === 200 ? await response.text() : "";
    if (turn !== asked) return;
    again = receive(response, text, token);
  } catch (error) {
    if (turn !== asked) return;
    say("The service does not answer.", `No answer at ${tellTime()}: ${error.message}. What is below is older.`);
  }
  if (again) plan();
}

// Whether to ask again by itself.
function receive(response, text, token) {
  if (response.status === 401) {
    askForToken(token ? "The token is not known here." : "This service asks for a token.");
    find("token").focus();
    return false;
  }
  if (response.status !== 200 && response.status !== 304) {
    say("The service does not show how it stands.", `${response.status} at ${tellTime()}. What is below is older.`);
    return true;
  }
  if (response.status === 200) {
    etag = response.headers.get("ETag");
    show(text);
  }
  document.body.classList.remove("stale");
  find("door").hidden = true;
  find("pause").hidden = false;
  find("forget").hidden = !token;
  find("state").textContent = `as of ${tellTime()}`;
  return true;
}

function plan() {
  clearTimeout(timer);
  if (!paused && !document.hidden) timer = setTimeout(refresh, EVERY_MS);
}

find("pause").addEventListener("click", () => {
  paused = !paused;
  find("pause").setAttribute("aria-pressed", String(paused));
  if (paused) {
    asked += 1; // so that an answer that is on its way changes nothing
    clearTimeout(timer);
    find("state").textContent = `paused at ${tellTime()}`;
  } else refresh();
});
find("forget").addEventListener("click", () => {
  asked += 1;
  clearTimeout(timer);
  askForToken("This service asks for a token.");
  find("token").focus();
});
find("door").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = find("token").value.trim();
  find("token").value = "";
  if (token) store.set(token);
  refresh();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else if (!paused && find("door").hidden) refresh();
});
refresh();
