"use strict";
// Shows /openapi.json and asks what it tells of. All that comes from a server becomes text, never markup.

const find = (id) => document.getElementById(id);
const BODY_METHODS = new Set(["post", "put", "patch"]);
const MOST_SHOWN = 200000;
let spec = null;

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function resolve(value) {
  while (value && value.$ref) {
    value = value.$ref.slice(2).split("/").reduce((at, key) => at[key.replaceAll("~1", "/").replaceAll("~0", "~")], spec);
  }
  return value;
}

const nameOf = (schema) => schema.$ref.split("/").pop();

// A schema in a line: string or null, array of Instance, one of "UA" | "AA".
function describe(schema) {
  if (schema === true || schema === undefined) return "anything";
  if (schema.$ref) return nameOf(schema);
  if (schema.anyOf) return schema.anyOf.map(describe).join(" or ");
  if (schema.allOf) return schema.allOf.filter((part) => part.$ref || part.type).map(describe).join(" and ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return `array of ${describe(schema.items)}`;
  if (schema.type === "object" && schema.additionalProperties && !schema.properties) {
    return `object of ${describe(schema.additionalProperties)}`;
  }
  const types = schema.type === undefined ? "anything" : [].concat(schema.type).join(" or ");
  const bounds = [
    schema.minimum === undefined ? null : `from ${schema.minimum}`,
    schema.maximum === undefined ? null : `to ${schema.maximum}`,
    schema.pattern === undefined ? null : `like ${schema.pattern}`,
  ].filter(Boolean);
  return [types, ...bounds].join(" ");
}

// Text with `code` in it.
function tell(text) {
  return (text ?? "").split("`").map((part, i) => (i % 2 ? make("code", {}, part) : part));
}

// A description in which names of types lead to them.
function lead(text) {
  const types = spec.components?.schemas ?? {};
  return text.split(/\b([A-Z]\w*)\b/).map((part) => {
    if (!Object.hasOwn(types, part)) return part;
    return make("a", { href: `#type-${part}`, onclick: () => (find(`type-${part}`).open = true) }, part);
  });
}

// A value to begin with: every feature with null, or with the simplest value that it may have.
function exemplify(schema, depth = 0) {
  schema = resolve(schema);
  if (schema === true || schema === undefined || depth > 6) return null;
  if (schema.examples) return schema.examples[0];
  if ("default" in schema) return schema.default;
  if ("const" in schema) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return exemplify(schema.anyOf[0], depth + 1);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => exemplify(part, depth + 1)));
  const type = [].concat(schema.type)[0];
  if (type === "array") return [exemplify(schema.items, depth + 1)];
  if (type === "object" || schema.properties) {
    const told = Object.entries(schema.properties ?? {}).filter(([, value]) => Object.keys(value).some((key) => key !== "description"));
    return Object.fromEntries(told.map(([name, value]) => [name, exemplify(value, depth + 1)]));
  }
  return { string: "", integer: schema.minimum ?? 0, number: schema.minimum ?? 0, boolean: false }[type] ?? null;
}

function showType(shown) {
  const rows = Object.entries(shown.properties ?? {}).map(([name, value]) =>
    make("tr", {},
      make("td", { class: "mono" }, name, (shown.required ?? []).includes(name) ? make("span", { class: "dim" }, " required") : null),
      make("td", { class: "mono" }, ...lead(describe(value))),
      make("td", {}, ...tell(value.description))));
  return make("div", { class: "inside" },
    make("p", {}, ...tell(shown.description)),
    rows.length ? make("table", {}, make("tbody", {}, ...rows)) : make("p", { class: "mono" }, ...lead(describe(shown))));
}

function authorize(headers) {
  const token = find("token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  return headers;
}

function makeRequest(path, method, inputs, body, mediaType) {
  const query = new URLSearchParams();
  const headers = authorize({});
  for (const { parameter, input } of inputs) {
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value === "") continue;
    else if (parameter.in === "query") query.append(parameter.name, input.value);
    else headers[parameter.name] = input.value;
  }
  if (body !== null) headers["Content-Type"] = mediaType;
  const asked = query.size ? `${path}?${query}` : path;
  // Relative to this page, so that a prefix that a proxy takes away stays in front.
  return [new URL(asked.slice(1), new URL(".", location.href)), { method: method.toUpperCase(), headers, body: body ?? undefined }];
}

