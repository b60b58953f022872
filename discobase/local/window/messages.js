// The messages of a channel, as Discord shows them.

import { ask, byId, make } from "./page.js";

const PARTS = /```(?:([\w+-]+)\n)?\n?([\s\S]+?)```|`([^`\n]+)`|\*\*([\s\S]+?)\*\*|(https?:\/\/[^\s<>]+)/g;
const IMAGE = /^image\/(png|jpeg|gif|webp|avif)/;

const shown = { channel: null, messages: [], more: false };

function readable(text) {
  const nodes = [];
  let done = 0;
  for (const part of text.matchAll(PARTS)) {
    nodes.push(text.slice(done, part.index));
    const [whole, language, block, inline, bold, link] = part;
    if (block !== undefined) nodes.push(fence(language, block));
    else if (inline !== undefined) nodes.push(make("code", { textContent: inline }));
    else if (bold !== undefined) nodes.push(make("strong", { textContent: bold }));
    else nodes.push(outward(link, link));
    done = part.index + whole.length;
  }
  nodes.push(text.slice(done));
  return nodes;
}

function fence(language, text) {
  const code = make("code", { textContent: text.replace(/\n$/, "") });
  if (language) code.dataset.language = language;
  return make("pre", {}, code);
}

function outward(address, text) {
  return make("a", { href: address, textContent: text, rel: "noreferrer noopener", target: "_blank" });
}

function sized(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(2)} KB` : `${(bytes / 1e6).toFixed(2)} MB`;
}

function attachment(file) {
  const box = make("div", { className: "file" });
  box.append(outward(file.url, file.filename), " ", make("span", { className: "size", textContent: sized(file.size) }));
  if (file.preview) {
    const text = file.preview.text + (file.preview.more ? "\n…" : "");
    box.append(make("pre", {}, make("code", { textContent: text })));
  } else if (IMAGE.test(file.content_type ?? "")) {
    box.append(make("img", { src: file.url, alt: file.description ?? file.filename, loading: "lazy" }));
  }
  return box;
}

function embed(data) {
  const box = make("div", { className: "embed" });
  if (data.color) box.style.borderLeftColor = `#${data.color.toString(16).padStart(6, "0")}`;
  if (data.author) box.append(make("p", { textContent: data.author.name }));
  if (data.title) box.append(make("p", {}, make("strong", { textContent: data.title })));
  if (data.description) box.append(make("p", {}, ...readable(data.description)));
  for (const field of data.fields ?? []) {
    box.append(make("p", {}, make("strong", { textContent: field.name }), "\n", ...readable(field.value)));
  }
  if (data.footer) box.append(make("p", { className: "size", textContent: data.footer.text }));
  return box;
}

function named(text, message) {
  const names = new Map(message.mentions.map((user) => [user.id, user.username]));
  return text.replace(/<@!?(\d+)>/g, (whole, id) => (names.has(id) ? `@${names.get(id)}` : whole));
}

function reply(message) {
  if (!message.message_reference) return null;
  const original = message.referenced_message;
  const text = original ? `↪ ${original.author.username}: ${original.content.slice(0, 100)}` : "↪ a deleted message";
  return make("div", { className: "reply", textContent: text });
}

function article(message) {
  const author = message.author;
  const head = make("div", {}, make("span", { className: "author", textContent: author.username }), " ");
  if (author.bot) head.append(make("span", { className: "tag", textContent: "APP" }), " ");
  const sent = new Date(message.timestamp);
  head.append(make("time", { dateTime: message.timestamp, textContent: sent.toLocaleString() }));
  const text = make("div", { className: "text" }, ...readable(named(message.content, message)));
  if (message.edited_timestamp) text.append(" ", make("span", { className: "edited", textContent: "(edited)" }));
  const body = make("div", {}, head, text, ...message.attachments.map(attachment), ...message.embeds.map(embed));
  const avatar = make("span", { className: "avatar", textContent: [...author.username][0]?.toUpperCase() ?? "" });
  avatar.setAttribute("aria-hidden", "true");
  const item = make("li", { className: "message", id: `m${message.id}` }, reply(message), avatar, body);
  item.dataset.state = fingerprint(message);
  return item;
}

// Addresses of files are signed anew at each answer; what is the same otherwise stays as it is.
function fingerprint(message) {
  return JSON.stringify(message, (key, value) => (key === "url" || key === "proxy_url" ? undefined : value));
}

function showMessages() {
  const list = byId("messages");
  const scroll = byId("scroll");
  const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 40;
  const fromEnd = scroll.scrollHeight - scroll.scrollTop;
  const present = new Map([...list.children].map((item) => [item.id, item]));
  const items = shown.messages.map((message) => {
    const kept = present.get(`m${message.id}`);
    return kept && kept.dataset.state === fingerprint(message) ? kept : article(message);
  });
  if (items.length === 0) items.push(make("li", { className: "nothing", textContent: "No messages yet." }));
  const changed = items.length !== list.children.length || items.some((item, n) => item !== list.children[n]);
  if (changed) list.replaceChildren(...items);
  byId("older").hidden = !shown.more;
  scroll.scrollTop = atEnd ? scroll.scrollHeight : scroll.scrollHeight - fromEnd;
}

// Show a channel, anew where it is another one.
export async function showChannel(channel) {
  if (channel !== shown.channel) Object.assign(shown, { channel, messages: [], more: false });
  if (channel === null) Object.assign(shown, { messages: [], more: false });
  else await refreshMessages();
  showMessages();
}

// The newest page again, before it the older ones that were asked for.
async function refreshMessages() {
  const page = await ask("messages", { channel: shown.channel });
  const oldest = page.messages[0];
  const kept = page.more && oldest ? shown.messages.filter((message) => BigInt(message.id) < BigInt(oldest.id)) : [];
  const joined = kept.length > 0 && shown.messages.some((message) => message.id === oldest.id);
  shown.more = joined ? shown.more : page.more;
  shown.messages = [...(joined ? kept : []), ...page.messages];
}

async function showOlder() {
  const page = await ask("messages", { channel: shown.channel, before: shown.messages[0].id });
  shown.messages = [...page.messages, ...shown.messages];
  shown.more = page.more;
  showMessages();
}

byId("older").addEventListener("click", showOlder);
