// Blind votes on pairs of pictures, and what they say.
import { empty, h, jobLink, number, percent, replace, scroller, setting } from "./dom.js";
import { get, picture, post, shown } from "./api.js";
import { interval } from "./plots.js";

export async function show(root, context) {
  const info = context.info();
  const mayVote = context.start.mayChange;
  const labels = new Map();
  const jobs = await get("page/points", { sweep: context.sweep, pictured: 1, columns: [...info.parameters, "seed"] });
  jobs.ids.forEach((id, row) => labels.set(id, [...info.parameters.map((name, column) => (jobs.columns[column][row] === null ?
      null : `${name} ${setting(jobs.columns[column][row])}`)).filter(Boolean),
    `seed ${jobs.columns.at(-1)[row]}`
  ].join(" · ")));
  const label = (job) => labels.get(job.slice(0, 16)) ?? job.slice(0, 8);
  const booth = h("section", { class: "booth", "aria-label": "Vote" });
  const told = h("p", { role: "status", class: "dim" });
  const table = h("section", { "aria-label": "What the votes say" });
  let answer = await get("page/votes", { sweep: context.sweep });

  async function vote(outcome) {
    const { left, right } = answer.next;
    for (const button of booth.querySelectorAll("button")) button.disabled = true;
    try {
      answer = await post("page/vote", {
        sweep: context.sweep, series: left.series, outcome,
        left: { job: left.job, place: left.place }, right: { job: right.job, place: right.place },
      });
      told.textContent = `Counted. Left was ${label(left.job)}; right was ${label(right.job)}.`;
      draw();
      booth.querySelector(`button[data-vote="${outcome}"]`)?.focus();
    } catch (error) { told.textContent = error.message;
      draw(); }
  }

  function side(name, one) {
    const ballot = h("button", { type: "button", class: "ballot", "data-vote": name, "aria-label": `The ${name} one is better`,
      on: { click: () => vote(name) } });
    const image = shown(one, `${name} picture`, ballot);
    picture(one.sha256).then((address) => { image.src = address; }, (error) => { told.textContent = error.message; });
    ballot.append(image, h("span", {}, `${name === "left" ? "← " : ""}the ${name} one${name === "right" ? " →" : ""}`));
    return ballot;
  }

  function draw() {
    if (!mayVote) replace(booth, empty("This login may only read; who may submit sweeps may vote."));
    else if (!answer.next) replace(booth, empty("There are no two jobs with pictures of one prompt yet."));
    else {
      replace(booth, h("h2", {}, "Which is better?"), h("p", { class: "dim" },
          "You are not told whose they are before you have voted. Keys: ← left, → right, = neither. ",
          "The next pair is the one whose vote tells most."),
        h("div", { class: "pair" }, side("left", answer.next.left), side("right", answer.next.right)),
        h("button", { type: "button", "data-vote": "tie", on: { click: () => vote("tie") } }, "= Neither is better"));
    }
    replace(table, h("h2", {}, `${number(answer.votes)} votes`), answer.standings.length > 0 && scroller("Standings", h(
      "table", {},
      h("caption", {},
        "Chance to be preferred to an average one, with its 90 % interval (Bradley and Terry; ",
        "a tie is half a win for both). It is the metric ",
        h("code", {}, "votes"), " of these checkpoints: ", h("code", {}, `radiata top ${context.sweep} --metric votes`)),
      h("thead", {}, h("tr", {}, ["", "job", "settings", "at", "chance", "interval", "votes", "not told from"].map((
        title) => h("th", { scope: "col" }, title)))),
      h("tbody", {}, answer.standings.map((row, index) => h("tr", {}, h("td", { class: "number" }, String(index + 1)), h(
          "th", { scope: "row" }, jobLink(row.job)), h("td", {}, label(row.job)),
        h("td", {}, row.place), h("td", { class: "number" }, percent(row.chance)), h("td", {}, interval({ value: row
            .chance, low: row.low, high: row.high }, [0, 1])),
        h("td", { class: "number" }, number(row.votes)), h("td", { class: "number" }, number(row.tied))))))));
  }
  const keys = { ArrowLeft: "left", ArrowRight: "right", "=": "tie" };
  const pressed = (event) => {
    if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target
        .tagName)) return;
    if (document.querySelector("dialog[open]") || !booth.querySelector("button:not([disabled])")) return;
    event.preventDefault();
    vote(keys[event.key]);
  };
  addEventListener("keydown", pressed);
  root.append(booth, told, table);
  draw();
  return { close: () => removeEventListener("keydown", pressed) };
}