function pretty(text, type) {
  if (!type.includes("json") || type.includes("ndjson")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function send(request, output) {
  const started = performance.now();
  output.replaceChildren("…");
  try {
    const response = await fetch(...request);
    const text = await response.text();
    const took = (performance.now() - started).toFixed(1);
    const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    const shown = pretty(text, response.headers.get("Content-Type") ?? "");
    output.replaceChildren(
      make("p", { class: response.ok ? "" : "bad" }, `${response.status} ${response.statusText} in ${took} ms`),
      make("pre", { tabindex: "0" }, shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}…` : shown),
      make("details", {}, make("summary", {}, "Headers"), make("pre", { tabindex: "0" }, headers)));
  } catch (error) {
    output.replaceChildren(make("p", { class: "bad" }, `No answer: ${error.message}`));
  }
}

function makeInput(parameter, id) {
  const choices = parameter.schema.enum;
  if (!choices) return make("input", { id, autocomplete: "off", spellcheck: "false", required: parameter.required });
  return make("select", { id }, make("option", { value: "" }, "–"), ...choices.map((value) => make("option", {}, String(value))));
}

function showParameters(inputs) {
  if (!inputs.length) return null;
  return make("table", {}, make("tbody", {}, ...inputs.map(({ parameter, input }) =>
    make("tr", {},
      make("td", {}, make("label", { for: input.id, class: "mono" }, parameter.name), make("br"),
        make("small", {}, parameter.required ? `${parameter.in}, required` : parameter.in)),
      make("td", {}, input),
      make("td", {}, ...tell(parameter.description), " ", make("small", { class: "mono" }, describe(parameter.schema)))))));
}

function showAnswers(responses) {
  return make("table", {}, make("tbody", {}, ...Object.entries(responses).map(([status, response]) => {
    const contents = Object.entries(resolve(response).content ?? {});
    return make("tr", {},
      make("td", { class: "mono" }, status),
      make("td", {}, resolve(response).description),
      make("td", { class: "mono" }, ...lead(contents.map(([type, { schema }]) => `${type}: ${describe(schema)}`).join("\n"))));
  })));
}

function fill(path, method, operation, prefix) {
  const inputs = (operation.parameters ?? []).map(resolve).map((parameter, i) => ({ parameter, input: makeInput(parameter, `${prefix}-${i}`) }));
  const contents = Object.entries(operation.requestBody?.content ?? {});
  const type = make("select", { "aria-label": "media type" }, ...contents.map(([name]) => make("option", {}, name)));
  const example = contents.length ? JSON.stringify(exemplify(contents[0][1].schema), null, 2) : "";
  const body = make("textarea", { "aria-label": "body", spellcheck: "false" });
  body.value = example;
  const output = make("div", { role: "status" });
  const hasBody = BODY_METHODS.has(method) && contents.length > 0;
  const submit = (event) => {
    event.preventDefault();
    send(makeRequest(path, method, inputs, hasBody ? body.value : null, type.value), output);
  };
  return make("form", { class: "inside", onsubmit: submit },
    make("p", {}, ...tell(operation.description)),
    showParameters(inputs),
    hasBody ? make("h3", {}, "Body ", type, " ", make("small", { class: "mono" }, ...lead(describe(contents[0][1].schema)))) : null,
    hasBody ? body : null,
    make("p", {}, make("button", {}, "Send")),
    output,
    make("h3", {}, "Answers"),
    showAnswers(operation.responses));
}

// Filled when it is opened for the first time: a model may have thousands of features.
function makeLazy(summary, fillIn) {
  const details = make("details", { ontoggle: () => details.childElementCount === 1 && details.append(fillIn()) }, summary);
  return details;
}

function showOperation(path, method, operation, prefix) {
  const roles = (operation.security ?? []).flatMap((each) => Object.values(each).flat());
  const summary = make("summary", {},
    make("span", { class: `method ${method}` }, method), " ", make("code", {}, path), " ",
    make("span", { class: "dim" }, operation.summary ?? ""),
    roles.length ? make("span", { class: "door" }, roles.join(", ")) : null);
  const details = makeLazy(summary, () => fill(path, method, operation, prefix));
  details.dataset.words = `${method} ${path} ${operation.summary ?? ""} ${operation.description ?? ""}`.toLowerCase();
  return details;
}

function show() {
  document.title = `${spec.info.title} ${spec.info.version}`;
  find("version").textContent = spec.info.version;
  find("about").replaceChildren(...tell(spec.info.description));
  const groups = new Map();
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? "";
      if (!groups.has(tag)) groups.set(tag, make("section", {}, make("h2", {}, tag)));
      groups.get(tag).append(showOperation(path, method, operation, operation.operationId));
    }
  }
  find("operations").replaceChildren(...groups.values());
  const types = Object.entries(spec.components?.schemas ?? {}).map(([name, schema]) => {
    const details = makeLazy(make("summary", { class: "mono" }, name), () => showType(schema));
    details.id = `type-${name}`;
    return details;
  });
  find("types").replaceChildren(make("h2", {}, "Types"), ...types);
  find("search").hidden = find("types").hidden = false;
}

function filter() {
  const words = find("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of find("operations").children) {
    const operations = [...section.querySelectorAll(":scope > details")];
    for (const details of operations) details.hidden = !words.every((word) => details.dataset.words.includes(word));
    section.hidden = operations.every((details) => details.hidden);
  }
}

async function load() {
  find("state").textContent = "Loading …";
  try {
    const response = await fetch(new URL("openapi.json", new URL(".", location.href)), { headers: authorize({}) });
    if (response.ok) {
      spec = await response.json();
      show();
      filter();
      find("state").textContent = "";
      return;
    }
    const closed = response.status === 401;
    find("state").textContent = closed ? "This service asks for a token." : `No document: ${response.status} ${response.statusText}`;
    if (closed) find("token").focus();
  } catch (error) {
    find("state").textContent = `No document: ${error.message}`;
  }
}

find("door").addEventListener("submit", (event) => {
  event.preventDefault();
  load();
});
find("filter").addEventListener("input", filter);
load();
