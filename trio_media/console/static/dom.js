// Small helpers to build a page without markup in strings: text is always text.

const SVG = "http://www.w3.org/2000/svg";

// Properties that begin with `on` are listeners; `class`, `data-` and `aria-` are attributes.
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, worth] of Object.entries(properties)) {
    if (worth === null || worth === undefined || worth === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), worth);
    else element.setAttribute(name, worth === true ? "" : worth);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// Set a text, and only when it is another: a screen reader is not told twice.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

let toasts = null;

export function toast(text, isTrouble = false) {
  toasts ??= document.getElementById("toasts");
  const note = h("p", { class: isTrouble ? "toast trouble" : "toast" }, text);
  toasts.append(note);
  setTimeout(() => note.remove(), isTrouble ? 8000 : 4000);
}

// Run something that may fail, and say so.
export async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    if (error.name !== "AbortError") toast(error.message, true);
    return undefined;
  }
}
