// One job: what it is, where it runs, why it waits, its attempts, curves, pictures, files, logs and settings.
import { ago, bytes, check, duration, empty, h, jobLink, later, number, prose, replace, scroller, setting, state, toast,
  when } from "./dom.js";
import { download, get, picture, shown } from "./api.js";
import { buttons, ofJob } from "./actions.js";
import { Chart } from "./curves.js";

export async function show(root, context) {
  const name = context.rest[0] ?? "";
  let detail = await get(`v1/jobs/${encodeURIComponent(name)}`);
  const id = detail.job.id;
  const sweep = detail.job.sweep;
  const head = h("section", { class: "head" });
  const attempts = h("section", {});
  const files = h("section", {});
  const settings = h("section", {});

  function draw() {
    const { job } = detail;
    replace(head, h("div", { class: "row" }, h("h1", {}, "Job ", h("code", {}, id.slice(0, 12))), state(job.state), h(
        "span", { class: "grow" }),
        buttons(context, id, ofJob(job.state), load)),
      job.waits_for && h("p", { class: "why", id: "why" }, h("strong", {}, "Why it waits: "), prose(job.waits_for)),
      job.failure && h("p", { class: "fault" }, `${job.failure}: ${job.message ?? ""}`),
      h("dl", { class: "facts" }, [
        ["Sweep", detail.sweeps.map((one, index) => [index > 0 ? ", " : "", h(
        "a", { href: `#/sweep/${encodeURIComponent(one)}` }, one)])],
        ["Group", job.group],
        ["Seed", String(job.seed)],
        ["Worker", job.worker ?? "–"],
        ["Made", when(job.created)],
        ["Changed", `${ago(job.updated)}`],
        detail.base && ["Base", detail.base.path], detail.data && ["Data", detail.data.path],
        detail.origin && ["Made of", [jobLink(detail.origin.parent), ` by ${detail.origin.way}`]],
        detail.children && ["Made of it", detail.children.map((one) => [jobLink(one.job), ` (${one.way}) `])],
        job.note && ["Note", job.note], job.tags && ["Tags", job.tags.join(", ")],
        ["Whole id", h("code", { class: "break" }, id)],
      ].filter(Boolean).map(([title, value]) => h("div", {}, h("dt", {}, title), h("dd", {}, value)))),
      (detail.notices ?? []).map((one) => h("p", { class: "warning" },
        `Attempt ${one.attempt}: ${one.detail}${one.count > 1 ? ` (${one.count} times)` : ""}`)));
    replace(attempts, h("h2", {}, "Attempts"), detail.attempts.length === 0 ? empty("None yet.") : scroller("Attempts", h(
      "table", {},
      h("thead", {}, h("tr", {}, ["number", "worker", "began", "took", "went on from step", "outcome", "message"].map((
        title) => h("th", { scope: "col" }, title)))),
      h("tbody", {}, detail.attempts.map((one) => h("tr", {}, h("th", { scope: "row" }, String(one.number)), h("td", {}, one
          .worker), h("td", {}, when(one.started)),
        h("td", {}, duration(((one.ended ?? Date.now()) - one.started) / 1000)), h("td", { class: "number" }, number(one
          .resumedStep)),
        h("td", {}, one.outcome ? state(one.outcome) : state("running"), one.failure ? ` ${one.failure}` : ""), h(
        "td", { class: "long" }, one.message ?? "")))))));
    replace(files, h("h2", {}, "Checkpoints"), detail.checkpoints.length === 0 ? empty("None yet.") : scroller("Checkpoints", h(
      "table", {},
      h("thead", {}, h("tr", {}, ["name", "epoch", "step", "attempt", "files"].map((title) => h("th", { scope: "col" },
        title)))),
      h("tbody", {}, detail.checkpoints.map((one) => h("tr", {}, h("th", { scope: "row" }, one.name), h(
        "td", { class: "number" }, number(one.epoch)), h("td", { class: "number" }, number(one.step)),
        h("td", { class: "number" }, String(one.attempt)), h("td", {}, one.files.map((file) => h("button", {
          type: "button",
          class: "file",
          "aria-label": `Download ${file.name} of ${one.name}`,
          on: { click: () => download(id, one.name, file.name).catch((error) => toast(error.message, true)) },
        }, `↓ ${file.name} `, h("span", { class: "dim" }, bytes(file.bytes)))))))))));
  }
  async function load() {
    try { detail = await get(`v1/jobs/${id}`);
      draw(); } catch (error) { context.refused(error); }
  }
  draw();
  const [measured, pictures, own] = await Promise.all([
    get("page/measured", { sweep }), get("page/pictures", { sweep }), get("page/settings", { job: id }),
  ]);
  const keys = measured.curves.filter((key) => key in detail.latest);
  const curves = h("section", {});
  let chart = null;
  if (keys.length > 0) {
    const place = h("div", { class: "plot-place" });
    chart = new Chart(context, place, keys, () => [id], () => "");
    curves.append(h("h2", {}, "Curves"), chart.controls, place, chart.note,
      h("details", {}, h("summary", {}, "Newest values"), h("table", {}, h("tbody", {}, Object.entries(detail.latest).sort()
        .map(([key, value]) =>
          h("tr", {}, h("th", { scope: "row" }, key), h("td", { class: "number" }, number(value))))))));
  }
  const mine = pictures.items.filter((one) => one.job === id).sort((a, b) => (a.step ?? 0) - (b.step ?? 0)).slice(-60);
  const samples = h("section", {}, mine.length > 0 && [h("h2", {}, "Pictures"), h("div", { class: "strip", role: "region",
    tabindex: "0", "aria-label": "Pictures" }, mine.map((one) => {
    const image = shown(one, `${one.kind} at step ${one.step ?? "?"} ${one.series}`);
    picture(one.sha256).then((address) => { image.src = address; }, (error) => { if (one.isVideo) image.replaceWith(h(
      "p", { class: "dim" }, error.message)); });
    return h("figure", {}, image, h("figcaption", {},
      `step ${number(one.step)}${one.series ? ` · ${one.series}` : ""}`));
  }))]);

  const against = h("input", { type: "search", placeholder: "id of another job", "aria-label": "Job to compare the settings with",
    value: context.params.get("with") ?? "" });
  const onlyOther = { value: true };
  const table = h("div", {});
  async function compare() {
    const wanted = against.value.trim();
    context.setParams({ with: wanted });
    let other = null;
    if (wanted.length >= 8) {
      try { other = await get("page/settings", { job: wanted }); } catch (error) { replace(table, h("p", { class: "fault" },
          error.message)); return; }
    }
    const names = [...new Set([...Object.keys(own), ...Object.keys(other ?? {})])].sort();
    const differs = (key) => other && JSON.stringify(own[key]) !== JSON.stringify(other[key]);
    const shown = other && onlyOther.value ? names.filter(differs) : names;
    replace(table, other && shown.length === 0 ? empty("They train with the same settings.") : scroller("Settings", h(
      "table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "setting"),
        h("th", { scope: "col" }, "this job"), other && h("th", { scope: "col" }, wanted.slice(0, 8)))),
      h("tbody", {}, shown.map((key) => h("tr", { class: differs(key) ? "differs" : null }, h("th", { scope: "row" },
        key), h("td", {}, setting(own[key])), other && h("td", {}, setting(other[key]))))))));
  }
  against.addEventListener("input", later(compare, 300));
  settings.append(h("details", { open: against.value !== "" }, h("summary", {}, h("h2", {}, "Settings")), h(
    "div", { class: "row controls" }, h("label", { class: "field" }, h("span", {}, "Difference to"), against),
    check("only what differs", true, (isOn) => { onlyOther.value = isOn;
      compare(); })), table));
  compare();

  const log = new Log(context, id, detail.attempts);
  root.append(head, curves, samples, files, attempts, log.section, settings,
    h("details", { class: "events" }, h("summary", {}, h("h2", {}, "What happened")), h("ol", {}, detail.events.map((one) => h(
      "li", {}, when(one.at), ` ${one.kind}${one.attempt ? `, attempt ${one.attempt}` : ""} ${one.detail}`)))));
  context.attach();
  await chart?.load();
  log.run();
  const soon = later(load, 800);
  return {
    title: `Job ${id.slice(0, 8)}`,
    wake: () => { load();
      chart?.load();
      log.run(); },
    close: () => { chart?.close();
      log.close(); },
    heard: (kind, data) => { if (kind === "sweeps") soon();
      chart?.heard(kind, data); },
  };
}

