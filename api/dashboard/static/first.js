/**
 * The first page: two forms, the run each of them started, and what was made before.
 *
 * Wires the parts together; refuses to know how a song, a playlist or a stream looks.
 * @module
 */

import { byId, el } from "./dom.js";
import { bodyOf, check, clear, sayBelow, showProblem } from "./forms.js";
import { PlaylistSheet } from "./playlist.js";
import { SongSheet } from "./song.js";
import { Stage } from "./stage.js";

/** @typedef {"song" | "music"} Tool */

const place = byId("stage");
/** @type {Partial<Record<Tool, Stage>>} */
const shown = {};

/**
 * Put a new run of a tool on the page, in the place of its last one.
 *
 * @param {Tool} tool
 * @param {HTMLFormElement | null} form
 */
function stage(tool, form) {
  shown[tool]?.leave();
  const sheet = tool === "song" ? new SongSheet() : new PlaylistSheet();
  const made = new Stage(sheet, tool === "song" ? "Song" : "Playlist", {
    onRun: (id) => remember(`${tool}-run=${id}`),
    onEnd: () => void fillShelves(),
    onRefusal: form
      ? (refusal) => {
          made.leave();
          showProblem(form, refusal.problem);
        }
      : undefined,
  });
  shown[tool] = made;
  place.prepend(made.element);
  return made;
}

/** @param {string} what */
function remember(what) {
  history.replaceState(null, "", `#${what}`);
}

/** @param {Tool} tool @param {string} url */
function wireForm(tool, url) {
  const form = /** @type {HTMLFormElement} */ (byId(`${tool}-form`));
  form.noValidate = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!check(form)) return;
    const body = bodyOf(form);
    if (tool === "song") body.seed ??= Math.floor(Math.random() * 2 ** 31);
    const made = stage(tool, form);
    reveal(made.element);
    await made.run({ post: { url, body } });
  });
  form.addEventListener("input", (event) => {
    const field = /** @type {HTMLElement} */ (event.target);
    if (field.getAttribute("aria-invalid") === "true") clear(form);
  });
  for (const field of form.querySelectorAll("textarea")) {
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
  }
}

/** @param {HTMLElement} element */
function reveal(element) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.focus({ preventScroll: true });
  element.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
}

// Tabs on narrow screens; both tools side by side on wide ones.

function wireTabs() {
  const bar = /** @type {HTMLElement} */ (document.querySelector(".tabs"));
  const tabs = /** @type {HTMLElement[]} */ ([...bar.querySelectorAll("[role=tab]")]);
  const narrow = matchMedia("(max-width: 55.99rem)");
  /** @param {HTMLElement} chosen */
  const choose = (chosen) => {
    for (const tab of tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      byId(tab.getAttribute("aria-controls") ?? "").hidden = narrow.matches && !isChosen;
    }
  };
  const current = () => tabs.find((tab) => tab.getAttribute("aria-selected") === "true") ?? tabs[0];
  const arrange = () => {
    bar.hidden = !narrow.matches;
    for (const tab of tabs) {
      const panel = byId(tab.getAttribute("aria-controls") ?? "");
      if (narrow.matches) panel.setAttribute("role", "tabpanel");
      else panel.removeAttribute("role");
    }
    choose(current());
  };
  bar.addEventListener("click", (event) => {
    const tab = /** @type {HTMLElement} */ (event.target).closest("[role=tab]");
    if (tab) choose(/** @type {HTMLElement} */ (tab));
  });
  bar.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = tabs[(tabs.indexOf(current()) + 1) % tabs.length];
    choose(other);
    other.focus();
  });
  narrow.addEventListener("change", arrange);
  arrange();
}

function wireTheme() {
  const button = byId("theme");
  const order = ["system", "light", "dark"];
  const root = document.documentElement;
  const show = () => (button.textContent = `Theme: ${root.dataset.theme ?? "system"}`);
  button.addEventListener("click", () => {
    const next = order[(order.indexOf(root.dataset.theme ?? "system") + 1) % order.length];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem("songwright-theme", next);
    } catch {
      // It holds for this visit only.
    }
    show();
  });
  button.hidden = false;
  show();
}

