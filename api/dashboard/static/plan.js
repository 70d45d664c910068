/**
 * The plan of a song, for a person to change or accept before a word of it is written.
 *
 * @module
 */

import { el } from "./dom.js";
import { Refusal } from "./sse.js";

let made = 0;

/**
 * @param {{ question?: string, title: string, hook: string, jobs: Record<string, string> }} plan
 * @param {(answer: object) => Promise<void>} accept
 * @returns {HTMLFormElement}
 */
export function planReview(plan, accept) {
  made += 1;
  const title = field("Title", plan.title, `plan-${made}-title`, { maxlength: "60", required: true });
  const hook = field("Hook", plan.hook, `plan-${made}-hook`, { maxlength: "60", required: true });
  const jobs = Object.entries(plan.jobs).map(([name, job], i) => ({
    name,
    job,
    ...field(name, job, `plan-${made}-job-${i}`, { maxlength: "400" }),
  }));
  const error = el("p", { class: "error whole", role: "alert", hidden: true });
  const button = el("button", { type: "submit", class: "main" }, "Accept and write");
  const form = el(
    "form",
    { class: "plan", "aria-label": "Plan of the song" },
    el("p", { class: "question" }, plan.question ?? "Is this the song to write?"),
    el("div", { class: "row" }, title.element, hook.element),
    el("fieldset", {}, el("legend", {}, "What each section tells"), ...jobs.map((job) => job.element)),
    el("div", { class: "go" }, button),
    error,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    error.hidden = true;
    const changed = jobs.filter(({ input, job }) => input.value.trim() && input.value.trim() !== job);
    try {
      await accept({
        accept: true,
        title: title.input.value.trim(),
        hook: hook.input.value.trim(),
        jobs: Object.fromEntries(changed.map(({ name, input }) => [name, input.value.trim()])),
      });
      form.remove();
    } catch (failure) {
      button.disabled = false;
      error.textContent = failure instanceof Refusal ? failure.message : "The service could not be reached; try again.";
      error.hidden = false;
    }
  });
  return form;
}

/**
 * @param {string} label
 * @param {string} value
 * @param {string} id
 * @param {Record<string, string | boolean>} limits
 */
function field(label, value, id, limits) {
  const input = el("input", { id, dir: "auto", ...limits });
  input.value = value;
  return { input, element: el("div", { class: "field" }, el("label", { for: id }, label), input) };
}