/** The log of an attempt, which follows its end while somebody looks. */
class Log {
  constructor(context, job, attempts) {
    this.context = context;
    this.job = job;
    this.attempt = attempts.at(-1)?.number ?? null;
    this.offset = 0;
    this.follows = true;
    this.text = h("pre", { class: "log", tabindex: "0", role: "region", "aria-label": "Log" });
    this.rest = h("span", { class: "dim" });
    this.section = h("section", {}, h("div", { class: "row" }, h("h2", {}, "Log"),
      attempts.length > 1 && h("label", { class: "field" }, h("span", {}, "Attempt"), h("select", { on: { change: (event) =>
              this.turn(Number(event.target.value)) } },
        attempts.map((one) => h("option", { value: String(one.number), selected: one.number === this.attempt }, String(one
          .number))))),
      check("follow", true, (isOn) => { this.follows = isOn; if (isOn) this.run(); })), this.text);
    if (attempts.length === 0) this.text.textContent = "No attempt yet.";
  }
  turn(attempt) { this.close();
    Object.assign(this, { attempt, offset: 0 });
    this.text.textContent = "";
    this.run(); }
  close() { this.stop?.abort();
    this.stop = null; }
  async run() {
    if (this.attempt === null) return;
    this.close();
    const own = new AbortController();
    this.stop = own;
    let isFirst = true;
    while (!own.signal.aborted && !document.hidden) {
      try {
        const answer = await get(`v1/jobs/${this.job}/logs`, { attempt: this.attempt, offset: this.offset, wait: isFirst ? 0 :
            20 }, own.signal);
        if (own.signal.aborted) return;
        isFirst = false;
        this.offset = answer.next;
        const isAtEnd = this.text.scrollHeight - this.text.scrollTop - this.text.clientHeight < 40;
        this.rest.remove();
        this.text.append(answer.text);
        if (this.text.textContent.length > 600000) this.text.textContent = this.text.textContent.slice(-400000);
        this.rest.textContent = answer.line ?? "";
        this.text.append(this.rest);
        if (isAtEnd) this.text.scrollTop = this.text.scrollHeight;
        if (answer.isComplete) { if (this.text.textContent === "") this.text.textContent = "The attempt wrote nothing."; return; }
        if (!this.follows) return;
      } catch (error) {
        if (own.signal.aborted || error.name === "AbortError") return;
        await new Promise((resolve) => setTimeout(resolve, 3000));
      }
    }
  }
}