function wireIdeas() {
  const ideas = byId("ideas");
  const prompt = /** @type {HTMLTextAreaElement} */ (byId("prompt"));
  ideas.addEventListener("click", (event) => {
    const idea = /** @type {HTMLElement} */ (event.target).closest("button");
    if (!idea) return;
    prompt.value = idea.textContent ?? "";
    prompt.focus();
  });
  ideas.hidden = false;
}

// What was made before

async function fillShelves() {
  const [songs, playlists] = await Promise.all([listOf("/lyrics?limit=6"), listOf("/playlists?limit=6")]);
  byId("recent-songs").replaceChildren(...shelf(songs, (song) => kept("song", song.id, song.title, song.created_at)));
  byId("recent-playlists").replaceChildren(
    ...shelf(playlists, (list) => kept("playlist", list.id, list.text || list.explanation, list.created_at)),
  );
  byId("recent").hidden = songs.length + playlists.length === 0;
}

/** @param {string} url @returns {Promise<any[]>} */
async function listOf(url) {
  try {
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    return response.ok ? ((await response.json()).items ?? []) : [];
  } catch {
    return [];
  }
}

/** @param {any[]} items @param {(item: any) => HTMLElement} view */
function shelf(items, view) {
  return items.length ? items.map(view) : [el("li", { class: "none" }, "Nothing yet.")];
}

/** @param {string} kind @param {string} id @param {string} title @param {string} at */
function kept(kind, id, title, at) {
  const when = new Date(at);
  const said = when.toLocaleString(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  return el(
    "li",
    {},
    el("a", { href: `#${kind}=${encodeURIComponent(id)}`, dir: "auto" }, title),
    Number.isNaN(when.valueOf()) ? null : el("time", { datetime: at }, said),
  );
}

/** Show what the address names: a run to follow, or something kept. */
async function openAddressed() {
  const [kind, id] = location.hash.slice(1).split("=");
  if (!id) return;
  if (kind === "song-run" || kind === "music-run") {
    const tool = kind === "song-run" ? "song" : "music";
    if (shown[tool]?.runId !== id) await stage(tool, null).run({ runId: decodeURIComponent(id) });
  } else if (kind === "song") await openKept("song", `/lyrics/${id}`, (it) => ({ ...it, lyrics: it, links: linksOf(it, "lyrics", id) }));
  else if (kind === "playlist") {
    await openKept("music", `/playlists/${id}`, (it) => ({ ...it, playlist: it, links: linksOf(it, "playlist", id) }));
  }
}

/** @param {any} it @param {string} kind @param {string} id */
function linksOf(it, kind, id) {
  const own = kind === "lyrics" ? `/lyrics/${id}` : `/playlists/${id}`;
  return { [kind]: own, ...(it.run_id ? { run: `/runs/${it.run_id}`, trace: `/runs/${it.run_id}/steps` } : {}) };
}

/** @param {Tool} tool @param {string} url @param {(it: any) => any} asResult */
async function openKept(tool, url, asResult) {
  const form = /** @type {HTMLFormElement} */ (byId(`${tool}-form`));
  try {
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    if (!response.ok) {
      sayBelow(form, response.status === 404 ? "That is not kept any more." : `The service answered ${response.status}.`);
      return;
    }
    const made = stage(tool, null);
    made.show(asResult(await response.json()));
    reveal(made.element);
  } catch {
    sayBelow(form, "The service could not be reached; try again.");
  }
}

wireTheme();
wireTabs();
wireIdeas();
wireForm("song", "/generate");
wireForm("music", "/recommend");
addEventListener("hashchange", () => void openAddressed());
void fillShelves();
void openAddressed();
document.documentElement.dataset.ready = "";
