// One sweep: what it is about in a few lines, and tabs below.
import { duration, empty, h, jobLink, later, number, prose, replace, state } from "./dom.js";
import { get } from "./api.js";
import { buttons, ofSweep } from "./actions.js";
import { bar, counts, others, pace } from "./sweeps.js";

const TABS = [
  ["jobs", "Jobs", "./table.js"],
  ["curves", "Curves", "./curves.js"],
  ["compare", "Compare", "./compare.js"],
  ["ranking", "Ranking", "./ranking.js"],
  ["images", "Images", "./images.js"],
  ["votes", "Votes", "./votes.js"],
];

export async function show(root, context) {
  const name = context.rest[0] ?? "";
  const tab = TABS.find(([key]) => key === context.rest[1]) ?? TABS[0];
  const head = h("section", { class: "head", "aria-label": "Progress" });
  const failures = h("section", { class: "failures" });
  const body = h("section", { class: `tab ${tab[0]}`, "aria-label": tab[1] });
  let info = null;
  let again = null;

  async function load() {
    info = { ...info, ...await get("page/sweep", { sweep: name }) };
    const { summary, progress } = info.sweep;
    replace(head,
      h("div", { class: "row" }, h("h1", {}, name), state(summary.state), h("span", { class: "grow" }),
        buttons(context, name, ofSweep(summary), refresh)),
      bar(summary.states),
      h("p", { class: "numbers" }, h("strong", {}, `${number(progress.over)} of ${number(progress.jobs)}`), " over · ",
        counts(summary.states), " · ", pace(progress)),
      others(summary),
      h("p", { class: "dim" }, `${number(summary.configurations)} configurations · ${number(info.cost.attempts)} attempts, ` +
        `${duration(info.cost.hours * 3600)} of slots · priority ${summary.priority}`),
      summary.reason && h("p", { class: "fault" }, prose(
        `Stopped: ${summary.reason}${summary.remedy ? `; ${summary.remedy}` : ""}`)));
  }

  async function shape() {
    Object.assign(info, await get("page/shape", { sweep: name }));
    // The jobs of a large sweep are being read: what is shown until then is of some of them.
    clearTimeout(again);
    if (!info.isWhole) again = setTimeout(() => shape().catch(context.refused), 1000);
    const groups = info.failures;
    const total = groups.reduce((sum, group) => sum + group.jobs, 0);
    replace(failures, groups.length > 0 && h("details", { open: failures.querySelector("details")?.open
          ?? (tab[0] === "jobs" && /failed|parked/.test(context.params.get("filter") ?? "")) },
      h("summary", {}, `${number(total)} failed, ${groups.length === 1 ? "all alike" : `${groups.length} kinds`}`),
      h("ul", {}, groups.map((group) => h("li", {}, h("strong", {}, `${group.jobs} × ${group.failure}`), " ",
        h("code", {}, group.line || "without a word"), " ", jobLink(group.example, "one of them"))))));
  }
  async function refresh() {
    try { await load();
      await shape();
      made?.wake?.(); } catch (error) { context.refused(error); }
  }

  await load();
  const path = (key) => `#/sweep/${encodeURIComponent(name)}/${key}`;
  root.append(head, failures,
    h("nav", { class: "tabs", "aria-label": "Views of the sweep" }, TABS.map(([key, title]) =>
      h("a", { href: path(key), "aria-current": key === tab[0] ? "page" : null }, title))),
    body);
  replace(body, empty("Reading the jobs …"));
  context.attach();
  let made = null;
  try {
    const [module] = await Promise.all([import(tab[2]), shape()]);
    replace(body);
    made = await module.show(body, { ...context, sweep: name, info: () => info, path });
  } catch (error) {
    if (error.status === 401) throw error;
    replace(body, empty(error.message));
    if (error.status === undefined) console.error(error);
  }
  const soon = later(() => load().then(shape).catch(context.refused), 800);
  return {
    title: name,
    wake: () => made?.wake?.(),
    close: () => { clearTimeout(again);
      made?.close?.(); },
    heard(kind, data) {
      if (kind === "sweeps") {
        const mine = data.sweeps.find((sweep) => sweep.name === name);
        if (mine && JSON.stringify(mine.states) !== JSON.stringify(sorted(info.sweep.summary.states))) soon();
      }
      made?.heard?.(kind, data);
    },
  };
}

const sorted = (states) => Object.fromEntries(Object.entries(states).sort(([a], [b]) => (a < b ? -1 : 1)));
