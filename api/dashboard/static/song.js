/**
 * A song on the page: its words as they come, then each line with its rhyme, syllables and stress.
 *
 * Knows the shapes of a song's events and result; refuses to know how they arrive.
 * @module
 */

import { announce, copyButton, el, percent } from "./dom.js";
import { planReview } from "./plan.js";

/** @typedef {import("./sse.js").RunEvent} RunEvent */
/** @typedef {{ id?: string, text: string, syllables?: number, stress?: string, rhyme?: string | null, grade?: string | null }} Line */
/** @typedef {{ name: string, kind: string, lines: Line[] }} Section */

const RHYME_HUES = 8;

/** Shows one song while it is written and when it is done. */
export class SongSheet {
  /** @type {Map<string, { element: HTMLElement, text: Text, stepId: string }>} */
  #stanzas = new Map();
  /** @type {string[]} */
  #order = [];
  /** @type {HTMLElement | null} */
  #review = null;

  constructor() {
    /** @type {((answer: object) => Promise<void>) | undefined} */
    this.onResume = undefined;
    this.title = el("h2", { class: "title", dir: "auto" }, "Untitled yet");
    this.title.dataset.pending = "";
    this.byline = el("p", { class: "byline" });
    this.lyric = el("div", { class: "lyric" });
    this.overall = el("p", { class: "overall" });
    this.rounds = el("ol", { class: "rounds" });
    this.scores = el("dl", { class: "scores" });
    this.notes = el("div", { class: "notes" });
    this.aside = el(
      "aside",
      { class: "margin", "aria-label": "About this song", hidden: true },
      el("h3", {}, "Measured"),
      this.overall,
      this.rounds,
      this.scores,
      this.notes,
    );
    this.body = el(
      "div",
      { class: "song" },
      el("div", { class: "words is-lyric" }, el("header", {}, this.title, this.byline), this.lyric),
      this.aside,
    );
  }

  /** @param {RunEvent} event */
  take({ type, data }) {
    if (type !== "interrupted" && type.startsWith("step_")) this.#dismissReview();
    if (type === "token") this.#type(data);
    else if (type === "section_written") this.#written(data);
    else if (type === "step_restarted") this.#restart(data);
    else if (type === "line_mended") this.#mended(data);
    else if (type === "verdict") this.#verdict(data);
    else if (type === "interrupted") this.#ask(data);
  }

  /** @param {any} result  of `POST /generate`, or one kept song as `{ lyrics, … }` */
  finish(result) {
    this.#dismissReview();
    const { lyrics, scores, writer, mood } = result;
    this.title.textContent = lyrics.title;
    delete this.title.dataset.pending;
    this.byline.replaceChildren(...bylineOf(writer, mood, lyrics));
    const wasMended = new Set([...this.lyric.querySelectorAll(".mended .text")].map((line) => line.textContent));
    this.lyric.replaceChildren(...lyrics.sections.map((/** @type {Section} */ section) => stanza(section, wasMended)));
    this.#stanzas.clear();
    if (scores) this.#score(scores);
    this.notes.replaceChildren(...notesOf(result));
    this.aside.hidden = false;
    announce(`Finished: ${lyrics.title}.`);
  }

