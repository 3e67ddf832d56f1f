// Pictures of a sweep: the same prompt and noise over settings and steps, two under a wipe, and any of them large.
import { empty, h, later, number, replace, select, setting } from "./dom.js";
import { get, picture, shown as element } from "./api.js";

const MOST_CELLS = 240;

/** A picture or video that is fetched when it comes into view. */
function framed(one, alt, zoom, host) {
  const image = element(one, alt, host);
  watcher.observe(image);
  image.dataset.sha256 = one.sha256;
  aim(image, zoom);
  return image;
}

const watcher = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (!isIntersecting || !target.dataset.sha256) continue;
    watcher.unobserve(target);
    picture(target.dataset.sha256).then((address) => { target.src = address; }, (error) => {
      if (target.tagName === "IMG") target.alt = `${target.alt} (it cannot be had)`;
      else target.replaceWith(h("p", { class: "dim" }, error.message));
    });
  }
}, { rootMargin: "300px" });

/** All pictures show the same part: `zoom` is {size, x, y} with x and y from 0 to 1. */
function aim(image, zoom) {
  image.style.setProperty("transform-origin", `${zoom.x * 100}% ${zoom.y * 100}%`);
  image.style.setProperty("transform", zoom.size > 1 ? `scale(${zoom.size})` : "none");
}

