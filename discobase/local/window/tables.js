// The tables of databases: their records, page by page, and each of them whole.

import { address, ask, byId, here, make, written } from "./page.js";

const PAUSE = 250; // milliseconds after a key before what is typed is searched for: a guess

const shown = { databases: [], place: null, answer: "" };
let typing = null;

// Ask for the databases anew. Return whether more may come without a word.
export async function refreshDatabases() {
  shown.databases = (await ask("databases")).databases;
  return shown.databases.some((database) => database.is_coming);
}

export function databasesOf(server) {
  return shown.databases.filter((database) => database.server === server);
}

export function firstTable() {
  for (const database of shown.databases) {
    if (database.tables.length > 0) return address(["table", database.id, database.tables[0].name]);
  }
  return null;
}

// What stands above a server's channels: its tables, or why they cannot be shown.
export function tableLinks(server) {
  return databasesOf(server).flatMap((database) => {
    const heading = make("h3", { textContent: "Tables" });
    if (database.trouble) return [heading, make("p", { className: "trouble", textContent: database.trouble })];
    return database.tables.length > 0 ? [heading, tableList(database)] : [];
  });
}

function tableList(database) {
  const { parts } = here();
  const links = database.tables.map((table) => {
    const link = make("a", { className: "table", href: address(["table", database.id, table.name]) });
    link.append(make("span", { textContent: table.name }), count(table.records));
    const isHere = (parts[0] === "table" || parts[0] === "record") && parts[1] === database.id && parts[2] === table.name;
    if (isHere) link.setAttribute("aria-current", "page");
    return make("li", {}, link);
  });
  const history = make("a", { href: address(["history", database.id]), textContent: "History" });
  if (parts[0] === "history" && parts[1] === database.id) history.setAttribute("aria-current", "page");
  return make("ul", {}, ...links, make("li", {}, history));
}

function count(number) {
  return make("span", { className: "count", textContent: number.toLocaleString() });
}

// Show a table or a record, as the address says. Return the title.
export async function showData({ parts, said }) {
  const [what, database, table, key] = parts;
  const place = parts.join("/");
  if (place !== shown.place) {
    Object.assign(shown, { place, answer: "" });
    byId("data").replaceChildren();
    byId("topic").textContent = "";
  }
  if (what === "record") return showRecord(database, table, key);
  return showTable(database, table, said);
}

async function showTable(database, table, said) {
  const asked = Object.fromEntries(["search", "order", "offset"].map((name) => [name, said.get(name) ?? ""]));
  const place = { database, table };
  if (document.activeElement !== byId("search")) byId("search").value = asked.search;
  byId("finder").hidden = false;
  try {
    const page = await ask("rows", { ...place, ...asked });
    say("");
    drawOnce(page, () => [grid(place, asked, page), pager(place, asked, page)]);
    byId("topic").textContent = summary(page, asked);
    byId("search").placeholder = hint(page.table.columns);
  } catch (error) {
    say(error.message);
  }
  return table;
}

async function showRecord(database, table, key) {
  byId("finder").hidden = true;
  const back = make("a", { href: address(["table", database, table]), textContent: `All of ${table}` });
  const whole = (content) => [make("p", { className: "back" }, back), content];
  try {
    const record = await ask("record", { database, table, key });
    drawOnce(record, () => whole(facts(record)));
    byId("topic").textContent = `written at position ${record.position.toLocaleString()}`;
  } catch (error) {
    drawOnce(error.message, () => whole(make("p", { className: "nothing", textContent: error.message })));
  }
  return `${table} ${key}`;
}

// Draw only what has changed: focus and selection stay where they are.
function drawOnce(answer, draw) {
  const state = JSON.stringify([answer, location.hash]);
  if (state === shown.answer) return;
  shown.answer = state;
  const focused = document.activeElement?.dataset.focus;
  byId("data").replaceChildren(...draw());
  if (focused) byId("data").querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
}

function say(text) {
  byId("wrong").textContent = text;
  byId("wrong").hidden = text === "";
}