  /** @param {{ section: string, text: string, step_id: string }} token */
  #type({ section, text, step_id }) {
    const stanza = this.#stanza(section);
    if (stanza.stepId !== step_id) this.#clear(section, step_id);
    stanza.text.appendData(text);
  }

  /** @param {string} section @param {string} stepId */
  #clear(section, stepId) {
    const stanza = this.#stanza(section);
    stanza.stepId = stepId;
    stanza.text.data = "";
    stanza.element.replaceChildren(el("h3", {}, section), el("p", { class: "live", dir: "auto" }, stanza.text));
  }

  /** @param {string} section */
  #stanza(section) {
    const known = this.#stanzas.get(section);
    if (known) return known;
    const text = document.createTextNode("");
    const element = el(
      "section",
      { class: "stanza", "aria-label": section },
      el("h3", {}, section),
      el("p", { class: "live", dir: "auto" }, text),
    );
    element.dataset.section = section;
    element.dataset.kind = kindOf(section);
    const made = { element, text, stepId: "" };
    this.#stanzas.set(section, made);
    const next = [...this.lyric.children].find(
      (other) => this.#place(/** @type {HTMLElement} */ (other).dataset.section ?? "") > this.#place(section),
    );
    this.lyric.insertBefore(element, next ?? null);
    return made;
  }

  /** Where a section is sung: from the plan where a person saw it, else by its name. @param {string} section */
  #place(section) {
    const planned = this.#order.indexOf(section);
    if (planned >= 0) return planned;
    const number = Number.parseInt(section.match(/\d+/)?.[0] ?? "1", 10);
    const kind = kindOf(section);
    const within = ["hook", "verse", "pre-chorus", "chorus"].indexOf(kind);
    if (kind === "intro") return -1;
    if (kind === "bridge") return 25 + number;
    return within < 0 ? 999 : number * 10 + within;
  }

  /** @param {{ section: string, kind: string, lines: string[], step_id: string }} written */
  #written({ section, kind, lines, step_id }) {
    const stanza = this.#stanza(section);
    stanza.stepId = step_id;
    stanza.element.dataset.kind = kind;
    stanza.element.replaceChildren(el("h3", {}, section), linesOf(lines.map((text) => ({ text }))));
    announce(`${section} is written.`);
  }

  /** @param {{ step: string, label?: string, step_id: string }} step */
  #restart({ step, label, step_id }) {
    if (step !== "lyric_generation" || !label) return;
    for (const section of label.split(", ")) if (this.#stanzas.has(section)) this.#clear(section, step_id);
  }

  /** @param {{ section: string, line: number, before: string, after: string, reason: string }} mended */
  #mended({ section, line, before, after, reason }) {
    const item = this.#stanzas.get(section)?.element.querySelectorAll("li")[line];
    const text = item?.querySelector(".text");
    if (!item || !text) return;
    text.textContent = after;
    item.classList.add("mended");
    item.title = `Was: ${before} (${reason})`;
    announce(`A line of ${section} was mended.`);
  }

  /** @param {{ round: number, overall: number, scores: any }} verdict */
  #verdict({ round, overall, scores }) {
    this.rounds.append(
      el("li", {}, el("span", {}, round === 0 ? "First draft" : `Round ${round}`), el("b", {}, percent(overall))),
    );
    this.#score(scores);
    this.aside.hidden = false;
    announce(`Judged: ${percent(overall)} of 100.`);
  }

  /** @param {Record<string, any>} scores */
  #score({ how = {}, ...values }) {
    this.scores.replaceChildren(
      ...Object.entries(values)
        .filter(([name, value]) => typeof value === "number" && name !== "overall")
        .flatMap(([name, value]) => scoreRow(name, value, how[name])),
    );
    const overall = values.overall;
    if (typeof overall === "number") this.overall.replaceChildren(percent(overall), el("small", {}, " of 100"));
  }

  /** @param {{ interrupts: { value: any }[] }} asked */
  #ask({ interrupts }) {
    const plan = interrupts[0]?.value;
    if (!plan) return;
    this.#order = Object.keys(plan.jobs ?? {});
    this.#dismissReview();
    this.#review = planReview(plan, async (answer) => {
      await this.onResume?.(answer);
      this.title.textContent = /** @type {{ title?: string }} */ (answer).title ?? plan.title;
    });
    this.title.textContent = plan.title;
    this.lyric.before(this.#review);
    announce("The plan is ready for you to look at.");
    this.#review.querySelector("input")?.focus({ preventScroll: true });
  }

  #dismissReview() {
    this.#review?.remove();
    this.#review = null;
  }
}

/** @param {string} section */
function kindOf(section) {
  return section.toLowerCase().replace(/\s*\d+$/, "");
}

/** @param {Section} section @param {Set<string | null>} wasMended */
function stanza(section, wasMended) {
  const element = el(
    "section",
    { class: "stanza", "aria-label": section.name },
    el("h3", {}, section.name),
    linesOf(section.lines, wasMended),
  );
  element.dataset.section = section.name;
  element.dataset.kind = section.kind;
  return element;
}

