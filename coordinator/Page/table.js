// The jobs of a sweep: filtered, sorted and cut into pages by the coordinator.
import { ago, check, empty, h, jobLink, later, number, prose, replace, scroller, setting, state } from "./dom.js";
import { get } from "./api.js";

const USUAL = ["state", "seed", "attempts", "worker", "updated"];
const OTHERS = ["group", "configuration", "priority", "created", "kind", "failure", "message"];
const SIZES = [25, 50, 100, 250];

/** A field for a filter, with what it understands below. */
export function filterField(value, change, columns) {
  const field = h("input", {
    type: "search",
    id: "filter",
    value,
    spellcheck: "false",
    autocomplete: "off",
    placeholder: "state:failed lr>1e-4 algorithm:lora,loha",
    "aria-describedby": "filter-help",
    on: { input: later(() => change(field.value.trim()), 200) },
  });
  return h("div", { class: "filter" },
    h("label", { class: "field wide" }, h("span", {}, "Filter"), field),
    h("details", { class: "help", id: "filter-help" }, h("summary", {}, "How to filter"),
      h("p", {}, "All terms must hold: ", h("code", {}, "state:failed"), ", one of several ", h("code", {},
        "algorithm:lora,loha"), ", not ",
        h("code", {}, "algorithm!=full"), ", ", h("code", {}, "lr>1e-4"), ", a range ", h("code", {}, "loss:0.1..0.2"),
        ", nothing there ",
        h("code", {}, "worker:none"),
        ". A word is looked for in group, worker, failure, message and values; the first digits of an id find a job. ",
        "Evaluations that were made later are jobs too: ", h("code", {}, "kind:evaluate"), "."),
      h("p", {}, "Names: ", columns.map((name, index) => [index > 0 ? ", " : "", h("code", {}, name)]))));
}

