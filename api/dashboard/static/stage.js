/**
 * The frame around one run: who is at work, the connection, cancelling, and how it ended.
 *
 * Knows a run's life; refuses to know songs and playlists, which a `Sheet` shows.
 * @module
 */

import { announce, el } from "./dom.js";
import { follow, Lost, problemOf, Refusal } from "./sse.js";

/** @typedef {import("./sse.js").RunEvent} RunEvent */
/**
 * What shows the work itself.
 * @typedef {{
 *   body: HTMLElement,
 *   take: (event: RunEvent) => void,
 *   finish: (result: any) => void,
 *   onResume?: (answer: object) => Promise<void>,
 * }} Sheet
 */

const STEPS = /** @type {Record<string, string>} */ ({
  coordinator: "Reading the brief",
  mood_analysis: "Reading the mood",
  retrieve: "Looking through your songs",
  lyric_planning: "Planning",
  review_plan: "Your turn",
  lyric_generation: "Writing",
  lyric_evaluation: "Judging",
  lyric_refinement: "Mending",
  music_curation: "Choosing tracks",
  playlist: "Saying why",
  finish: "Finishing",
});

/** One run on the page. */
export class Stage {
  /** @type {Map<string, HTMLElement>} */
  #steps = new Map();
  #over = new AbortController();
  #last = 0;
  #isCancelAsked = false;

  /**
   * @param {Sheet} sheet
   * @param {string} name what a screen reader calls it
   * @param {{ onEnd?: (result: any) => void, onRefusal?: (refusal: Refusal) => void, onRun?: (id: string) => void }} [ears]
   */
  constructor(sheet, name, ears = {}) {
    this.sheet = sheet;
    this.ears = ears;
    /** @type {string | undefined} */
    this.runId = undefined;
    this.isOver = false;
    this.list = el("ol", { class: "steps", "aria-label": "Steps of the run" });
    this.note = el("p", { class: "state", hidden: true });
    this.cancelButton = el("button", { type: "button", class: "quiet cancel" }, "Cancel");
    this.cancelButton.addEventListener("click", () => this.cancel());
    this.bar = el("div", { class: "bar" }, this.list, this.cancelButton);
    this.element = el(
      "article",
      { class: "sheet", "aria-label": name, "aria-busy": "true", tabindex: "-1" },
      this.bar,
      this.note,
      sheet.body,
    );
    sheet.onResume = (answer) => this.resume(answer);
  }

  /** Take the page away from under the run; the run itself goes on. */
  leave() {
    this.isOver = true;
    this.#over.abort();
    this.element.remove();
  }

