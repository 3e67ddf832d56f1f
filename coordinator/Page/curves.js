// Curves of one job or several, as they come: one line an attempt, raw and smoothed, with the steps at which they saved.
import { check, DASHES, empty, h, jobLink, later, look, number, replace, select, setting, state } from "./dom.js";
import { get, library } from "./api.js";

const MOST = 12;

export async function show(root, context) {
  const info = context.info();
  const keys = info.measured.curves;
  if (keys.length === 0) { replace(root, empty("Nothing was logged yet.")); return {}; }
  // Comes while the points are asked for.
  library("dygraph.min.js", "Dygraph");
  let jobs = (context.params.get("jobs") ?? "").split(",").filter(Boolean).slice(0, MOST);
  const filter = h("input", { type: "search",
  placeholder: "id, or a filter such as lr:1e-3", "aria-label": "Add jobs by id or filter" });
  const list = h("ul", { class: "legend" });
  const place = h("div", { class: "plot-place" });
  const labels = new Map();

  async function describe(wanted, sort) {
    const answer = await get("page/jobs", {
      sweep: context.sweep,
      filter: wanted,
      sort,
      limit: MOST,
      columns: ["state", "seed", ...info.parameters],
    });
    for (const row of answer.rows) {
      labels.set(row.id.slice(0, 12), {
        state: row.cells[0],
        text: [...info.parameters.map((name, index) => (row.cells[index + 2] === null ? null :
            `${name} ${setting(row.cells[index + 2])}`))
          .filter(Boolean), `seed ${row.cells[1]}`
        ].join(" · "),
      });
    }
    return answer.rows.map((row) => row.id.slice(0, 12));
  }

  if (jobs.length === 0) {
    jobs = (await describe("state:running", "-updated")).slice(0, 5);
    if (jobs.length < 5) jobs = [...new Set([...jobs, ...await describe("state:done,failed", "-updated")])].slice(0, 5);
  } else await Promise.all(jobs.map((job) => describe(job.slice(0, 12))));

  const chart = new Chart(context, place, keys, () => jobs, (job) => labels.get(job.slice(0, 12))?.text ?? job.slice(0, 8));

  function legend() {
    replace(list, jobs.map((job, index) => h("li", {},
      chart.swatch(index), jobLink(job), labels.get(job) && state(labels.get(job).state), h("span", {}, labels.get(job)
        ?.text ?? ""),
      h("span", { class: "latest", id: `latest-${job}` }),
      h("button", { type: "button", class: "quiet", "aria-label": `Take job ${job.slice(0, 8)} away`, on: { click: () =>
            pick(jobs.filter((one) => one !== job)) } }, "✕"))));
  }

  function pick(next) {
    jobs = [...new Set(next)].slice(0, MOST);
    context.setParams({ jobs: jobs.join() });
    legend();
    chart.load();
  }
  const adder = h("form", {
    class: "row",
    on: {
      submit: async (event) => {
        event.preventDefault();
        if (filter.value.trim() === "") return;
        try { pick([...jobs, ...await describe(filter.value.trim())]);
          filter.value = ""; } catch (error) { chart.say(error.message); }
      },
    },
  }, filter, h("button", {}, "Add"));
  root.append(chart.controls, place, chart.note, h("h2", {}, "Jobs"), list, adder);
  legend();
  await chart.load();
  return { wake: () => chart.load(), heard: (kind, data) => chart.heard(kind, data), close: () => chart.close() };
}

