// The history of a database: what was written, when and by whom, the newest first.

import { address, ask, byId, make, written } from "./page.js";

const shown = { database: null, commits: [], isOver: false, answer: "" };

// Show the history of a database. Return the title.
export async function showHistory(database) {
  if (database !== shown.database) Object.assign(shown, { database, commits: [], isOver: false, answer: "" });
  const page = await ask("history", { database });
  shown.isOver = join(page) ? shown.isOver : page.is_over;
  byId("topic").textContent = page.commits.length > 0 ? `up to position ${page.commits[0].position.toLocaleString()}` : "";
  draw();
  return "History";
}

// Put the newest page above what is known, where they meet. Return whether they do.
function join(page) {
  const last = page.commits.at(-1)?.position ?? 0;
  const older = shown.commits.filter((commit) => commit.position < last);
  const meets = older.length > 0 && older[0].position === last - 1;
  shown.commits = [...page.commits, ...(meets ? older : [])];
  return meets;
}

async function showOlder() {
  const page = await ask("history", { database: shown.database, before: shown.commits.at(-1).position });
  shown.commits = [...shown.commits, ...page.commits];
  shown.isOver = page.is_over;
  draw();
}

// Only what has changed, so that focus and open parts stay.
function draw() {
  const answer = JSON.stringify([shown.database, shown.commits, shown.isOver]);
  if (answer === shown.answer) return;
  const list = byId("commits");
  const held = new Map([...list.children].map((item) => [item.dataset.state, item]));
  const items = withDifferences(shown.commits).map((each) => held.get(JSON.stringify(each)) ?? entry(each));
  if (items.length === 0) items.push(make("li", { className: "nothing", textContent: "Nothing was written yet." }));
  list.replaceChildren(...items);
  byId("earlier").hidden = shown.isOver;
  shown.answer = answer;
}

// Each commit with what its records were before, as far as that is among what is shown.
function withDifferences(commits) {
  const known = new Map();
  const before = (change) => known.get(`${change.key} ${change.table}`) ?? null;
  return commits.toReversed().map((commit) => {
    const told = { commit, earlier: commit.changes.map(before) };
    // Where not all of a commit is told, nothing older is known to have stayed.
    if (commit.trouble !== null || commit.changed > commit.changes.length) known.clear();
    for (const change of commit.changes) known.set(`${change.key} ${change.table}`, change.values);
    return told;
  }).toReversed();
}

function entry(told) {
  const { commit, earlier } = told;
  const time = make("time", { dateTime: commit.time, textContent: new Date(commit.time).toLocaleString() });
  const writer = make("span", { className: "author", textContent: commit.writer });
  const head = make("div", { className: "commit-head" }, make("span", { className: "position", textContent: commit.position.toLocaleString() }), writer, time);
  const item = make("li", { className: "commit" }, head);
  for (const note of commit.notes) item.append(make("p", { className: "note", textContent: note }));
  if (commit.trouble !== null) item.append(make("p", { className: "note", textContent: `Not shown: ${commit.trouble}.` }));
  if (commit.changes.length > 0) item.append(changes(commit, earlier));
  item.dataset.state = JSON.stringify(told);
  return item;
}

function changes(commit, earlier) {
  const list = make("ul", {}, ...commit.changes.map((each, number) => change(each, earlier[number])));
  const more = commit.changed - commit.changes.length;
  if (more > 0) list.append(make("li", { className: "note", textContent: `and ${more.toLocaleString()} more` }));
  if (commit.changed === 1) return list;
  const all = make("summary", { textContent: `${commit.changed.toLocaleString()} records` });
  return make("details", { open: commit.changed < 4 }, all, list);
}

function change(what, earlier) {
  const name = `${what.table} ${what.key}`;
  if (what.values === null) {
    return make("li", {}, make("span", { className: "deleted", textContent: "deleted" }), ` ${name}`);
  }
  const link = make("a", { href: address(["record", shown.database, what.table, what.key]), textContent: name });
  const values = earlier === null ? what.values : what.values.filter(([field, value]) => differs(value, valueOf(earlier, field)));
  const mark = make("span", { className: "saved", textContent: earlier === null ? "saved" : "changed" });
  const shownValues = values.flatMap(([field, value]) => fieldOf(field, value, earlier && valueOf(earlier, field)));
  return make("li", {}, mark, " ", link, make("div", { className: "values" }, ...shownValues));
}

function valueOf(values, field) {
  return values.find(([name]) => name === field)?.[1] ?? null;
}

function differs(value, earlier) {
  return value.is_cut || earlier === null || written(value) !== written(earlier);
}

function fieldOf(field, value, earlier) {
  const before = earlier ? [make("del", { textContent: written(earlier) }), " "] : [];
  return [
    make("span", { className: "field", textContent: field }),
    " ",
    ...before,
    make("span", { className: "value", textContent: written(value) }),
    " ",
  ];
}

byId("earlier").addEventListener("click", showOlder);