  /**
   * Start a run, or follow one that exists.
   *
   * @param {{ post?: { url: string, body: object }, runId?: string }} wanted
   */
  async run(wanted) {
    if (wanted.runId) this.runId = wanted.runId;
    try {
      this.#last = await follow({
        ...wanted,
        after: this.#last,
        onEvent: (event) => this.#take(event),
        onConnection: (state) => this.#connection(state),
        signal: this.#over.signal,
      });
    } catch (error) {
      if (this.#over.signal.aborted) return;
      this.#end();
      if (error instanceof Refusal && this.#last === 0 && this.ears.onRefusal) this.ears.onRefusal(error);
      else if (error instanceof Lost) this.#offerAgain(error.message);
      else this.#say(error instanceof Error ? error.message : String(error), "bad");
    }
  }

  /** Show what was made before. @param {any} result */
  show(result) {
    this.#end();
    this.bar.hidden = true;
    this.sheet.finish(result);
  }

  /** @param {object} answer */
  async resume(answer) {
    const response = await fetch(`/runs/${this.runId}/resume`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", Prefer: "respond-async" },
      body: JSON.stringify({ value: answer }),
    });
    if (!response.ok) throw new Refusal(await problemOf(response));
    this.element.setAttribute("aria-busy", "true");
    this.#step("review_plan", (item) => (item.dataset.state = "done"));
    void this.run({ runId: this.runId });
  }

  async cancel() {
    this.cancelButton.disabled = true;
    if (!this.runId) {
      this.#isCancelAsked = true; // it has no name yet; its first event brings one
      return;
    }
    try {
      const response = await fetch(`/runs/${this.runId}/cancel`, { method: "POST", headers: { Accept: "application/json" } });
      if (!response.ok) throw new Refusal(await problemOf(response));
      if ((await response.json()).status === "cancelled") this.#ended("cancelled");
    } catch (error) {
      this.cancelButton.disabled = false;
      this.#say(error instanceof Refusal ? error.message : "The service could not be reached; try again.", "bad");
    }
  }

  /** @param {RunEvent} event */
  #take({ seq, type, data }) {
    this.#last = seq;
    if (type === "run_started") {
      this.runId = data.run_id;
      this.ears.onRun?.(data.run_id);
      if (this.#isCancelAsked) void this.cancel();
    } else if (type === "step_started" || type === "step_restarted") this.#began(data);
    else if (type === "step_finished") this.#step(data.step_id, (item) => (item.dataset.state = "done"));
    else if (type === "run_failed") this.#failed(data);
    else if (type === "run_finished") this.#ended(data.status, data);
    else if (type === "interrupted") this.element.setAttribute("aria-busy", "false");
    this.sheet.take({ seq, type, data });
  }

  /** @param {{ step: string, step_id: string, label?: string, attempt: number }} step */
  #began(step) {
    const key = step.step === "review_plan" ? step.step : step.step_id;
    const about = step.step === "lyric_generation" && step.label ? step.label : "";
    const said = [STEPS[step.step] ?? step.step.replaceAll("_", " "), about].filter(Boolean).join(" ");
    if (this.#steps.has(key)) return;
    const same = [...this.#steps.values()].find((item) => item.dataset.said === said && item.dataset.state === "busy");
    const item = same ?? el("li", {}, said);
    item.dataset.said = said;
    item.dataset.state = "busy";
    if (step.attempt > 1) item.textContent = `${said}, try ${step.attempt}`;
    if (!same) {
      this.list.append(item);
      this.list.scrollLeft = this.list.scrollWidth;
    }
    this.#steps.set(key, item);
  }

  /**
   * @param {string} key
   * @param {(item: HTMLElement) => void} change
   */
  #step(key, change) {
    const item = this.#steps.get(key);
    if (item) change(item);
  }

  /**
   * @param {string} status
   * @param {any} [result]
   */
  #ended(status, result) {
    if (this.isOver) return;
    this.#end();
    if (status === "cancelled") {
      this.#say("Cancelled. What was written so far stays here, but is not kept.", "plain");
      announce("Cancelled.");
    } else this.sheet.finish(result);
    this.ears.onEnd?.(result);
  }

  /** @param {{ detail?: string, title?: string }} problem */
  #failed(problem) {
    this.#end();
    this.#say(problem.detail || problem.title || "The run failed.", "bad");
    if (this.runId) this.note.append(" ", el("a", { href: `/runs/${this.runId}/steps` }, "See its steps"));
    announce("The run failed.");
  }

  #end() {
    this.isOver = true;
    this.element.setAttribute("aria-busy", "false");
    this.element.dataset.over = "";
    this.cancelButton.hidden = true;
    for (const item of this.#steps.values()) if (item.dataset.state === "busy") item.dataset.state = "done";
  }

  /** @param {"open" | "waiting"} state */
  #connection(state) {
    if (state === "waiting") {
      this.#say("The connection dropped. Trying again …", "waiting");
      announce("The connection dropped; trying again.");
    } else if (this.note.dataset.kind === "waiting") {
      this.note.hidden = true;
      announce("Connected again.");
    }
  }

  /** @param {string} message */
  #offerAgain(message) {
    this.#say(message, "bad");
    if (!this.runId) return;
    const again = el("button", { type: "button", class: "quiet" }, "Connect again");
    again.addEventListener("click", () => {
      this.isOver = false;
      this.note.hidden = true;
      this.cancelButton.hidden = false;
      delete this.element.dataset.over;
      void this.run({ runId: this.runId });
    });
    this.note.append(" ", again);
  }

  /**
   * @param {string} sentence
   * @param {"bad" | "plain" | "waiting"} kind
   */
  #say(sentence, kind) {
    this.note.textContent = sentence;
    this.note.dataset.kind = kind;
    this.note.hidden = false;
  }
}
