// All sweeps: how far, how fast, how long still, what failed, and the verdict in a line.
import { ago, duration, empty, h, later, number, prose, replace, state } from "./dom.js";
import { get } from "./api.js";
import { buttons, ofSweep } from "./actions.js";

const ORDER = [
  ["done", "done"],
  ["running", "running"],
  ["waiting", "waiting"],
  ["paused", "paused"],
  ["failed", "failed"],
  ["parked", "parked"],
  ["canceled", "canceled"]
];

/** A bar of the jobs by state, said in words for those who do not see it. */
export function bar(states) {
  const total = Object.values(states).reduce((sum, count) => sum + count, 0);
  const parts = ORDER.filter(([name]) => states[name] > 0);
  const words = parts.map(([name, title]) => `${states[name]} ${title}`).join(", ") || "no jobs";
  return h("div", { class: "states", role: "img", "aria-label": words, title: words },
    parts.map(([name]) => h("span", { class: name, css: { "flex-grow": String(states[name] / Math.max(1, total)) } })));
}

/** Jobs an hour, and the time that is left with its interval. */
export function pace(progress) {
  const words = [];
  if (progress.perHour) words.push(`${number(progress.perHour, 2)} jobs an hour`);
  if (progress.left !== undefined && progress.left !== null) {
    words.push(`${duration(progress.left)} left (${duration(progress.leftLow)} to ${duration(progress.leftHigh)})`);
  } else if (progress.why) words.push(progress.why);
  return words.join(" · ");
}

export function counts(states) {
  return ORDER.filter(([name]) => states[name] > 0).map(([name, title]) => `${number(states[name])} ${title}`).join(" · ") ||
    "no jobs";
}

/** Jobs that prepare or evaluate, a line for each kind there is. */
export function others(summary) {
  return [["Preparations", summary.preparations], ["Evaluations", summary.evaluations]].filter(([, states]) => states)
    .map(([title, states]) => h("p", { class: "dim" }, `${title}: ${counts(states)}`));
}

export async function show(root, context) {
  const list = h("ul", { class: "cards", id: "sweeps" });
  const verdicts = new Map();
  let answer = null;

  function card({ summary, progress }) {
    const failed = (summary.states.failed ?? 0) + (summary.states.parked ?? 0);
    const verdict = h("p", { class: "verdict" });
    say(summary, verdict);
    return h("li", { class: "card" },
      h("div", { class: "row" },
        h("h2", {}, h("a", { href: `#/sweep/${encodeURIComponent(summary.name)}` }, summary.name)), state(summary.state),
        (summary.tags ?? []).map((tag) => h("span", { class: "tag" }, tag)), h("span", { class: "grow" }),
        h("span", { class: "dim" }, `made ${ago(summary.created, answer.now)}`)),
      bar(summary.states),
      h("p", { class: "numbers" }, h("strong", {}, `${number(progress.over)} of ${number(progress.jobs)}`), " over · ",
        counts(summary.states)),
      others(summary),
      h("p", { class: "dim" }, pace(progress)),
      summary.reason && h("p", { class: "fault" }, prose(
        `Stopped: ${summary.reason}${summary.remedy ? `; ${summary.remedy}` : ""}`)),
      failed > 0 && h("p", {}, h("a", { href: `#/sweep/${encodeURIComponent(summary.name)}?filter=state:failed,parked` },
        `${number(failed)} failed: by class and likeness`)),
      summary.note && h("p", { class: "note" }, summary.note),
      verdict,
      buttons(context, summary.name, ofSweep(summary), load));
  }

  /** Asked for one after the other, once for each number of finished jobs. */
  async function say(summary, place) {
    const done = summary.states.done ?? 0;
    if (done === 0) return;
    const known = verdicts.get(summary.name);
    if (known) place.textContent = known.text;
    if (known?.done === done) return;
    verdicts.set(summary.name, { done, text: known?.text ?? "" });
    try {
      const { verdict } = await get("page/verdict", { sweep: summary.name });
      verdicts.set(summary.name, { done, text: verdict });
      place.textContent = verdict;
    } catch { verdicts.set(summary.name, { done, text: known?.text ?? "" }); }
  }

  async function load() {
    try {
      answer = await get("page/sweeps");
      const newest = [...answer.sweeps].reverse();
      if (newest.length === 0) {
        replace(list, h("li", { class: "card" }, empty("No sweep yet. Launch one in a terminal: "), h("pre", {},
          "radiata launch sweep.yaml --watch")));
      } else replace(list, newest.map(card));
    } catch (error) { context.refused(error); }
  }
  await load();
  root.append(h("h1", {}, "Sweeps"), list);
  const soon = later(load, 400);
  const clock = setInterval(() => { if (!document.hidden) soon(); }, 15000);
  return {
    title: "Sweeps",
    heard: (kind) => { if (kind === "sweeps") soon(); },
    wake: load,
    close: () => clearInterval(clock),
  };
}