/** A drawing of curves under one key; used for a sweep's jobs and for one job alone. */
export class Chart {
  constructor(context, place, keys, jobs, label) {
    Object.assign(this, { context, place, keys, jobs, label, found: [], graph: null, range: null });
    const params = context.params;
    this.key = keys.includes(params.get("key")) ? params.get("key") : keys.find((key) => /loss/.test(key)) ?? keys[0];
    this.logX = params.get("logx") === "1";
    this.logY = params.get("logy") === "1";
    this.smooth = Number(params.get("smooth") ?? 0);
    this.note = h("p", { class: "dim", role: "status" });
    const slider = h("input", {
      type: "range",
      min: "0",
      max: "100",
      value: String(this.smooth),
      "aria-label": "Smoothing in percent",
      on: { input: () => { this.smooth = Number(slider.value);
          this.keep();
          this.draw(); } },
    });
    this.reset = h("button", { type: "button", hidden: true, on: { click: () => { this.range = null;
          this.load(); } } }, "Whole range");
    this.controls = h("div", { class: "row controls" },
      select("Curve", keys.map((key) => [key, key]), this.key, (key) => { this.key = key;
        this.range = null;
        this.keep();
        this.load(); }, { id: "curve-key" }),
      check("log steps", this.logX, (isOn) => { this.logX = isOn;
        this.keep();
        this.draw(); }),
      check("log values", this.logY, (isOn) => { this.logY = isOn;
        this.keep();
        this.draw(); }),
      h("label", { class: "field" }, h("span", {}, "Smoothing"), slider), this.reset);
    this.redraw = later(() => this.draw(), 250);
    this.themed = () => this.draw();
    addEventListener("radiata-theme", this.themed);
    this.watcher = new ResizeObserver(later(() => this.graph?.resize(), 100));
    this.watcher.observe(place);
  }

  keep() { this.context.setParams({ key: this.key, logx: this.logX, logy: this.logY, smooth: this.smooth || null }); }
  say(text) { this.note.textContent = text; }
  swatch(index) {
    const { colour, dash } = look(index);
    return h("span", { class: dash.length > 0 ? "swatch dashed" : "swatch", css: { "--c": colour }, "aria-hidden": "true" });
  }
  close() {
    this.isClosed = true;
    removeEventListener("radiata-theme", this.themed);
    this.watcher.disconnect();
    this.graph?.destroy();
    this.graph = null;
  }

  async load() {
    const jobs = this.jobs();
    if (jobs.length === 0) { this.found = [];
      this.draw(); return; }
    const began = performance.now();
    try {
      const answer = await get("page/curves", {
        jobs,
        key: this.key,
        points: Math.min(4000, Math.max(400, Math.round((this.place.clientWidth || 1000) * 1.5))),
        from: this.range ? Math.max(0, Math.floor(this.range[0])) : null,
        to: this.range ? Math.ceil(this.range[1]) : null,
      });
      this.found = answer.jobs;
    } catch (error) { if (!this.isClosed) this.context.refused(error);
      return; }
    // Another page may be there by now, with a stream of its own.
    if (this.isClosed) return;
    await this.draw();
    if (this.isClosed) return;
    this.place.dataset.milliseconds = String(Math.round(performance.now() - began));
    const runs = this.found.flatMap((one) => one.attempts);
    const [total, kept] = [runs.reduce((sum, run) => sum + run.total, 0), runs.reduce((sum, run) => sum + run.steps.length, 0)];
    const gaps = runs.reduce((sum, run) => sum + run.gaps, 0);
    this.say(`${number(total)} points${kept < total - gaps ? `, ${number(kept)} drawn: the extremes are among them` : ""}` +
      (gaps > 0 ? `; ${number(gaps)} are no numbers` : "") +
      "; ▲ marks a saved checkpoint, a broken upright line a resume. Drag to zoom.");
    if (!this.range) this.follow();
  }

  /** Tells the stream from which points on it shall go on. */
  follow() {
    this.context.follow(this.found.filter((one) => !one.attempts.at(-1)?.ended).map((one) => {
      const last = one.attempts.at(-1);
      return `${one.job}/${last?.attempt ?? 0}/${last?.steps.at(-1) ?? -1}/${this.key}`;
    }));
  }

