// Small helpers: elements, numbers and times as people read them. Text is always text: nothing is parsed as HTML.

/** An element; `props` are attributes, `on` an object of listeners, and a few properties by name. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  fill(element, props, children);
  return element;
}

export function svg(tag, props = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(element, props, children);
  return element;
}

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "selected", "indeterminate", "open"]);

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false && !PROPERTIES.has(name)) continue;
    if (name === "on")
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (PROPERTIES.has(name)) element[name] = value;
    else if (name === "css")
      for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
}

function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== undefined && child !== null && child !== false) element.append(child);
  }
}

export function replace(element, ...children) {
  // Who is at a button of an action by keyboard stays there when the button is drawn anew.
  const { action, target } = element.contains(document.activeElement) ? document.activeElement.dataset : {};
  element.replaceChildren();
  add(element, children);
  if (!target) return;
  const of = `button[data-target="${CSS.escape(target)}"]`;
  (element.querySelector(`${of}[data-action="${CSS.escape(action ?? "")}"]`) ?? element.querySelector(of))
    ?.focus({ preventScroll: true });
}

/** 0.00042 → 4.2e-4; 1234567 → 1,234,567. */
export function number(value, digits = 4) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en");
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return value.toExponential(Math.max(0, digits - 2)).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(digits)));
}

/** What a user would write: lr 0.0001, not 1e-4 with rounding. */
export function setting(value) {
  if (typeof value === "number") return Math.abs(value) < 1e-3 && value !== 0 ? value.toExponential().replace("e+", "e") : String(
    value);
  if (value === null || value === undefined) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Number((seconds / 3600).toPrecision(2))} h`;
  return `${Number((seconds / 86400).toPrecision(2))} days`;
}

export function ago(then, now = Date.now()) {
  const seconds = Math.max(0, (now - then) / 1000);
  return seconds < 5 ? "just now" : `${duration(seconds)} ago`;
}

export function when(milliseconds) {
  return milliseconds ? h("time", { datetime: new Date(milliseconds).toISOString() }, new Date(milliseconds).toLocaleString()) :
  "–";
}

export function bytes(count) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (count >= 1000 && unit < 4) { count /= 1000;
    unit += 1; }
  return `${Number(count.toPrecision(3))} ${units[unit]}`;
}

const MARKS = {
  done: "✓",
  running: "▶",
  waiting: "…",
  failed: "✕",
  parked: "✕",
  canceled: "–",
  paused: "‖",
  active: "▶",
  stopped: "✕",
  finished: "✓",
  connected: "✓",
  silent: "?",
  draining: "▽",
  suspended: "‖",
};

/** A state in words, with a mark: never by colour alone. */
export function state(name) {
  return h("span", { class: `state ${name}` }, h("span", { "aria-hidden": "true", class: "mark" }, MARKS[name] ?? "•"), name);
}

export function jobLink(id, text) {
  return h("a", { href: `#/job/${id}`, class: "id" }, text ?? id.slice(0, 8));
}

const dark = matchMedia("(prefers-color-scheme: dark)");

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : dark.matches;
}

// Colours that people with any colour vision tell apart (Okabe and Ito), lighter on a dark page, with a dash pattern beside them.
const ON_LIGHT = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#c98a00", "#56b4e9", "#7f5fc4", "#7a7a7a"];
const ON_DARK = ["#56b4e9", "#f28c4b", "#35c79a", "#e39cc4", "#f0c040", "#9ad0f5", "#b3a1f0", "#b0b0b0"];
export const DASHES = [
  [],
  [7, 3],
  [2, 2],
  [9, 3, 2, 3]
];
export function look(index) {
  const colours = isDark() ? ON_DARK : ON_LIGHT;
  return { colour: colours[index % colours.length], dash: DASHES[Math.floor(index / colours.length) % DASHES.length] };
}

export function toast(text, isFault = false) {
  const place = document.getElementById("toasts");
  const item = h("p", { class: isFault ? "toast fault" : "toast" }, text);
  place.append(item);
  setTimeout(() => item.remove(), isFault ? 12000 : 6000);
}

/** Runs at most once in so many milliseconds, the last time surely. */
export function later(action, milliseconds) {
  let timer = null;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...given), milliseconds);
  };
}

export function select(label, options, value, change, props = {}) {
  const field = h("select", { on: { change: () => change(field.value) }, ...props },
    options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
  return h("label", { class: "field" }, h("span", {}, label), field);
}

export function check(label, isOn, change) {
  const box = h("input", { type: "checkbox", checked: isOn, on: { change: () => change(box.checked) } });
  return h("label", { class: "check" }, box, h("span", {}, label));
}

/** A region that scrolls sideways by itself, so that the page never does; reached by the keyboard too. */
export function scroller(label, ...children) {
  return h("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, children);
}

/** What the coordinator says, with what stands between backticks as code. */
export function prose(text) {
  return String(text).split("`").map((part, index) => (index % 2 === 1 ? h("code", {}, part) : part));
}

/** 0.93 → 93 %. */
export function percent(share) {
  if (share === null || share === undefined) return "–";
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return share < 1 && share > 0.999 ? "> 99.9 %" : `${number(100 * share, share < 0.1 ? 2 : 3)} %`;
}

export function empty(text) { return h("p", { class: "empty" }, text); }
