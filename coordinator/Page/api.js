// Calls of the coordinator. The cookie alone reads nothing: every call carries the page's own secret.

const base = new URL("./", location.href);
base.hash = "";
base.search = "";
const place = "radiata-page:" + base.pathname;

export class Fault extends Error {
  constructor(status, message) { super(message);
    this.status = status; }
}

const secret = () => localStorage.getItem(place) ?? "";
export const forget = () => localStorage.removeItem(place);

async function call(path, options = {}) {
  const headers = { "Radiata-Page": secret(), ...(options.headers ?? {}) };
  let answer;
  try {
    answer = await fetch(new URL(path, base), { ...options, headers, credentials: "same-origin", cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Fault(0, "The coordinator does not answer. Is it running?");
  }
  if (answer.ok) return answer;
  let message = `${answer.status} ${answer.statusText}`;
  try { message = (await answer.json()).message ?? message; } catch { /* no JSON: the status is what there is */ }
  throw new Fault(answer.status, message);
}

function target(path, params) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params ?? {})) {
    if (value !== undefined && value !== null && value !== "") query.set(name, Array.isArray(value) ? value.join(",") : String(
      value));
  }
  const text = query.toString().replaceAll("+", "%20");
  return text ? `${path}?${text}` : path;
}

/** What was mistyped or is not there yet comes as an answer (`soft`): browsers note refusals as errors of the page. */
export async function get(path, params, signal) {
  const given = path.startsWith("page/") ? { ...params, soft: 1 } : params;
  const answer = await (await call(target(path, given), { signal })).json();
  if (answer.fault) throw new Fault(answer.fault.status, answer.fault.message);
  return answer;
}

export async function post(path, body) {
  const answer = await call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(
    body) });
  return answer.json();
}

// Pictures and videos, newest last; the address of one that was not looked at for long is given back.
const pictures = new Map();
const MOST = 400;
const MOST_BYTES = 512 * 1024 * 1024;
let held = 0;

function drop(sha256) {
  const { found, size } = pictures.get(sha256);
  pictures.delete(sha256);
  held -= size;
  found.then(URL.revokeObjectURL, () => {});
}

/** The address of a picture or video in this browser's memory. */
export function picture(sha256) {
  const known = pictures.get(sha256);
  if (known) {
    pictures.delete(sha256);
    pictures.set(sha256, known);
    return known.found;
  }
  const entry = { size: 0 };
  entry.found = call(target("page/picture", { sha256 })).then((answer) => answer.blob()).then((blob) => {
    if (pictures.get(sha256) === entry) { entry.size = blob.size;
      held += blob.size; }
    return URL.createObjectURL(blob);
  });
  pictures.set(sha256, entry);
  entry.found.then(() => {
    for (const oldest of [...pictures.keys()]) { if (held <= MOST_BYTES || oldest === sha256) break;
      drop(oldest); }
  }, () => { if (pictures.get(sha256) === entry) pictures.delete(sha256); });
  if (pictures.size > MOST) drop(pictures.keys().next().value);
  return entry.found;
}

/**
 * The element that shows one of a sweep's pictures; its `src` comes later. A video plays without sound, again and
 * again, while `host` is pointed at or has the focus; without a host it has a player's controls.
 */
export function shown(one, alt, host = null) {
  if (!one.isVideo) {
    const image = document.createElement("img");
    image.alt = alt;
    image.decoding = "async";
    return image;
  }
  const video = document.createElement("video");
  video.setAttribute("aria-label", alt);
  Object.assign(video, { muted: true, loop: true, playsInline: true, preload: "auto", controls: host === null });
  const play = () => { video.play().catch(() => { /* not there yet, or the browser will not: it stands still */ }); };
  for (const event of ["pointerenter", "focus"]) host?.addEventListener(event, play);
  for (const event of ["pointerleave", "blur"]) host?.addEventListener(event, () => video.pause());
  return video;
}

export async function download(job, checkpoint, file) {
  const { path } = await post("page/link", { job, checkpoint, file });
  const link = document.createElement("a");
  link.href = new URL(path, base);
  link.download = "";
  document.body.append(link);
  link.click();
  link.remove();
}

/** Follows what happens until `signal` ends it. An EventSource cannot send the secret, so its format is read here. */
export async function follow(curves, signal, heard) {
  const answer = await call(target("page/live", { curves }), { signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  heard("open", null);
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const parts = rest.split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      let [kind, data] = ["message", ""];
      for (const line of part.split("\n")) {
        if (line.startsWith("event: ")) kind = line.slice(7);
        else if (line.startsWith("data: ")) data += line.slice(6);
      }
      if (data) heard(kind, JSON.parse(data));
    }
  }
}

const libraries = new Map();

/** Says of a library that it is not installed, so that nobody asks for it. */
export const lacks = (file) => libraries.set(file, Promise.resolve(null));

/** Loads a library of the system once; null where it is not installed. */
export function library(file, name) {
  if (!libraries.has(file)) {
    libraries.set(file, new Promise((resolve) => {
      const script = document.createElement("script");
      script.src = new URL(`libraries/${file}`, base);
      script.addEventListener("load", () => resolve(globalThis[name] ?? null));
      script.addEventListener("error", () => resolve(null));
      document.head.append(script);
    }));
  }
  return libraries.get(file);
}