/** @param {Line[]} lines @param {Set<string | null>} [wasMended] */
function linesOf(lines, wasMended = new Set()) {
  return el("ol", { class: "lines" }, ...lines.map((line) => lineOf(line, wasMended.has(line.text))));
}

/** @param {Line} line @param {boolean} wasMended */
function lineOf(line, wasMended) {
  const item = el("li", { class: wasMended ? "kept" : null }, el("span", { class: "text", dir: "auto" }, line.text));
  if (line.syllables === undefined) return item;
  const letter = line.rhyme ?? null;
  const mark = el("span", { class: "rhyme" });
  if (letter) {
    mark.dataset.hue = String((letter.charCodeAt(0) - 65) % RHYME_HUES);
    mark.append(el("span", { class: "unseen" }, "rhyme "), letter);
    mark.title = line.grade ? `Rhyme ${letter}, ${line.grade}` : `Rhyme ${letter}`;
  }
  const beats = [...(line.stress ?? "")];
  item.append(
    mark,
    el(
      "span",
      { class: "stress", "aria-hidden": "true", title: `Stress: ${beats.join(" ")}` },
      ...beats.map((beat) => el("i", { class: beat === "/" ? "strong" : null })),
    ),
    el("span", { class: "count" }, String(line.syllables), el("span", { class: "unseen" }, " syllables")),
  );
  return item;
}

/** @param {string} name @param {number} value @param {string} [how] */
function scoreRow(name, value, how) {
  const bar = el("span", { class: "meter", "aria-hidden": "true" }, el("i", {}));
  bar.style.setProperty("--value", String(value));
  return [
    el("dt", { title: how }, name.replaceAll("_", " ")),
    el("dd", {}, bar, el("span", { class: "number" }, percent(value))),
  ];
}

/** @param {any} writer @param {any} mood @param {any} lyrics */
function bylineOf(writer, mood, lyrics) {
  const lines = lyrics.sections.reduce((/** @type {number} */ sum, /** @type {Section} */ s) => sum + s.lines.length, 0);
  return [
    mood?.feeling ? el("span", {}, mood.feeling) : null,
    el("span", {}, `${lines} lines`),
    writer ? el("span", {}, writerName(writer)) : null,
  ].filter((part) => part !== null);
}

/** @param {{ provider: string, model: string }} writer */
export function writerName({ provider, model }) {
  return provider === "embedded" ? "by the embedded writer" : `by ${model} (${provider})`;
}

/** @param {any} result */
function notesOf(result) {
  const { lyrics, marks = [], degraded_reasons: reasons = [], links = {}, plan } = result;
  const parts = [];
  if (plan?.note) parts.push(el("p", { class: "aside-note" }, plan.note));
  const causes = new Set(reasons.map((/** @type {{ reason: string }} */ r) => r.reason));
  for (const cause of causes) parts.push(el("p", { class: "aside-note degraded" }, String(cause)));
  if (marks.length) {
    parts.push(
      el(
        "details",
        { class: "marks" },
        el("summary", {}, marks.length === 1 ? "One line to look at" : `${marks.length} lines to look at`),
        el("ul", {}, ...marks.map((/** @type {any} */ mark) => el("li", {}, `${placeOf(lyrics, mark)}: ${mark.fact}`))),
      ),
    );
  }
  const text = () => `${lyrics.title}\n\n${lyrics.text}`;
  const hrefs = [
    links.lyrics ? el("a", { href: links.lyrics }, "Song") : null,
    links.run ? el("a", { href: links.run }, "Run") : null,
    links.trace ? el("a", { href: links.trace }, "Trace") : null,
  ];
  parts.push(el("p", { class: "acts" }, copyButton("Copy the words", text)));
  if (hrefs.some(Boolean)) parts.push(el("p", { class: "json" }, el("span", {}, "As JSON"), ...hrefs));
  return parts;
}

/** @param {any} lyrics @param {{ section: number, line: number }} mark */
function placeOf(lyrics, mark) {
  return `${lyrics.sections[mark.section]?.name ?? "Song"}, line ${mark.line + 1}`;
}
