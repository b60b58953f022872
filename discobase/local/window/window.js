// The window: what is on the server at the left, and at the right what was chosen of it, live.

import { showHistory } from "./commits.js";
import { showChannel } from "./messages.js";
import { ask, byId, here, make } from "./page.js";
import { firstTable, refreshDatabases, showData, tableLinks } from "./tables.js";

const AGAIN = 1000; // milliseconds until databases are asked for that may come without a word

const DATA = new Set(["table", "record"]);
const HISTORY = "history";

let asking = false;
let askAgain = false;
let coming = null;
let shownPlace = null;

function channelIn(servers, id) {
  for (const server of servers) {
    for (const group of server.groups) {
      for (const channel of group.channels) if (channel.id === id) return channel;
    }
  }
  return null;
}

function showServers(servers) {
  const [chosen] = here().parts;
  const parts = [];
  for (const server of servers) {
    parts.push(make("h2", { textContent: server.name }), ...tableLinks(server.id));
    for (const group of server.groups) {
      if (group.name !== null) parts.push(make("h3", { textContent: group.name }));
      parts.push(make("ul", {}, ...group.channels.map((channel) => channelLink(channel, chosen))));
    }
  }
  const nav = byId("channels");
  const drawn = make("nav", {}, ...parts);
  if (drawn.innerHTML !== nav.innerHTML) nav.replaceChildren(...parts);
}

function channelLink(channel, chosen) {
  const link = make("a", { className: "channel", href: `#${channel.id}`, textContent: channel.name });
  if (channel.id === chosen) link.setAttribute("aria-current", "page");
  return make("li", {}, link);
}

// Where nothing is chosen: the first table, or the first channel.
function choose(servers) {
  if (location.hash.length > 1) return;
  const channel = servers.flatMap((server) => server.groups).find((group) => group.channels.length > 0);
  const start = firstTable() ?? (channel ? `#${channel.channels[0].id}` : null);
  if (start !== null) history.replaceState(null, "", start);
}

async function showChosen(servers) {
  const asked = location.hash;
  const place = here();
  const isChannel = await draw(servers, place);
  if (asked !== shownPlace) byId("scroll").scrollTo(0, isChannel ? byId("scroll").scrollHeight : 0);
  shownPlace = asked;
}

// Draw what was chosen. Return whether it is a channel, whose newest messages are at the end.
async function draw(servers, place) {
  const isData = DATA.has(place.parts[0]);
  const isHistory = place.parts[0] === HISTORY;
  byId("data").hidden = !isData;
  byId("past").hidden = !isHistory;
  byId("log").hidden = isData || isHistory;
  if (isData) {
    entitle(await showData(place), "");
    return false;
  }
  byId("finder").hidden = true;
  byId("wrong").hidden = true;
  if (isHistory) {
    entitle(await showHistory(place.parts[1]), "");
    return false;
  }
  const channel = channelIn(servers, place.parts[0]);
  byId("topic").textContent = channel?.topic ?? "";
  entitle(channel?.name ?? null, "#");
  await showChannel(channel?.id ?? null);
  return true;
}

function entitle(name, mark) {
  byId("title").textContent = name === null ? "Choose a channel" : `${mark} ${name}`.trim();
  document.title = name === null ? "discobase window" : `${mark}${name} - discobase window`;
}

async function refresh() {
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  try {
    do {
      askAgain = false;
      await refreshOnce();
    } while (askAgain);
    byId("state").textContent = "Live";
  } catch (error) {
    byId("state").textContent = `Not up to date: ${error.message}`;
  } finally {
    asking = false;
  }
}

async function refreshOnce() {
  const servers = await ask("servers");
  showServers(servers);
  // A database may take a while to be opened: channels do not wait for that.
  const isChannel = channelIn(servers, here().parts[0]) !== null;
  if (isChannel) await showChosen(servers);
  if (await refreshDatabases()) {
    clearTimeout(coming);
    coming = setTimeout(refresh, AGAIN);
  }
  choose(servers);
  showServers(servers);
  if (!isChannel) await showChosen(servers);
}

function watch() {
  const changes = new EventSource("/_window/changes");
  changes.onmessage = refresh;
  changes.onerror = () => {
    byId("state").textContent = "Not connected: trying again";
  };
}

byId("skip").addEventListener("click", () => byId("scroll").focus());
addEventListener("hashchange", refresh);
watch();
