// All jobs of a sweep at once: parallel coordinates, a scatter, what mattered. A brush on one filters all of them.
import { check, empty, h, jobLink, later, number, percent, replace, scroller, select, setting, state } from "./dom.js";
import { get, library } from "./api.js";
import { bars, parallel, scatter } from "./plots.js";
import { filterField } from "./table.js";

/** What brushes say, as the terms of a filter: the address holds it, the table and the coordinator read it. */
function terms(choices) {
  return Object.entries(choices).map(([name, choice]) => (typeof choice[0] === "number" ?
      `${name}:${Number(choice[0].toPrecision(6))}..${Number(choice[1].toPrecision(6))}` : quoted(`${name}:${choice.join()}`)))
    .join(" ");
}
/** More lines and dots than these nobody tells apart; the coordinator chooses them evenly, with every extreme. */
const MOST = 5000;
const quoted = (text) => (text.includes(" ") ? text.replace(":", ':"') + '"' : text);

function choicesOf(text) {
  const choices = {};
  for (const [, name, low, high] of text.matchAll(/(\S+?):(-?[\d.e+-]+)\.\.(-?[\d.e+-]+)/g)) choices[name] = [Number(low), Number(
    high)];
  for (const [, name, list] of text.matchAll(/(\S+?):"?([^"\s.][^"\s]*)"?(?= |$)/g))
    if (!(name in choices) && !list.includes("..")) choices[name] = list.split(",");
  return choices;
}

