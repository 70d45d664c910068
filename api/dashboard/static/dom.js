/**
 * Small tools for building the page from text. Nothing here parses HTML: whatever is shown is shown as text.
 *
 * @module
 */

/**
 * An element with attributes and children; strings become text nodes.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | boolean | null | undefined>} [attributes] null, undefined and false are left out
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (typeof value === "string") element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * The same for SVG.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * The element of that id, which the template always has.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}.`);
  return element;
}

/** @param {number} value 0..1 */
export function percent(value) {
  return `${Math.round(value * 100)}`;
}

const ANNOUNCE_EVERY_MS = 2500;
/** @type {string[]} */
const untold = [];
let timer = 0;

/**
 * Tell a screen reader, together with what else happens in these seconds.
 *
 * @param {string} sentence
 */
export function announce(sentence) {
  untold.push(sentence);
  if (timer) return;
  timer = setTimeout(() => {
    timer = 0;
    byId("told").textContent = untold.splice(0).join(" ");
  }, ANNOUNCE_EVERY_MS);
}

/**
 * A button that copies text and says so.
 *
 * @param {string} label
 * @param {() => string} text
 */
export function copyButton(label, text) {
  const button = el("button", { type: "button", class: "quiet" }, label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Copying is not allowed here";
    }
    announce(button.textContent ?? "");
    setTimeout(() => (button.textContent = label), 2000);
  });
  return button;
}