function summary(page, asked) {
  const total = page.total.toLocaleString();
  return asked.search ? `${total} of ${page.table.records.toLocaleString()} records` : `${total} records`;
}

function hint(columns) {
  const conditions = columns.slice(1, 3).map((column) => `${column.name}=…`);
  return `Search: words, or conditions such as ${conditions.join(" ") || "pk>7"}`;
}

function grid(place, asked, page) {
  const head = make("tr", {}, ...page.table.columns.map((column, number) => {
    const isNumber = page.rows.some((row) => row.cells[number].kind === "number");
    return ofKind(heading(place, asked, column), { kind: isNumber ? "number" : "text" });
  }));
  const rows = page.rows.map((row) => line(place, row));
  const table = make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
  table.setAttribute("aria-label", `Records of ${place.table}`);
  if (rows.length === 0) table.append(make("caption", { className: "nothing", textContent: "No records." }));
  return make("div", { className: "grid" }, table);
}

function heading(place, asked, column) {
  const isUp = asked.order === column.name;
  const isDown = asked.order === `-${column.name}`;
  const order = isUp ? `-${column.name}` : isDown ? "" : column.name;
  const link = make("a", {
    href: address(["table", place.database, place.table], { search: asked.search, order }),
    title: column.is_unique ? `${column.type}, unique` : column.type,
  });
  link.dataset.focus = `sort ${column.name}`;
  link.append(make("span", { textContent: column.name }), make("span", { className: "arrow", textContent: isUp ? "▲" : isDown ? "▼" : "" }));
  const cell = make("th", { scope: "col" }, link);
  cell.setAttribute("aria-sort", isUp ? "ascending" : isDown ? "descending" : "none");
  return cell;
}

function line(place, row) {
  const target = address(["record", place.database, place.table, row.key]);
  const cells = row.cells.map((value, number) => {
    const content = number === 0 ? make("a", { href: target, textContent: value.text }) : written(value);
    if (number === 0) content.dataset.focus = `row ${row.key}`;
    return ofKind(make("td", {}, content), value);
  });
  const line = make("tr", {}, ...cells);
  line.addEventListener("click", (event) => {
    // A click into a row opens it, where nobody has just marked some text.
    if (!event.target.closest("a") && getSelection().isCollapsed) location.hash = target;
  });
  return line;
}

function ofKind(element, value) {
  element.dataset.kind = value.kind;
  return element;
}

function pager(place, asked, page) {
  const { offset, limit, total } = page;
  const last = Math.min(offset + limit, total);
  const to = (start) => address(["table", place.database, place.table], { ...asked, offset: start });
  const bar = make("nav", { className: "pager" });
  bar.setAttribute("aria-label", "Pages");
  if (offset > 0) bar.append(step("Previous", to(Math.max(0, offset - limit))));
  if (total > limit && offset < total) bar.append(make("span", { textContent: `${(offset + 1).toLocaleString()} to ${last.toLocaleString()}` }));
  if (last < total) bar.append(step("Next", to(offset + limit)));
  return bar;
}

function step(text, href) {
  const link = make("a", { href, textContent: text });
  link.dataset.focus = text;
  return link;
}

function facts(record) {
  const pairs = record.columns.flatMap((column, number) => {
    const value = record.cells[number];
    const name = make("dt", {}, column.name, " ", make("span", { className: "type", textContent: column.type }));
    const content = value.kind === "json" ? make("pre", { textContent: value.text }) : written(value);
    return [name, ofKind(make("dd", {}, content), value)];
  });
  return make("dl", { className: "record" }, ...pairs);
}

byId("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const { parts, said } = here();
    if (parts[0] !== "table") return;
    const order = said.get("order") ?? "";
    // In the place of the last one: going back leaves the table, not one letter.
    location.replace(address(parts, { search: byId("search").value, order }));
  }, PAUSE);
});

byId("finder").addEventListener("submit", (event) => event.preventDefault());