export async function show(root, context) {
  const info = context.info();
  const names = [...info.parameters, ...info.constants];
  const measured = [...info.measured.curves, ...info.measured.results];
  const params = context.params;
  let view = {
    filter: params.get("filter") ?? "",
    sort: params.get("sort") ?? "",
    page: Number(params.get("page") ?? 0),
    size: SIZES.includes(Number(params.get("size"))) ? Number(params.get("size")) : 50,
    columns: params.get("columns")?.split(",") ?? standard(info),
    picked: new Set((params.get("picked") ?? "").split(",").filter(Boolean)),
  };
  const note = h("p", { class: "count", role: "status" });
  const head = h("thead");
  const rows = h("tbody");
  const table = h("table", { class: "jobs" }, h("caption", { class: "hidden" }, `Jobs of ${context.sweep}`), head, rows);
  const pager = h("nav", { class: "pager", "aria-label": "Pages of the table" });
  const overlay = h("a", { class: "button" }, "Curves of the picked jobs");
  const chips = h("div", { class: "chips", role: "group", "aria-label": "State" });
  let turn = 0;

  function change(part, keepPage = false) {
    view = { ...view, ...part };
    if (!keepPage) view.page = 0;
    context.setParams({
      filter: view.filter,
      sort: view.sort,
      page: view.page || null,
      size: view.size === 50 ? null : view.size,
      columns: view.columns.join() === standard(info).join() ? null : view.columns.join(),
      picked: [...view.picked].join(),
    });
    load();
  }

  function title(column) {
    const [sorted, down] = [view.sort.replace(/^-/, "") === column, view.sort.startsWith("-")];
    return h("th", { scope: "col", "aria-sort": sorted ? (down ? "descending" : "ascending") : null },
      h("button", {
        class: "sort",
        type: "button",
        on: { click: () => change({ sort: sorted && !down ? `-${column}` : sorted ? "" : column }) },
      }, column, h("span", { "aria-hidden": "true", class: "arrow" }, sorted ? (down ? "▼" : "▲") : "")));
  }

  function cell(column, value) {
    if (column === "state") return h("td", {}, state(value));
    if (column === "updated" || column === "created") return h("td", { class: "dim" }, value ? ago(value) : "–");
    if (measured.includes(column)) return h("td", { class: "number" }, number(value));
    if (typeof value === "number") return h("td", { class: "number" }, setting(value));
    return h("td", { class: column === "message" ? "long" : null }, value ?? "–");
  }

  function line(row) {
    const box = h("input", {
      type: "checkbox",
      checked: view.picked.has(row.id.slice(0, 12)),
      "aria-label": `Pick job ${row.id.slice(0, 8)}`,
      on: { change: () => { view.picked[box.checked ? "add" : "delete"](row.id.slice(0, 12));
          change({}, true); } },
    });
    return h("tr", {}, h("td", {}, box), h("th", { scope: "row" }, jobLink(row.id)),
      view.columns.map((column, index) => {
        const made = cell(column, row.cells[index]);
        if (column === "state" && row.waits) made.append(h("span", { class: "why" }, prose(row.waits)));
        return made;
      }));
  }

  const soon = later(load, 1000);

  async function load() {
    const mine = ++turn;
    try {
      const began = performance.now();
      const answer = await get("page/jobs", {
        sweep: context.sweep,
        filter: view.filter,
        sort: view.sort,
        offset: view.page * view.size,
        limit: view.size,
        columns: view.columns,
      });
      if (mine !== turn) return;
      table.dataset.milliseconds = String(Math.round(performance.now() - began));
      const focused = head.contains(document.activeElement) ? document.activeElement.textContent : null;
      replace(head, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "hidden" }, "Picked")), h("th", { scope: "col" },
          "job"),
        view.columns.map(title)));
      if (focused)[...head.querySelectorAll("button")].find((button) => button.textContent.slice(0, -1) === focused.slice(0, -
        1) ||
        button.textContent.replace(/[▲▼]/, "") === focused.replace(/[▲▼]/, ""))?.focus();
      replace(rows, answer.rows.map(line));
      if (answer.rows.length === 0) {
        replace(rows, h("tr", {}, h("td", { colspan: String(view.columns.length + 2) }, empty(view.filter ?
          "No job fits the filter." : "No jobs."))));
      }
      const last = Math.min(answer.total, (view.page + 1) * view.size);
      note.textContent = answer.total === 0 ? "no jobs" :
        `${number(view.page * view.size + 1)} to ${number(last)} of ${number(answer.total)} jobs`;
      turnPages(answer.total);
      // Newer jobs were being read when this was answered.
      if (answer.isOld && table.isConnected) soon();
    } catch (error) {
      if (mine !== turn) return;
      if (error.status === 400) note.textContent = error.message;
      else context.refused(error);
    }
    overlay.hidden = view.picked.size === 0;
    overlay.href = `${context.path("curves")}?jobs=${[...view.picked].join()}`;
    overlay.textContent = `Curves of ${view.picked.size} picked`;
    drawChips();
  }

  function turnPages(total) {
    const most = Math.max(0, Math.ceil(total / view.size) - 1);
    const go = (page, text, label) => h("button", {
      type: "button",
      disabled: page < 0 || page > most || page === view.page,
      "aria-label": label,
      on: { click: () => change({ page }, true) },
    }, text);
    const focused = pager.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    replace(pager, go(0, "«", "First page"), go(view.page - 1, "‹", "Previous page"),
      h("span", {}, `page ${view.page + 1} of ${most + 1}`), go(view.page + 1, "›", "Next page"), go(most, "»", "Last page"),
      h("label", { class: "field" }, h("span", {}, "Rows"), h("select", { on: { change: (event) => change({ size: Number(event
                .target.value) }) } },
        SIZES.map((size) => h("option", { value: String(size), selected: size === view.size }, String(size))))));
    if (focused) pager.querySelector(`[aria-label="${focused}"]`)?.focus();
  }

  function drawChips() {
    const states = context.info().sweep.summary.states;
    const chosen = /(?:^| )state:([a-z,]+)/.exec(view.filter)?.[1]?.split(",") ?? [];
    replace(chips, Object.keys(states).sort().map((name) => h("button", {
      type: "button",
      class: "chip",
      "aria-pressed": String(chosen.includes(name)),
      on: {
        click: () => {
          const next = chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name];
          const rest = view.filter.replace(/(?:^| )state:[a-z,]+/, "").trim();
          const filter = [next.length > 0 ? `state:${next.join()}` : "", rest].filter(Boolean).join(" ");
          document.getElementById("filter").value = filter;
          change({ filter });
        },
      },
    }, `${name} ${number(states[name])}`)));
  }

  const chooser = h("details", { class: "columns" }, h("summary", {}, "Columns"),
    [
      ["Job", [...USUAL, ...OTHERS]],
      ["Settings", names],
      ["Curves, newest value", info.measured.curves],
      ["Results, newest checkpoint", info.measured.results]
    ]
    .filter(([, list]) => list.length > 0).map(([title, list]) => h("fieldset", {}, h("legend", {}, title), list.map((name) =>
      check(name, view.columns.includes(name), (isOn) => change({
        columns: isOn ? [...view.columns, name] : view.columns.filter((column) => column !== name),
      }, true))))));
  root.append(filterField(view.filter, (filter) => change({ filter }), [...USUAL, ...OTHERS, ...names, ...measured]),
    h("div", { class: "row" }, chips, h("span", { class: "grow" }), overlay, chooser), note,
    scroller(`Jobs of ${context.sweep}`, table), pager);
  await load();
  return { wake: load, heard: (kind) => { if (kind === "sweeps") soon(); } };
}

/** What differs, what is going on, and the first thing that was measured. */
function standard(info) {
  const loss = info.measured.curves.find((key) => /^(val|eval|validation)/.test(key)) ?? info.measured.curves.find((key) => /loss/
    .test(key));
  return ["state", ...info.parameters.slice(0, 6), "seed", ...(loss ? [loss] : []), ...info.measured.results.slice(0, 1), "worker",
    "updated"
  ];
}
