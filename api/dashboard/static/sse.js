/**
 * Follows a run's events through fetch, over dropped connections, each event once.
 *
 * Knows frames, numbers and reconnection; refuses to know what an event means.
 * @module
 */

/** @typedef {{ seq: number, type: string, data: any }} RunEvent */
/** @typedef {{ type?: string, title?: string, status?: number, detail?: string, errors?: { pointer: string, detail: string }[] }} Problem */
/** @typedef {"open" | "waiting"} Connection */

const MOST_TRIES = 9; // without an event between them: about 40 seconds
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8000;
const SILENCE_MS = 40000; // the service says something at least every 15 s

/** The service answered, and the answer is no. */
export class Refusal extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.detail || problem.title || "The service refused.");
    this.problem = problem;
  }
}

/** The service could not be reached, though it was tried again and again. */
export class Lost extends Error {}

/** Turns text in pieces of any size into events (HTML standard, 9.2.6). */
export class Frames {
  #rest = "";
  #id = 0;
  #type = "";
  /** @type {string[]} */
  #data = [];

  /**
   * @param {string} text
   * @returns {RunEvent[]} events completed by this piece
   */
  push(text) {
    const whole = this.#rest + text;
    const held = whole.endsWith("\r") ? 1 : 0; // half of a CRLF, perhaps
    const lines = whole.slice(0, whole.length - held).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? "") + (held ? "\r" : "");
    /** @type {RunEvent[]} */
    const events = [];
    for (const line of lines) {
      const event = this.#take(line);
      if (event) events.push(event);
    }
    return events;
  }

  /** @param {string} line */
  #take(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") this.#id = Number.parseInt(value, 10) || 0;
    else if (field === "event") this.#type = value;
    else if (field === "data") this.#data.push(value);
    return null;
  }

  #dispatch() {
    const data = this.#data.join("\n");
    const event = data === "" ? null : { seq: this.#id, type: this.#type || "message", data: JSON.parse(data) };
    this.#type = "";
    this.#data = [];
    return event;
  }
}

/**
 * Follow a run until it ends or waits for a person.
 *
 * @param {{
 *   post?: { url: string, body: object },
 *   runId?: string,
 *   after?: number,
 *   onEvent: (event: RunEvent) => void,
 *   onConnection?: (state: Connection) => void,
 *   signal: AbortSignal,
 * }} wanted  either `post`, which starts a run, or `runId`
 * @returns {Promise<number>} the number of the last event seen
 */
export async function follow({ post, runId, after = 0, onEvent, onConnection, signal }) {
  const key = token();
  let [last, tries, closing, known] = [after, 0, "", runId];

  /** @param {AbortSignal} stop */
  const ask = (stop) =>
    known
      ? fetch(`/runs/${encodeURIComponent(known)}/events`, {
          headers: { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": String(last) } : {}) },
          cache: "no-store",
          signal: stop,
        })
      : fetch(/** @type {{ url: string }} */ (post).url, {
          method: "POST",
          headers: { Accept: "text/event-stream", "Content-Type": "application/json", "Idempotency-Key": key },
          body: JSON.stringify(/** @type {{ body: object }} */ (post).body),
          signal: stop,
        });

  /** @param {RunEvent} event */
  const take = (event) => {
    if (event.seq <= last) return;
    last = event.seq;
    tries = 0;
    known = known ?? event.data.run_id;
    closing = ["run_finished", "run_failed", "interrupted"].includes(event.type) ? event.type : "";
    onEvent(event);
  };

  for (;;) {
    const silence = new Silence(signal);
    try {
      const response = await ask(silence.signal);
      if (!response.ok) await refuse(response, known !== undefined);
      onConnection?.("open");
      await read(response, silence, take, () => closing.startsWith("run_"));
      if (closing) return last;
    } catch (error) {
      if (signal.aborted || error instanceof Refusal) throw error;
    } finally {
      silence.end();
    }
    tries += 1;
    if (tries > MOST_TRIES) throw new Lost("The connection was lost and did not come back.");
    onConnection?.("waiting");
    await pause(Math.min(FIRST_WAIT_MS * 2 ** (tries - 1), LONGEST_WAIT_MS), signal);
  }
}

/**
 * @param {Response} response
 * @param {Silence} silence
 * @param {(event: RunEvent) => void} take
 * @param {() => boolean} isOver
 */
async function read(response, silence, take, isOver) {
  const frames = new Frames();
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      silence.broken();
      for (const event of frames.push(decoder.decode(value, { stream: true }))) take(event);
      if (isOver()) return;
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/**
 * A refusal, unless the answer is that of a service on its way up again.
 *
 * @param {Response} response
 * @param {boolean} hasRun
 */
async function refuse(response, hasRun) {
  if (hasRun && [429, 502, 503, 504].includes(response.status)) throw new Error("away for the moment");
  throw new Refusal(await problemOf(response));
}

/**
 * @param {Response} response
 * @returns {Promise<Problem>}
 */
export async function problemOf(response) {
  try {
    return { status: response.status, ...(await response.json()) };
  } catch {
    return { status: response.status, title: `The service answered ${response.status}.` };
  }
}

/** Ends a request that has been silent for longer than the service ever is. */
class Silence {
  #over = new AbortController();
  #timer = 0;

  /** @param {AbortSignal} outer */
  constructor(outer) {
    this.outer = outer;
    this.end = this.end.bind(this);
    outer.addEventListener("abort", this.end);
    if (outer.aborted) this.#over.abort();
    this.broken();
  }

  get signal() {
    return this.#over.signal;
  }

  broken() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#over.abort(), SILENCE_MS);
  }

  end() {
    clearTimeout(this.#timer);
    this.outer.removeEventListener("abort", this.end);
    this.#over.abort();
  }
}

/**
 * Wait, or less where the network comes back.
 *
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}

/** A name for this request, so that sending it twice starts one run. */
function token() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
