/**
 * A playlist on the page: tracks in listening order with reasons, and their path over the plane of mood.
 *
 * @module
 */

import { announce, copyButton, el, percent, svg } from "./dom.js";
import { writerName } from "./song.js";

/** @typedef {import("./sse.js").RunEvent} RunEvent */
/** @typedef {{ id: string, title: string, artist: string, year?: number | null, genre?: string, valence: number, energy: number, tempo_bpm?: number | null, reason: string }} Track */
/** @typedef {{ low: number, high: number, point: number }} Span */

const ARCS = /** @type {Record<string, string>} */ ({
  match: "stays with you",
  lift: "lifts",
  calm: "calms",
  energize: "wakes up",
  iso: "from here to there",
  direct: "straight there",
});

/** Shows one playlist. */
export class PlaylistSheet {
  constructor() {
    /** @type {((answer: object) => Promise<void>) | undefined} */
    this.onResume = undefined;
    this.title = el("h2", { class: "title" }, "Listening …");
    this.title.dataset.pending = "";
    this.byline = el("p", { class: "byline" });
    this.explanation = el("p", { class: "explanation", dir: "auto" });
    this.tracks = el("ol", { class: "tracks" });
    this.aside = el("aside", { class: "margin", "aria-label": "About this playlist", hidden: true });
    this.body = el(
      "div",
      { class: "song" },
      el("div", { class: "words" }, el("header", {}, this.title, this.byline), this.explanation, this.tracks),
      this.aside,
    );
  }

  /** @param {RunEvent} event */
  take({ type, data }) {
    if (type === "playlist") this.#show(data, null);
  }

  /** @param {any} result  of `POST /recommend` */
  finish(result) {
    this.#show(result.playlist, result);
    announce(`Found ${result.playlist.tracks.length} tracks.`);
  }

  /** @param {{ tracks: Track[], explanation: string, arc: string, relaxed?: string[] }} playlist @param {any} result */
  #show(playlist, result) {
    const mood = result?.mood ?? null;
    this.title.textContent = headline(mood, playlist);
    delete this.title.dataset.pending;
    this.byline.replaceChildren(
      el("span", {}, `${playlist.tracks.length} tracks`),
      el("span", {}, ARCS[playlist.arc] ?? playlist.arc),
      ...(result?.writer ? [el("span", {}, `explained ${writerName(result.writer)}`)] : []),
    );
    this.explanation.textContent = playlist.explanation;
    this.tracks.replaceChildren(...playlist.tracks.map((track, i) => trackOf(track, i)));
    this.aside.replaceChildren(el("h3", {}, "On the plane of mood"), plane(playlist.tracks, mood), ...notes(playlist, result));
    this.aside.hidden = false;
  }
}

/** @param {any} mood @param {{ tracks: Track[] }} playlist */
function headline(mood, playlist) {
  if (!mood) return playlist.tracks.length ? "Your music" : "Nothing fits";
  const feeling = mood.feeling.charAt(0).toUpperCase() + mood.feeling.slice(1);
  return mood.wish ? `${feeling}, towards ${mood.wish}` : feeling;
}

/** @param {Track} track @param {number} i */
function trackOf(track, i) {
  const facts = [track.year, track.genre, track.tempo_bpm ? `${Math.round(track.tempo_bpm)} bpm` : null].filter(Boolean);
  return el(
    "li",
    {},
    el("span", { class: "place", "aria-hidden": "true" }, String(i + 1)),
    el(
      "div",
      { class: "track" },
      el("p", { class: "name" }, el("b", { dir: "auto" }, track.title), " ", el("span", { dir: "auto" }, track.artist)),
      el("p", { class: "reason", dir: "auto" }, track.reason),
      el("p", { class: "facts" }, facts.join(" · ")),
    ),
    el(
      "p",
      { class: "where" },
      el("span", { title: "Valence: how bright it sounds" }, el("span", { class: "unseen" }, "valence "), percent(track.valence)),
      el("span", { title: "Energy: how strongly it moves" }, el("span", { class: "unseen" }, "energy "), percent(track.energy)),
    ),
  );
}

const SIZE = 240;
const EDGE = 18;

/** @param {number} value */
const across = (value) => EDGE + value * (SIZE - 2 * EDGE);
/** @param {number} value */
const up = (value) => SIZE - across(value);