  heard(kind, data) {
    if (kind !== "points" || data.key !== this.key || this.range) return;
    const one = this.found.find(({ job }) => job === data.job);
    if (!one) return;
    let run = one.attempts.find(({ attempt }) => attempt === data.curve.attempt);
    if (!run) { run = { ...data.curve, steps: [], values: [], total: 0 };
      one.attempts.push(run); }
    const last = run.steps.at(-1) ?? -1;
    data.curve.steps.forEach((step, index) => {
      if (step > last) { run.steps.push(step);
        run.values.push(data.curve.values[index]);
        run.total += 1; }
    });
    if (run.steps.length > 20000) this.load();
    else this.redraw();
  }

  /** Rows of dygraphs: a column for each line, one that is smoothed beside its raw one. */
  lines() {
    const lines = [];
    this.found.forEach((one, index) => {
      const { colour, dash } = look(index);
      one.attempts.forEach((run) => {
        const name = `${one.job.slice(0, 8)}${one.attempts.length > 1 ? ` attempt ${run.attempt}` : ""}`;
        const smoothed = this.smooth > 0 ? ease(run.steps, run.values, this.smooth) : null;
        lines.push({ name: smoothed ? `${name} raw` : name, steps: run.steps, values: run.values, colour, dash,
          faint: Boolean(smoothed), one });
        if (smoothed) lines.push({ name, steps: run.steps, values: smoothed, colour, dash, faint: false, one });
      });
      const latest = document.getElementById(`latest-${one.job}`);
      const value = one.attempts.at(-1)?.values.at(-1);
      if (latest && value !== undefined) latest.textContent =
        `${number(value)} at step ${number(one.attempts.at(-1).steps.at(-1))}`;
    });
    return lines;
  }

  async draw() {
    const Dygraph = await library("dygraph.min.js", "Dygraph");
    // Its legend writes style attributes, which the page's policy forbids; ours stands below.
    if (Dygraph) Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);
    if (this.isClosed) return;
    // Outside the page nothing has a width.
    if (!this.place.isConnected) return this.redraw();
    const lines = this.lines();
    if (!Dygraph) {
      replace(this.place, empty(
        "Curves are drawn with dygraphs: apt-get install libjs-dygraphs on the coordinator's machine. The newest values stand below."
        ));
      return;
    }
    if (lines.every((line) => line.steps.length === 0)) {
      this.graph?.destroy();
      this.graph = null;
      replace(this.place, empty(`Nothing was logged under ${this.key} yet.`));
      return;
    }
    const rows = table(lines, this.logX);
    const style = getComputedStyle(document.documentElement);
    const [ink, rule] = [style.getPropertyValue("--dim").trim(), style.getPropertyValue("--rule").trim()];
    const options = {
      file: rows,
      labels: ["step", ...lines.map((line, index) => `${line.name}\u200b${index}`)],
      logscale: this.logY,
      series: Object.fromEntries(lines.map((line, index) => [`${line.name}\u200b${index}`, {
        color: line.colour,
        strokePattern: line.dash.length > 0 ? line.dash : null,
        strokeWidth: line.faint ? 1 : 1.6,
      }])),
      axes: { x: { logscale: this.logX, axisLabelColor: ink }, y: { axisLabelWidth: 62, valueFormatter: (value) => number(
            value), axisLabelFormatter: (value) => number(value, 3) } },
      connectSeparatedPoints: true,
      gridLineColor: rule,
      axisLineColor: rule,
      rightGap: 12,
      labelsKMB: false,
      highlightCircleSize: 3,
      animatedZooms: false,
      xRangePad: 4,
      yRangePad: 8,
      underlayCallback: (canvas, area, graph) => marks(canvas, area, graph, this.found),
      zoomCallback: (from, to, y) => {
        if (this.zooming) return;
        const whole = !this.graph?.isZoomed("x");
        this.range = whole ? null : [from, to];
        this.reset.hidden = whole;
        this.load();
      },
      highlightCallback: (event, x, points) => this.say(`step ${number(Math.round(x))}: ` +
        points.filter((point) => !point.name.includes(" raw")).map((point) =>
          `${point.name.split("\u200b")[0]} ${number(point.yval)}`).join(" · ")),
    };
    options.plotter = lines.some((line) => line.faint) ? fade(Dygraph, lines) : undefined;
    if (options.plotter === undefined) delete options.plotter;
    const shape = `${lines.map((line) => line.name).join()}|${this.logX}|${this.logY}|${this.smooth > 0}|${ink}`;
    this.zooming = true;
    if (this.graph && this.shape === shape) {
      this.graph.updateOptions(this.range ? options : { ...options, dateWindow: null });
    } else {
      this.graph?.destroy();
      const canvas = h("div", { class: "plot", role: "img" });
      replace(this.place, canvas);
      const { file, ...rest } = options;
      this.graph = new Dygraph(canvas, file, rest);
      this.shape = shape;
    }
    this.place.querySelector(".plot").setAttribute("aria-label", `${this.key} of ${this.found.length} jobs against steps`);
    this.zooming = false;
    this.reset.hidden = !this.range;
    this.place.dataset.lines = String(lines.length);
    this.place.dataset.points = String(rows.length);
  }
}

