/**
 * Reads the two forms into request bodies, and says a problem at the field it concerns.
 *
 * @module
 */

/** @typedef {import("./sse.js").Problem} Problem */
/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Field */

/**
 * The body of a request; empty fields are left out, `a.b` nests.
 *
 * @param {HTMLFormElement} form
 * @returns {Record<string, any>}
 */
export function bodyOf(form) {
  /** @type {Record<string, any>} */
  const body = {};
  for (const field of fieldsOf(form)) {
    const value = valueOf(field);
    if (value === null) continue;
    const [outer, inner] = field.name.split(".");
    if (inner) body[outer] = { ...body[outer], [inner]: value };
    else body[outer] = value;
  }
  return body;
}

/** @param {Field} field */
function valueOf(field) {
  if (field instanceof HTMLInputElement && field.type === "checkbox") return field.checked || null;
  const text = field.value.trim();
  if (text === "") return null;
  return field.type === "number" ? Number(text) : text;
}

/** @param {HTMLFormElement} form @returns {Field[]} */
function fieldsOf(form) {
  return /** @type {Field[]} */ ([...form.elements].filter((e) => "name" in e && e.name !== ""));
}

/**
 * True where every field can be sent; otherwise each that cannot says why.
 *
 * @param {HTMLFormElement} form
 */
export function check(form) {
  clear(form);
  const unfit = fieldsOf(form).filter((field) => !field.validity.valid);
  for (const field of unfit) sayAt(field, sentenceFor(field));
  focusOn(unfit[0]);
  return unfit.length === 0;
}

/** @param {Field} field */
function sentenceFor(field) {
  if (field.validity.valueMissing) return "A few words are needed here.";
  const { min, max } = /** @type {HTMLInputElement} */ (field);
  if (field.validity.rangeOverflow || field.validity.rangeUnderflow) return `Choose a number from ${min} to ${max}.`;
  return field.validationMessage;
}

/** @param {HTMLFormElement} form */
export function clear(form) {
  for (const field of fieldsOf(form)) {
    field.removeAttribute("aria-invalid");
    const slot = document.getElementById(`${field.id}-error`);
    if (slot) slot.hidden = true;
  }
  const whole = document.getElementById(`${form.id}-error`);
  if (whole) whole.hidden = true;
}

/**
 * Show a problem (RFC 9457): each of its errors at the field its pointer names, the rest below the form.
 *
 * @param {HTMLFormElement} form
 * @param {Problem} problem
 */
export function showProblem(form, problem) {
  clear(form);
  const fields = new Map(fieldsOf(form).map((field) => [field.name, field]));
  /** @type {Field[]} */
  const unfit = [];
  for (const { pointer, detail } of problem.errors ?? []) {
    const field = fields.get(pointer.replace(/^#?\/?/, "").replaceAll("/", "."));
    if (field) {
      sayAt(field, sentence(detail));
      unfit.push(field);
    }
  }
  if (!unfit.length) sayBelow(form, sentence(problem.detail || problem.title || "The service refused this."));
  focusOn(unfit[0]);
}

/** @param {HTMLFormElement} form @param {string} said */
export function sayBelow(form, said) {
  const whole = document.getElementById(`${form.id}-error`);
  if (!whole) return;
  whole.textContent = said;
  whole.hidden = false;
}

/** @param {Field} field @param {string} said */
function sayAt(field, said) {
  const slot = document.getElementById(`${field.id}-error`);
  if (!slot) return;
  slot.textContent = said;
  slot.hidden = false;
  field.setAttribute("aria-invalid", "true");
  const described = new Set((field.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
  field.setAttribute("aria-describedby", [...described.add(slot.id)].join(" "));
}

/** @param {Field | undefined} field */
function focusOn(field) {
  if (!field) return;
  const folded = field.closest("details");
  if (folded) folded.open = true;
  field.focus();
}

/** @param {string} text */
function sentence(text) {
  const said = text.trim();
  const first = said.charAt(0).toUpperCase() + said.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}
