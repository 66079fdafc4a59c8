// Building and changing the page without ever handing text to the HTML parser: a lesson's title stays text.

/** @typedef {string | number | boolean | null | undefined | ((event: any) => void)} Attribute */

/**
 * An element: attributes by name, `on…` as listeners, `class` as usual, children as nodes or text.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Attribute>} [attributes]
 * @param {...(Node|string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * Set an attribute if it differs; null and false take it away, true sets it empty.
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function put(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else {
    const text = value === true ? "" : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/**
 * Set the text if it differs, so that screen readers and the layout are left in peace.
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * The only child of `slot` becomes the icon `make()` gives; made anew only when `name` changes.
 * @template {string} Name
 * @param {HTMLElement} slot
 * @param {Name | ""} name "" for none
 * @param {(name: Name) => Element} make
 */
export function icon_in(slot, name, make) {
  if (slot.dataset.icon === name) return;
  slot.dataset.icon = name;
  slot.replaceChildren(...(name ? [make(name)] : []));
}
