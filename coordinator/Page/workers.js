// The workers: what they have, what they do, and why one does nothing.
import { ago, bytes, empty, h, jobLink, later, number, prose, replace, scroller, state } from "./dom.js";
import { get } from "./api.js";
import { buttons } from "./actions.js";

export async function show(root, context) {
  const body = h("div", {});
  let usage = {};

  /** What the jobs of a worker measured last of its cards. */
  function use(jobs) {
    const found = jobs.map((id) => usage[id]).filter(Boolean);
    if (found.length === 0) return null;
    return found.map((one) => {
      const [busy, memory] = [one["system/gpu_utilisation"], one["system/gpu_memory_mb"]];
      return h("p", { class: "dim" }, [busy !== undefined ? `${number(Math.round(busy))} % busy` : null,
        memory !== undefined ? `${bytes(memory * 1e6)} used` : null
      ].filter(Boolean).join(", "));
    });
  }
  async function load() {
    try {
      const [{ items }, used] = await Promise.all([get("v1/workers"), get("page/usage")]);
      usage = used;
      draw(items);
    } catch (error) { context.refused(error); }
  }

  function draw(workers) {
    if (workers.length === 0) {
      replace(body, empty("No worker yet. On any machine: "), h("pre", {},
        `radiata worker run --coordinator ${location.origin}${location.pathname.replace(/\/$/, "")}`));
      return;
    }
    const there = workers.filter((one) => one.state === "connected");
    const slots = there.reduce((sum, one) => sum + one.slots, 0);
    const busy = there.reduce((sum, one) => sum + one.busy, 0);
    replace(body, h("p", { class: "numbers" }, h("strong", {}, `${number(busy)} of ${number(slots)}`),
        ` slots busy on ${number(there.length)} connected workers`),
      scroller("Workers", h("table", { class: "workers" },
        h("thead", {}, h("tr", {}, ["worker", "state", "slots", "runs", "GPUs", "memory", "labels", "heard", ...(context.start
            .mayChange ? ["actions"] : [])]
          .map((title) => h("th", { scope: "col" }, title)))),
        h("tbody", {}, workers.map((one) => h("tr", {},
          h("th", { scope: "row" }, one.name, h("span", { class: "dim" }, ` ${one.id.slice(0, 8)}`)),
          h("td", {}, state(one.state), one.reason && h("span", { class: "why" }, prose(
            `${one.reason}${one.since ? `, ${ago(one.since)}` : ""}${one.remedy ? `; ${one.remedy}` : ""}`))),
          h("td", {}, h("meter", { min: "0", max: String(Math.max(1, one.slots)), value: String(one
            .busy), "aria-label": `${one.busy} of ${one.slots} slots busy` }), ` ${one.busy}/${one.slots}`),
          h("td", {}, one.jobs.slice(0, 6).map((id) => [jobLink(id), " "]), one.jobs.length > 6 ?
            `and ${one.jobs.length - 6} more` : ""),
          h("td", {}, one.gpuDevices?.length ? one.gpuDevices.map((gpu) => h("p", {},
              `${gpu.index}: ${gpu.name}${gpu.memory ? `, ${bytes(gpu.memory)}` : ""}`)) : one.gpus > 0 ? String(one
            .gpus) : "–",
            use(one.jobs), one.gpuShare > 1 && h("span", { class: "dim" }, `${one.gpuShare} jobs share one`)),
          h("td", { class: "number" }, one.memory > 0 ? bytes(one.memory) : "–"),
          h("td", {}, Object.entries(one.labels).map(([key, value]) => h("span", { class: "tag" }, `${key}=${value}`))),
          h("td", { class: "dim" }, ago(one.lastSeen)),
          context.start.mayChange && h("td", {}, ["stopped"].includes(one.state) ? null :
            buttons(context, one.id, one.state === "draining" || one.state === "suspended" ? ["undrain"] : ["drain"],
              load))))))));
  }
  root.append(h("h1", {}, "Workers"), body);
  await load();
  const clock = setInterval(() => { if (!document.hidden) load(); }, 10000);
  const soon = later(load, 1000);
  return { title: "Workers", wake: load, heard: (kind) => { if (kind === "sweeps") soon(); }, close: () => clearInterval(clock) };
}
