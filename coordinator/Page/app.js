// The page: finds the view of an address, and keeps one stream of events for it.
import { h, replace, empty } from "./dom.js";
import { Fault, follow, forget, get, lacks } from "./api.js";

const VIEWS = { sweeps: "./sweeps.js", sweep: "./sweep.js", job: "./job.js", workers: "./workers.js" };
const main = document.getElementById("main");
const live = document.getElementById("live");

let start = null;
let current = null;
let shown = 0;
let stream = null;
let curves = [];

/** `#/sweep/NAME/jobs?filter=…` in its parts. */
function address() {
  const [path, query] = (location.hash.replace(/^#/, "") || "/sweeps").split("?");
  const [view, ...rest] = path.split("/").filter((part) => part !== "").map(decodeURIComponent);
  return { view: view ?? "sweeps", rest, params: new URLSearchParams(query ?? "") };
}

/** Changes parameters of the address without a new view: it can be shared and gone back to. */
function setParams(changes) {
  const { view, rest, params } = address();
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "" || value === false) params.delete(name);
    else params.set(name, value === true ? "1" : String(value));
  }
  const query = params.toString();
  const path = [view, ...rest].map(encodeURIComponent).join("/");
  history.replaceState(null, "", `#/${path}${query ? `?${query}` : ""}`);
  return params;
}

async function show() {
  const turn = ++shown;
  const { view, rest, params } = address();
  try {
    start ??= await get("page/start");
    begin();
    current?.close?.();
    current = null;
    setFollowed([]);
    const file = VIEWS[view] ?? VIEWS.sweeps;
    const module = await import(file);
    if (turn !== shown) return;
    const root = h("div", { class: `view ${view}` });
    // What draws needs to know its width: a view puts itself into the page as soon as it has something to show.
    const attach = () => { if (turn === shown && !root.isConnected) replace(main, root); };
    const made = await module.show(root, { start, rest, params, setParams, follow: setFollowed, refused, attach });
    if (turn !== shown) { made?.close?.(); return; }
    current = made ?? {};
    attach();
    document.title = `${current.title ?? "Sweeps"} · Radiata`;
    const there = view === "job" || view === "sweep" ? "sweeps" : view;
    for (const link of document.querySelectorAll("#pages a")) {
      if (link.dataset.view === there) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (turn > 1) main.focus({ preventScroll: true });
    listen();
  } catch (error) {
    if (turn === shown) refused(error);
  }
}

function begin() {
  const pages = document.getElementById("pages");
  if (pages.childElementCount === 0) {
    replace(pages, [
      ["sweeps", "Sweeps"],
      ["workers", "Workers"]
    ].map(([view, title]) =>
      h("a", { href: `#/${view}`, "data-view": view }, title)));
  }
  if (start.missing.includes("libjs-dygraphs")) lacks("dygraph.min.js");
  if (start.missing.includes("libjs-d3")) lacks("d3.min.js");
  const notice = document.getElementById("notice");
  const texts = [start.notice, start.missing.length > 0 ?
    `Some drawings need ${start.missing.join(" and ")}: apt-get install ${start.missing.join(" ")} on the coordinator's `
    + "machine, and start it again." :
    null
  ].filter(Boolean);
  notice.hidden = texts.length === 0;
  replace(notice, texts.map((text) => h("p", {}, text)));
}

/** Who is not let in any more goes to the login, and comes back here after it. */
function refused(error) {
  if (error.name === "AbortError") return;
  if (error instanceof Fault && error.status === 401) {
    forget();
    sessionStorage.setItem("radiata-return", location.hash);
    location.replace("login");
    return;
  }
  replace(main, h("h1", {}, "This cannot be shown"), h("p", { class: "fault", role: "alert" }, error.message),
    h("p", {}, h("a", { href: "#/sweeps" }, "All sweeps")));
  if (!(error instanceof Fault)) console.error(error);
}

function setFollowed(list) {
  curves = list;
  if (stream) { stream.abort();
    stream = null;
    listen(); }
}

/** One stream a browser: a page that nobody looks at has none. */
async function listen() {
  if (stream || document.hidden || !start) return;
  const own = new AbortController();
  stream = own;
  let wait = 1000;
  while (!own.signal.aborted) {
    try {
      await follow(curves, own.signal, (kind, data) => {
        wait = 1000;
        if (kind === "open") say("live", true);
        else current?.heard?.(kind, data);
      });
    } catch (error) {
      if (own.signal.aborted) return;
      if (error instanceof Fault && error.status === 401) { refused(error); return; }
    }
    if (own.signal.aborted) return;
    say("not connected", false);
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(30000, wait * 2);
  }
}

function say(text, isOn) {
  if (live.textContent !== text) live.textContent = text;
  live.classList.toggle("on", isOn);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) { stream?.abort();
    stream = null;
    say("asleep", false); } else { listen();
    current?.wake?.(); }
});
addEventListener("pagehide", () => stream?.abort());
addEventListener("hashchange", show);

const THEMES = ["system", "light", "dark"];
const theme = document.getElementById("theme");

function paint(name) {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  theme.textContent = `Theme: ${name}`;
  dispatchEvent(new Event("radiata-theme"));
}
theme.addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(localStorage.getItem("radiata-theme") ?? "system") + 1) % THEMES.length];
  localStorage.setItem("radiata-theme", next);
  paint(next);
});
paint(localStorage.getItem("radiata-theme") ?? "system");
document.getElementById("logout").addEventListener("submit", () => forget());
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault();
  main.focus(); });

replace(main, empty("Loading …"));
show();