/** The steps of all lines, merged; what a line has no point for is null. On a logarithmic axis step 0 has no place. */
function table(lines, isLog) {
  const steps = [...new Set(lines.flatMap((line) => line.steps))].filter((step) => !isLog || step > 0).sort((a, b) => a - b);
  const index = new Map(steps.map((step, place) => [step, place]));
  const rows = steps.map((step) => [step, ...new Array(lines.length).fill(null)]);
  lines.forEach((line, column) => line.steps.forEach((step, place) => {
    const row = index.get(step);
    if (row !== undefined) rows[row][column + 1] = line.values[place];
  }));
  return rows;
}

/** A mean whose weights fall with the distance in steps, so that thinning does not change it much. */
export function ease(steps, values, percent) {
  if (steps.length < 2) return [...values];
  const length = (steps.at(-1) - steps[0]) * (percent / 100) ** 2 * 0.25;
  let [sum, weight] = [0, 0];
  return values.map((value, index) => {
    const keep = index === 0 ? 0 : Math.exp(-(steps[index] - steps[index - 1]) / Math.max(length, 1e-9));
    sum = sum * keep + value;
    weight = weight * keep + 1;
    return sum / weight;
  });
}

/** Raw lines are drawn faintly behind the smoothed ones. */
function fade(Dygraph, lines) {
  const faint = new Set(lines.map((line, index) => (line.faint ? `${line.name}\u200b${index}` : null)));
  return (event) => {
    event.drawingContext.save();
    if (faint.has(event.setName)) event.drawingContext.globalAlpha = 0.28;
    Dygraph.Plotters.linePlotter(event);
    event.drawingContext.restore();
  };
}

/** Checkpoints along the bottom, and where an attempt went on. */
function marks(canvas, area, graph, found) {
  canvas.save();
  found.forEach((one, index) => {
    canvas.fillStyle = look(index).colour;
    canvas.strokeStyle = canvas.fillStyle;
    canvas.globalAlpha = 0.75;
    for (const step of one.saves) {
      const x = graph.toDomXCoord(step);
      if (x < area.x || x > area.x + area.w) continue;
      const y = area.y + area.h - 2 - (index % 4) * 7;
      canvas.beginPath();
      canvas.moveTo(x - 4, y);
      canvas.lineTo(x + 4, y);
      canvas.lineTo(x, y - 6);
      canvas.fill();
    }
    canvas.setLineDash(DASHES[1]);
    for (const run of one.attempts) {
      if (!run.resumed) continue;
      const x = graph.toDomXCoord(run.resumed);
      canvas.beginPath();
      canvas.moveTo(x, area.y);
      canvas.lineTo(x, area.y + area.h);
      canvas.stroke();
    }
    canvas.setLineDash([]);
  });
  canvas.restore();
}