/**
 * Valence runs right, energy up. The list beside it holds the same numbers.
 *
 * @param {Track[]} tracks
 * @param {{ valence: Span, energy: Span, start?: { valence: number, energy: number } } | null} mood
 */
function plane(tracks, mood) {
  const picture = svg(
    "svg",
    { class: "plane", viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img", "aria-label": `Path of ${tracks.length} tracks by valence and energy; the list has the same numbers` },
    svg("rect", { class: "ground", x: EDGE, y: EDGE, width: SIZE - 2 * EDGE, height: SIZE - 2 * EDGE, rx: 6 }),
    svg("path", { class: "axis", d: `M${across(0.5)} ${EDGE}V${SIZE - EDGE}M${EDGE} ${up(0.5)}H${SIZE - EDGE}` }),
  );
  const words = /** @type {[string, number, number, string][]} */ ([
    ["tense", EDGE + 5, EDGE + 13, "start"],
    ["joyful", SIZE - EDGE - 5, EDGE + 13, "end"],
    ["low", EDGE + 5, SIZE - EDGE - 6, "start"],
    ["peaceful", SIZE - EDGE - 5, SIZE - EDGE - 6, "end"],
  ]);
  for (const [word, x, y, anchor] of words) picture.append(svg("text", { x, y, "text-anchor": anchor }, word));
  if (mood) {
    const [v, e] = [mood.valence, mood.energy];
    picture.append(
      svg("rect", {
        class: "target",
        x: across(v.low),
        y: up(e.high),
        width: across(v.high) - across(v.low),
        height: up(e.low) - up(e.high),
        rx: 4,
      }),
    );
    if (mood.start) picture.append(svg("circle", { class: "start", cx: across(mood.start.valence), cy: up(mood.start.energy), r: 5 }));
  }
  picture.append(
    svg("polyline", { class: "path", points: tracks.map((t) => `${across(t.valence)},${up(t.energy)}`).join(" ") }),
    ...tracks.map((track, i) => dot(track, i, tracks.length)),
  );
  return picture;
}

/** @param {Track} track @param {number} i @param {number} count */
function dot(track, i, count) {
  const isEnd = i === 0 || i === count - 1;
  const circle = svg(
    "circle",
    { class: isEnd ? "dot end" : "dot", cx: across(track.valence), cy: up(track.energy), r: isEnd ? 5.5 : 4 },
    svg("title", {}, `${i + 1}. ${track.title}`),
  );
  circle.setAttribute("data-place", String(i + 1));
  return circle;
}

/** @param {any} playlist @param {any} result */
function notes(playlist, result) {
  const parts = [
    el(
      "ul",
      { class: "legend" },
      el("li", { class: "is-start" }, "where you are"),
      el("li", { class: "is-target" }, "what it aims for"),
      el("li", { class: "is-path" }, "the tracks, first to last"),
    ),
  ];
  /** @type {HTMLElement[]} */
  const more = [];
  const emotions = Object.entries(result?.mood?.emotions ?? {}).slice(0, 3);
  if (emotions.length) {
    more.push(el("p", { class: "aside-note" }, `Read as ${emotions.map(([name, score]) => `${name} ${percent(Number(score))}`).join(", ")}.`));
  }
  for (const effect of result?.context_effects ?? []) more.push(el("p", { class: "aside-note" }, String(effect)));
  for (const relaxed of playlist.relaxed ?? []) more.push(el("p", { class: "aside-note degraded" }, String(relaxed)));
  for (const { reason } of result?.degraded_reasons ?? []) more.push(el("p", { class: "aside-note degraded" }, String(reason)));
  const text = () => playlist.tracks.map((/** @type {Track} */ t, /** @type {number} */ i) => `${i + 1}. ${t.artist}: ${t.title}`).join("\n");
  more.push(el("p", { class: "acts" }, copyButton("Copy the list", text)));
  const { playlist: kept, run, trace } = result?.links ?? {};
  const hrefs = [kept && el("a", { href: kept }, "Playlist"), run && el("a", { href: run }, "Run"), trace && el("a", { href: trace }, "Trace")];
  if (run || kept) more.push(el("p", { class: "json" }, el("span", {}, "As JSON"), ...hrefs));
  return [...parts, ...more];
}
