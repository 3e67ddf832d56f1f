// The leaderboard with its intervals and ties, the trade-offs, and the answer in words.
import { empty, h, jobLink, later, number, percent, replace, scroller, select } from "./dom.js";
import { get, library } from "./api.js";
import { interval, scatter } from "./plots.js";

const SHOWN = 100;
const clock = (at) => new Date(at).toLocaleTimeString("en-GB");

export async function show(root, context) {
  const info = context.info();
  const measured = [...info.measured.results, ...info.measured.curves];
  let metric = measured.includes(context.params.get("metric")) ? context.params.get("metric") : "";
  let [x, y] = [Number(context.params.get("x") ?? 0), Number(context.params.get("y") ?? 1)];
  const body = h("div", {});
  let answer = null;

  const soon = later(load, 4000);

  async function load() {
    try {
      answer = await get("page/ranking", { sweep: context.sweep, metric });
      draw();
      // A newer one is being found.
      if (answer.isOld && body.isConnected) soon();
    } catch (error) {
      if (error.status === 401) context.refused(error);
      else replace(body, empty(error.message));
    }
  }

  function span() {
    const ends = answer.rows.slice(0, SHOWN).flatMap(({ value }) => [value.low ?? value.value, value.high ?? value.value]).filter(
      Number.isFinite);
    return ends.length > 0 ? [Math.min(...ends), Math.max(...ends)] : [0, 1];
  }

  function draw() {
    if (answer.rows.length === 0) { replace(body, answer.words.map((text) => empty(text)), empty(
      "Nothing to rank by yet.")); return; }
    const whole = span();
    const criteria = metric === "" ? answer.criteria : [];
    const rows = answer.rows.slice(0, SHOWN).map((row) => h("tr", { class: row.tied.includes(1) || row.rank === 1 ? "near" :
        null },
      h("td", { class: "number" }, String(row.rank)), h("th", { scope: "row" }, row.label),
      h("td", { class: "number" }, number(row.value.value, 3), row.value.low !== undefined && row.value.low !== null &&
        h("span", { class: "dim" }, ` ± ${number((row.value.high - row.value.low) / 2, 2)}`)),
      h("td", {}, interval(row.value, whole)), h("td", { class: "number" }, percent(row.best)),
      criteria.map((_, index) => h("td", { class: "number" }, number(row.criteria[index]?.value, 3))),
      h("td", {}, row.tied.length === 0 ? "–" : row.tied.length > 4 ?
        `${row.tied.slice(0, 4).join(", ")} and ${row.tied.length - 4} more` : row.tied.join(", ")),
      h("td", {}, row.jobs.slice(0, 4).map((id, index) => [index > 0 ? " " : "", jobLink(id, id.slice(0, 6))]), row.jobs
        .length > 4 ? " …" : ""),
      h("td", {}, row.findings.map((text) => h("p", { class: "finding" }, text)))));
    const pareto = h("div", { class: "plot-place" });
    replace(body,
      h("div", { class: "answer" }, answer.words.map((text, index) => h("p", { class: index === 0 ? "verdict" : "dim" },
      text))),
      answer.warnings.map((text) => h("p", { class: "warning" }, text)), answer.advice && h("p", {}, answer.advice),
      answer.isOld && h("p", { class: "dim" }, `As of ${clock(answer.at)}; a newer one is being found.`),
      scroller("Leaderboard", h("table", { class: "ranking" },
        h("caption", {},
          `${answer.lowerIsBetter ? "Lower" : "Higher"} is better; the bar is the 90 % interval over training seeds` +
          (answer.isEstablished ? "" : "; with one seed nobody can tell who is best")),
        h("thead", {}, h("tr", {}, ["rank", "configuration", answer.metric, "interval", "chance to be best", ...criteria.map((
            one) => one.title), "tied with", "jobs", "findings"]
          .map((title) => h("th", { scope: "col" }, title)))), h("tbody", {}, rows))),
      answer.count > SHOWN && h("p", { class: "dim" },
        `${number(SHOWN)} of ${number(answer.count)} configurations; radiata top ${context.sweep} --limit ${answer.count} prints all`
        ),
      answer.criteria.length > 1 && [h("h2", {}, "Trade-offs"), h("p", { class: "dim" },
          "Joined: better in one measure than every other that is as good in all. Dominated ones are faint."),
        h("div", { class: "row controls" },
          select("Across", answer.criteria.map((one, index) => [String(index), one.title]), String(x), (value) => { x = Number(
              value);
            context.setParams({ x: x || null });
            draw(); }),
          select("Up", answer.criteria.map((one, index) => [String(index), one.title]), String(y), (value) => { y = Number(
              value);
            context.setParams({ y: y === 1 ? null : y });
            draw(); })),
        h("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Trade-offs" }, pareto)
      ]);
    if (answer.criteria.length > 1) front(pareto);
  }

  async function front(place) {
    const d3 = await library("d3.min.js", "d3");
    if (!d3) { replace(place, empty("This drawing needs d3: apt-get install libjs-d3 on the coordinator's machine.")); return; }
    const column = (index) => ({
      name: answer.criteria[index].name,
      title: `${answer.criteria[index].title} (${answer.criteria[index].lowerIsBetter ? "lower" : "higher"} is better)`,
      values: answer.rows.map((row) => row.criteria[index]?.value ?? null),
    });
    const dim = answer.rows.map((row) => row.dominatedBy.length > 0);
    const best = answer.rows.map((_, index) => index).filter((index) => !dim[index]);
    scatter(d3, place, column(Math.min(x, answer.criteria.length - 1)), column(Math.min(y, answer.criteria.length - 1)), answer
      .rows.map(() => true), null, {
        dim,
        front: best,
        label: (row) => answer.rows[row].label,
        mark: (row) => `#${answer.rows[row].rank}`,
        logX: false,
        logY: false,
      });
  }

  root.append(h("div", { class: "row controls" }, select("By", [
    ["", "the sweep's rule"], ...measured.map((name) => [name, name])
  ], metric, (name) => {
    metric = name;
    context.setParams({ metric });
    load();
  })), body);
  await load();
  return { wake: load, heard: (kind) => { if (kind === "sweeps") soon(); } };
}
