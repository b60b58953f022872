// What all parts of the page need: elements, questions to the server, addresses.
//
// Everything that comes from the server becomes a text node, never HTML.

export const byId = (id) => document.getElementById(id);

export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children.filter((child) => child !== null));
  return element;
}

// Answers that are no success are for people: their text says what is wrong.
export async function ask(what, parameters = {}) {
  const answer = await fetch(`/_window/${what}?${new URLSearchParams(parameters)}`);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

// A value among others, which may be cut.
export function written(value) {
  if (value.kind === "nothing") return value.text === "" ? "–" : value.text;
  return value.is_cut ? `${value.text}…` : value.text;
}

// An address within the page: its parts by slashes, and what else it says.
export function address(parts, said = {}) {
  const kept = Object.entries(said).filter(([, value]) => value !== "" && value !== 0 && value !== undefined);
  const query = kept.length > 0 ? `?${new URLSearchParams(kept)}` : "";
  return `#${parts.map(encodeURIComponent).join("/")}${query}`;
}

export function here() {
  const [path, query] = location.hash.slice(1).split("?", 2);
  return { parts: path.split("/").map(decoded), said: new URLSearchParams(query ?? "") };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // nobody has made it here
  }
}