export async function show(root, context) {
  const info = context.info();
  const [pictures, jobs] = await Promise.all([
    get("page/pictures", { sweep: context.sweep }),
    get("page/points", { sweep: context.sweep, pictured: 1, columns: [...info.parameters, "seed", "state"] }),
  ]);
  const all = pictures.items;
  if (all.length === 0) {
    replace(root, empty(
      "No pictures yet: contact sheets come with evaluations, samples with a trainer that writes them (samples: in the sweep file)."
      ));
    return {};
  }
  const names = [...info.parameters, "seed"];
  const byJob = new Map(jobs.ids.map((id, row) => [id, Object.fromEntries([...names, "state"].map((name, column) => [name, jobs
    .columns[column][row]
  ]))]));
  const params = context.params;
  const kinds = [...new Set(all.map((one) => one.kind))].sort();
  const varied = names.filter((name) => new Set(jobs.columns[names.indexOf(name)].map(String)).size > 1);
  const view = {
    kind: kinds.includes(params.get("kind")) ? params.get("kind") : kinds.includes("sample") ? "sample" : kinds[0],
    series: params.get("series"),
    rows: params.get("rows") ?? varied[0] ?? "seed",
    columns: params.get("cols") ?? varied[1] ?? "step",
    step: params.get("step") === null ? null : Number(params.get("step")),
    size: Number(params.get("size") ?? 0) || null,
    zoom: { size: Number(params.get("zoom") ?? 1), x: Number(params.get("zx") ?? 0.5), y: Number(params.get("zy") ?? 0.5) },
    a: params.get("a"),
    b: params.get("b"),
    hold: Object.fromEntries((params.get("hold") ?? `seed:${Math.min(...jobs.columns[names.indexOf("seed")])}`).split(",")
      .filter(Boolean)
      .map((part) => [part.slice(0, part.indexOf(":")), part.slice(part.indexOf(":") + 1)])),
  };
  const note = h("p", { class: "count", role: "status" });
  const grid = h("div", { class: "grid-place" });
  const wipe = h("div", {});
  const slider = h("input", { type: "range", id: "step", min: "0", step: "1", "aria-label": "Step of all pictures" });
  const shown = h("output", { for: "step" });
  const zoomer = h("input", { type: "range", id: "zoom", min: "1", max: "16", step: "0.5", value: String(view.zoom
    .size), "aria-label": "Zoom of all pictures" });
  const sizer = h("input", { type: "range", id: "size", min: "64", max: "512",
step: "16", "aria-label": "Size of all pictures" });

  const keep = later(() => context.setParams({
    kind: view.kind === kinds[0] ? null : view.kind,
    series: view.series,
    rows: view.rows,
    cols: view.columns,
    step: view.step,
    size: view.size,
    zoom: view.zoom.size === 1 ? null : view.zoom.size,
    zx: view.zoom.size === 1 ? null : view.zoom.x.toFixed(3),
    zy: view.zoom.size === 1 ? null : view.zoom.y.toFixed(3),
    a: view.a,
    b: view.b,
    hold: Object.entries(view.hold).map(([name, value]) => `${name}:${value}`).join() || "-:-",
  }), 150);
  const placeOf = (one) => one.step ?? one.epoch ?? 0;
  const valueOf = (one, axis) => (axis === "step" ? placeOf(one) : axis === "prompt" ? one.series : axis === "job" ? one.job
    .slice(0, 8) : byJob.get(one.job.slice(0, 16))?.[axis] ?? null);
  const label = (one) => [...varied.map((name) => `${name} ${setting(valueOf(one, name))}`), `step ${placeOf(one)}`, one.series ?
    `prompt ${one.series}` : ""
  ].filter(Boolean).join(", ");

  function chosen() {
    const held = Object.entries(view.hold).filter(([name]) => varied.includes(name) && ![view.rows, view.columns].includes(name));
    const ofKind = all.filter((one) => one.kind === view.kind && byJob.has(one.job.slice(0, 16)) &&
      held.every(([name, value]) => String(valueOf(one, name)) === value));
    const series = [...new Set(ofKind.map((one) => one.series))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    if (!series.includes(view.series)) view.series = series[0] ?? "";
    const usesPrompt = [view.rows, view.columns].includes("prompt");
    const list = ofKind.filter((one) => usesPrompt || one.series === view.series);
    return { list, series, steps: [...new Set(list.map(placeOf))].sort((a, b) => a - b) };
  }

  function draw() {
    const { list, series, steps } = chosen();
    const usesStep = [view.rows, view.columns].includes("step");
    if (!steps.includes(view.step)) view.step = steps.at(-1) ?? 0;
    slider.max = String(Math.max(0, steps.length - 1));
    slider.value = String(steps.indexOf(view.step));
    slider.disabled = usesStep || steps.length < 2;
    shown.textContent = usesStep ? "all steps" : number(view.step);
    const order = (values) => [...new Set(values)].sort((a, b) => (typeof a === "number" && typeof b === "number" ? a - b :
      String(a).localeCompare(String(b), "en", { numeric: true })));
    // Where a job has none at this step the newest before it stands in, and says so.
    const newest = new Map();
    for (const one of list) {
      if (!usesStep && placeOf(one) > view.step) continue;
      const key = JSON.stringify([one.job, one.series, usesStep ? placeOf(one) : ""]);
      const known = newest.get(key);
      if (!known || placeOf(known) <= placeOf(one)) newest.set(key, one);
    }
    const there = [...newest.values()];
    const [rows, columns] = [order(list.map((one) => valueOf(one, view.rows))), order(list.map((one) => valueOf(one, view
      .columns)))];
    const cells = new Map();
    for (const one of there) {
      const key = JSON.stringify([valueOf(one, view.rows), valueOf(one, view.columns)]);
      cells.set(key, [...(cells.get(key) ?? []), one]);
    }
    const hidden = varied.filter((name) => ![view.rows, view.columns].includes(name) && !(name in view.hold));
    let left = MOST_CELLS;
    const side = view.size ?? (view.kind === "sample" ? 160 : 320);
    sizer.value = String(side);
    grid.style.setProperty("--side", `${side}px`);
    replace(grid, h("table", { class: "pictures" }, h("caption", { class: "hidden" }, `Pictures of ${context.sweep}`),
      h("thead", {}, h("tr", {}, h("td", {}, `${view.rows} ↓ ${view.columns} →`), columns.map((value) => h(
      "th", { scope: "col" }, setting(value))))),
      h("tbody", {}, rows.map((row) => h("tr", {}, h("th", { scope: "row" }, setting(row)), columns.map((column) => {
        const found = cells.get(JSON.stringify([row, column])) ?? [];
        return h("td", {}, h("div", { class: "cell" }, found.slice(0, 4).map((one) => { left -= 1; return left >= 0 ?
              cell(one) : null; })),
          found.length > 4 && h("p", { class: "dim" }, `and ${found.length - 4} more`));
      }))))));
    note.textContent = `${number(there.length)} pictures${left < 0 ? `; the first ${MOST_CELLS} are shown` : ""}${pictures.more ?
      `; of the sweep the first ${number(all.length)}` : ""}` +
      (hidden.length > 0 ? `; jobs also differ in ${hidden.join(", ")}: then several stand in one place` : "") +
      ". A and B choose two to lay over each other.";
    replace(holds, varied.filter((name) => ![view.rows, view.columns].includes(name)).map((name) =>
      select(name, [
        ["", "all"], ...order(jobs.columns[names.indexOf(name)]).map((value) => [String(value), setting(value)])
      ], view.hold[name] ?? "", (value) => {
        if (value === "") delete view.hold[name];
        else view.hold[name] = value;
        keep();
        draw();
      })));
    replace(prompts, series.length > 1 ? select("Prompt", series.map((name) => [name, name || "–"]), view.series, (name) => { view
        .series = name;
      keep();
      draw(); }, { id: "prompt" }) : null);
    compare();
  }

  function cell(one) {
    const older = placeOf(one) !== view.step && ![view.rows, view.columns].includes("step");
    const mark = (side) => h("button", {
      type: "button",
      class: "pick",
      "aria-pressed": String(view[side] === one.sha256),
      "aria-label": `${side.toUpperCase()}: ${label(one)}`,
      on: { click: () => { view[side] = view[side] === one.sha256 ? null : one.sha256;
          keep();
          draw(); } },
    }, side.toUpperCase());
    const frame = h("button", { type: "button", class: "frame", "aria-label": `Zoom here: ${label(one)}`, on: { click: (event) =>
          zoomAt(event) } });
    frame.append(framed(one, label(one), view.zoom, frame));
    return h("figure", {}, frame,
      h("figcaption", {}, mark("a"), mark("b"), h("a", { href: `#/job/${one.job}` }, one.job.slice(0, 6)), older && h(
      "span", { class: "warning" }, `step ${number(placeOf(one))}`)));
  }

  /** A click makes that place large in all pictures, and another one gives the whole back. */
  function zoomAt(event) {
    const frame = event.currentTarget.getBoundingClientRect();
    if (view.zoom.size > 1) view.zoom = { size: 1, x: 0.5, y: 0.5 };
    else {
      const inside = event.clientX > 0 || event.clientY > 0;
      view.zoom = { size: 4, x: inside ? (event.clientX - frame.left) / frame.width : 0.5, y: inside ? (event.clientY - frame
          .top) / frame.height : 0.5 };
    }
    zoomer.value = String(view.zoom.size);
    aimAll();
  }

  function aimAll() {
    for (const image of root.querySelectorAll(".frame img, .frame video, .wipe img, .wipe video")) aim(image, view.zoom);
    keep();
  }

  function compare() {
    const [a, b] = ["a", "b"].map((side) => all.find((one) => one.sha256 === view[side]));
    if (!a || !b) { replace(wipe, a || b ? h("p", { class: "dim" }, `${a ? "A" : "B"} is chosen; choose ${a ? "B" : "A"} too.`) :
        null); return; }
    const top = h("div", { class: "top" });
    const line = h("span", { class: "line", "aria-hidden": "true" });
    const range = h("input", { type: "range", id: "wipe", min: "0", max: "100",
    value: "50", "aria-label": "Wipe between A and B" });
    const set = () => {
      top.style.setProperty("clip-path", `inset(0 0 0 ${range.value}%)`);
      line.style.setProperty("left", `${range.value}%`);
    };
    range.addEventListener("input", set);
    const stage = h("div", {
      class: "wipe",
      on: {
        pointermove: (event) => {
          const box = stage.getBoundingClientRect();
          range.value = String(Math.round(100 * (event.clientX - box.left) / box.width));
          set();
        },
      }
    });
    // Both under one pointer: the upper one lets it through to the stage, which is around both.
    top.append(framed(b, `B: ${label(b)}`, view.zoom, stage));
    stage.append(framed(a, `A: ${label(a)}`, view.zoom, stage), top, line);
    set();
    replace(wipe, h("section", { class: "duel", "aria-label": "A and B" }, h("p", {}, h("strong", {}, "A "), label(a), h(
      "span", { class: "dim" }, " · left")), stage, range,
      h("p", {}, h("strong", {}, "B "), label(b), h("span", { class: "dim" }, " · right")),
      h("div", { class: "actions" }, h("button", { type: "button", on: { click: () => {
              [view.a, view.b] = [view.b, view.a];
              keep();
              compare(); } } }, "Swap"),
        h("button", { type: "button", on: { click: () => { view.a = null;
              view.b = null;
              keep();
              draw(); } } }, "Close"))));
  }

  slider.addEventListener("input", () => { view.step = chosen().steps[Number(slider.value)];
    keep();
    draw(); });
  zoomer.addEventListener("input", () => { view.zoom.size = Number(zoomer.value);
    aimAll(); });
  sizer.addEventListener("input", () => { view.size = Number(sizer.value);
    grid.style.setProperty("--side", `${view.size}px`);
    keep(); });
  const prompts = h("span", {});
  const holds = h("span", { class: "row" });
  const axes = [...names, "step", "prompt", "job"].map((name) => [name, name]);
  root.append(h("div", { class: "row controls" },
      kinds.length > 1 && select("Kind", kinds.map((kind) => [kind, kind]), view.kind, (kind) => { view.kind = kind;
        keep();
        draw(); }), prompts,
      select("Rows", axes, view.rows, (axis) => { view.rows = axis;
        keep();
        draw(); }, { id: "rows" }),
      select("Columns", axes, view.columns, (axis) => { view.columns = axis;
        keep();
        draw(); }, { id: "cols" }), holds,
      h("label", { class: "field" }, h("span", {}, "Step ", shown), slider), h("label", { class: "field" }, h("span", {},
        "Zoom"), zoomer),
      h("label", { class: "field" }, h("span", {}, "Size"), sizer)), note, wipe,
    h("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Pictures" }, grid));
  draw();
  return {};
}