export async function show(root, context) {
  const info = context.info();
  const measured = [...info.measured.results, ...info.measured.curves];
  const params = context.params;
  const usual = info.measured.results[0] ?? info.measured.curves.find((key) => /loss/.test(key)) ?? info.measured.curves[0] ??
    "seed";
  const all = [...info.parameters, "seed", ...measured];
  let metric = all.includes(params.get("metric")) ? params.get("metric") : usual;
  let against = all.includes(params.get("against")) ? params.get("against") : info.parameters.find((name) => name === "lr") ??
    info.parameters[0] ?? "seed";
  let second = all.includes(params.get("second")) ? params.get("second") : null;
  let filter = params.get("filter") ?? "";
  let choices = choicesOf(params.get("brush") ?? "");
  let columns = (params.get("axes")?.split(",") ?? [...info.parameters.slice(0, 6), metric]).filter((name) => all.includes(name));
  let data = null;

  const count = h("p", { class: "count", role: "status" });
  const lines = h("div", { class: "plot-place" });
  const spots = h("div", { class: "plot-place" });
  const mattered = h("div", {});
  const found = h("div", {});
  const clear = h("button", { type: "button", on: { click: () => brush({}) } }, "Take brushes away");

  const keep = () => context.setParams({
    metric,
    against,
    second,
    filter,
    brush: terms(choices),
    axes: columns.join() === [...info.parameters.slice(0, 6), metric].join() ? null : columns.join(),
  });

  function brush(next) { choices = next;
    keep();
    draw(); }

  async function load() {
    try {
      const wanted = [...new Set([...columns, metric, against, ...(second ? [second] : [])])];
      const answer = await get("page/points", { sweep: context.sweep, filter, columns: wanted, most: MOST });
      data = { ids: answer.ids, total: answer.total };
      data = { ...data, byName: Object.fromEntries(wanted.map((name, index) => [name, { name, values: answer.columns[
            index] }])) };
      draw();
    } catch (error) {
      if (error.status === 400) count.textContent = error.message;
      else context.refused(error);
    }
  }

  function mask() {
    const isIn = new Uint8Array(data.ids.length).fill(1);
    for (const [name, choice] of Object.entries(choices)) {
      const values = data.byName[name]?.values;
      if (!values) continue;
      const isRange = typeof choice[0] === "number" && choice.length === 2 && values.some((value) => typeof value === "number");
      for (let row = 0; row < isIn.length; row += 1) {
        const value = values[row];
        if (isRange ? !(typeof value === "number" && value >= choice[0] && value <= choice[1]) : !choice.map(String).includes(
            String(value))) isIn[row] = 0;
      }
    }
    return isIn;
  }

  async function draw() {
    if (!data) return;
    const d3 = await library("d3.min.js", "d3");
    const isIn = mask();
    const kept = isIn.reduce((sum, one) => sum + one, 0);
    clear.hidden = Object.keys(choices).length === 0;
    let note = `${number(kept)} of ${number(data.ids.length)} jobs`;
    if (data.total > data.ids.length) note += ` drawn, of ${number(data.total)}`;
    if (d3) {
      const told = parallel(d3, lines, columns.map((name) => data.byName[name]), isIn, data.byName[metric], choices, (name,
        choice) => {
        const next = { ...choices };
        if (choice === null) delete next[name];
        else next[name] = choice;
        brush(next);
      });
      if (told.includes("drawn")) note += `; ${told}`;
      const [x, y] = second ? [data.byName[metric], data.byName[second]] : [data.byName[against], data.byName[metric]];
      scatter(d3, spots, x, y, isIn, (next) => brush(next === null ? {} : { ...choices, ...next }));
    } else {
      replace(lines, empty(
        "These drawings need d3: apt-get install libjs-d3 on the coordinator's machine. The table below works without."));
    }
    count.textContent = note;
    table();
  }

  const table = later(async () => {
    const wanted = [...new Set(["state", ...columns, metric])];
    try {
      const answer = await get("page/jobs", { sweep: context.sweep, filter: [filter, terms(choices)].filter(Boolean).join(
          " "), limit: 10, columns: wanted });
      replace(found, h("h2", {}, `Jobs that are left: ${number(answer.total)}`), scroller("Jobs that are left", h(
          "table", {},
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "job"), wanted.map((name) => h("th", { scope: "col" },
            name)))),
          h("tbody", {}, answer.rows.map((row) => h("tr", {}, h("th", { scope: "row" }, jobLink(row.id)), row.cells.map(
            (cell, index) =>
            h("td", { class: typeof cell === "number" ? "number" : null }, wanted[index] === "state" ? state(
              cell) : measured.includes(wanted[index]) ? number(cell) : setting(cell)))))))),
        h("p", {}, h(
          "a", { href: `${context.path("jobs")}?filter=${encodeURIComponent([filter, terms(choices)].filter(Boolean).join(" "))}` },
          "All of them in the table")));
    } catch (error) { replace(found, h("p", { class: "fault" }, error.message)); }
  }, 150);

  async function importance() {
    replace(mattered, empty("Asking what mattered …"));
    try {
      const answer = await get("page/importance", { sweep: context.sweep, metric: measured.includes(metric) ? metric : "" });
      replace(mattered, answer.words.map((text) => h("p", {}, text)),
        answer.features.length > 0 && bars(answer.features.map((one) => ({ name: one.name, value: one.size })),
          `Mean size of the Shapley values for ${answer.metric}` +
          (answer.explained !== undefined && answer.explained !== null ?
            `; trees explain ${percent(answer.explained)} of the variance of configurations they have not seen` : "")),
        answer.effects.length > 0 && bars(answer.effects.slice(0, 20).map((one) => ({ name: one.factors.join(" × "),
          value: one.share, text: percent(one.share) })), "Shares of the variance in the grid, pairs too"));
    } catch (error) { replace(mattered, empty(error.message)); }
  }

  const options = all.map((name) => [name, name]);
  root.append(
    filterField(filter, (text) => { filter = text;
      keep();
      load(); }, all),
    h("div", { class: "row controls" },
      select("Measure", options, metric, (name) => { columns = columns.map((one) => (one === metric ? name : one));
        metric = name;
        keep();
        load();
        importance(); }, { id: "metric" }),
      select("Against", options, against, (name) => { against = name;
        keep();
        load(); }),
      select("Or a second measure", [
        ["", "–"], ...options
      ], second ?? "", (name) => { second = name || null;
        keep();
        load(); }),
      h("details", { class: "columns" }, h("summary", {}, "Axes"), h("fieldset", {}, h("legend", {},
        "Axes of the parallel coordinates"), all.map((name) =>
        check(name, columns.includes(name), (isOn) => { columns = isOn ? [...columns, name] : columns.filter((one) =>
            one !== name);
          keep();
          load(); })))),
      clear),
    count, h("h2", {}, "Parallel coordinates"), h("p", { class: "dim" },
      "Drag along an axis to keep a part of it; every drawing and the table follow. By the keyboard: the filter above."),
    h("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Parallel coordinates" }, lines), h("h2", {},
      "One against another"),
    h("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Scatter" }, spots), found, h("h2", {},
      "What mattered"), mattered);
  await load();
  importance();
  const resized = later(draw, 200);
  addEventListener("resize", resized);
  addEventListener("radiata-theme", resized);
  const soon = later(load, 3000);
  return {
    wake: load,
    heard: (kind) => { if (kind === "sweeps") soon(); },
    close: () => { removeEventListener("resize", resized);
      removeEventListener("radiata-theme", resized); },
  };
}
