"use strict";

/** Return what a schema is, in words: string, list of Label, number or "tuned". */
function kind(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.oneOf || schema.anyOf) return (schema.oneOf || schema.anyOf).map(kind).join(" or ");
  if (schema.enum) return schema.enum.map(value => JSON.stringify(value)).join(" or ");
  if (schema.type === "array") return "list of " + kind(schema.items);
  if (schema.type === "object" && schema.additionalProperties) return "map to " + kind(schema.additionalProperties);
  return schema.type || "any";
}

/** Return a range in words. */
function range(schema) {
  const found = [...(schema.anyOf || []), schema].find(each => "minimum" in each);
  if (!found) return "";
  return found.maximum < 2 ** 31 - 1 ? `, ${found.minimum} to ${found.maximum}` : `, from ${found.minimum}`;
}

/** Return text with links where it names messages. */
function linked(text, names) {
  const place = document.createDocumentFragment();
  for (const part of text.split(/(\w+)/)) {
    if (!names.has(part)) {
      place.append(part);
      continue;
    }
    const link = make("a", "", part);
    link.href = "#" + part;
    place.append(link);
  }
  return place;
}

/** Return text whose parts in back ticks are code. */
function prose(text) {
  const place = document.createDocumentFragment();
  (text || "").split("`").forEach((part, i) => place.append(i % 2 ? make("code", "", part) : part));
  return place;
}

function table(heads, rows) {
  const head = make("tr", "", ...heads.map(text => {
    const cell = make("th", "", text);
    cell.scope = "col";
    return cell;
  }));
  const made = make("table", "", make("thead", "", head), make("tbody", "", ...rows));
  const scroll = make("div", "scroll", made);
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", heads.join(", "));
  return scroll;
}

function row(...cells) {
  return make("tr", "", ...cells.map(cell => make("td", "", cell)));
}

function operation(path, method, what, names) {
  const place = make("section", "", make("h2", "", make("code", "", method.toUpperCase() + " " + path)));
  place.append(make("p", "", prose(what.summary)));
  if (what.requestBody) {
    const schema = what.requestBody.content["application/json"].schema;
    place.append(make("p", "", "Body: ", linked(kind(schema), names)));
  }
  if (what.parameters && what.parameters.length)
    place.append(table(["parameter", "kind", "what it is"], what.parameters.map(each => row(
      make("code", "", each.name + (each.required ? "" : "?")), kind(each.schema) + range(each.schema), prose(each.description)))));
  place.append(table(["status", "answer", "when"], Object.entries(what.responses).map(([status, answer]) => {
    const [type, content] = Object.entries(answer.content || {})[0] || ["", {}];
    return row(status, linked(content.schema ? kind(content.schema) : type, names), prose(answer.description));
  })));
  return place;
}

function message(name, schema, names) {
  const head = make("h3", "", make("code", "", name));
  head.id = name;
  const needed = new Set(schema.required || []);
  const place = make("div", "", head, make("p", "", prose(schema.description)));
  place.append(table(["field", "kind", "what it is"], Object.entries(schema.properties || {}).map(([field, each]) => row(
    make("code", "", field + (needed.has(field) ? "" : "?")),
    linked(kind(each) + range(each), names), prose(each.description)))));
  return place;
}

async function show(event) {
  if (event) event.preventDefault();
  token = byId("token").value;
  try {
    const found = await ask("openapi.json");
    const schemas = found.components.schemas, names = new Set(Object.keys(schemas));
    byId("about").textContent =
      `${found.info.description} Version ${found.info.version}. What ends in ? may be left out.`;
    byId("paths").replaceChildren(...Object.entries(found.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, what]) => operation(path, method, what, names))));
    byId("messages").replaceChildren(make("h2", "", "Messages"),
      ...Object.entries(schemas).map(([name, schema]) => message(name, schema, names)));
    byId("messages").hidden = false;
    byId("form").hidden = true;
    showFault(null);
  } catch (error) {
    byId("about").textContent = "";
    byId("form").hidden = error.status !== 401;
    showFault(error);
  }
}

byId("form").addEventListener("submit", show);
show();
