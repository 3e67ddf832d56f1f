// What changes something: it says what it will do, then does it.
import { h, prose, replace, toast } from "./dom.js";
import { post } from "./api.js";

const TITLES = {
  pause: "Pause",
  unpause: "Unpause",
  cancel: "Cancel",
  resume: "Resume",
  priority: "Set the priority of",
  drain: "Drain",
  undrain: "Let work again:",
};

/** Buttons for the actions of a sweep, a job or a worker; none for those who may only read. */
export function buttons(context, target, actions, done) {
  if (!context.start.mayChange) return null;
  return h("div", { class: "actions" }, actions.map((action) =>
    h("button", {
      type: "button",
      "data-action": action,
      "data-target": target,
      "aria-label": `${TITLES[action]} ${target.slice(0, 40)}`,
      on: { click: () => ask(action, target, done) },
    }, action)));
}

/** Which actions make sense for a sweep in this state. */
export function ofSweep(summary) {
  const has = (...states) => states.some((state) => (summary.states[state] ?? 0) > 0);
  const list = [];
  if (has("waiting", "running") && summary.state !== "paused") list.push("pause");
  if (has("paused") || summary.state === "paused") list.push("unpause");
  if (has("failed", "parked", "canceled") || summary.state === "stopped") list.push("resume");
  if (has("waiting", "running", "paused")) list.push("priority", "cancel");
  return list;
}

export function ofJob(state) {
  return {
    waiting: ["pause", "priority", "cancel"],
    running: ["pause", "priority", "cancel"],
    paused: ["unpause", "priority", "cancel"],
    failed: ["resume"],
    parked: ["resume"],
    canceled: ["resume"],
  } [state] ?? [];
}

async function ask(action, target, done) {
  const words = h("div", { class: "words", "aria-live": "polite" }, h("p", {}, "Asking what this would do …"));
  const go = h("button", { class: action === "cancel" ? "danger" : "primary", disabled: true, value: "go" },
    `${TITLES[action].split(" ")[0]}`);
  const field = action === "priority" ?
    h("input", { type: "number", min: "-1000", max: "1000", step: "1", value: "10", id: "priority", on: { input: () =>
        trial() } }) :
    null;
  const dialog = h("dialog", { "aria-labelledby": "ask-title" },
    h("form", { method: "dialog" },
      h("h2", { id: "ask-title" }, `${TITLES[action]} ${target.length === 64 ? target.slice(0, 8) : target}?`),
      field && h("label", { class: "field" }, h("span", {}, "Priority (usual: 0)"), field),
      words,
      h("div", { class: "actions" }, go, h("button", { value: "", type: "submit", formnovalidate: true }, "Leave it"))));
  const wish = (isTrial) => ({ action, target, isTrial, priority: field ? Number(field.value) : undefined });
  async function trial() {
    try {
      const answer = await post("page/act", wish(true));
      replace(words, answer.words.map((text) => h("p", {}, prose(text))));
      go.disabled = !answer.changes;
    } catch (error) {
      replace(words, h("p", { class: "fault" }, error.message));
      go.disabled = true;
    }
  }
  dialog.addEventListener("close", async () => {
    dialog.remove();
    if (dialog.returnValue !== "go") return;
    try {
      const answer = await post("page/act", wish(false));
      toast(answer.words.join(" "));
      done?.();
    } catch (error) {
      toast(error.message, true);
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  await trial();
}
