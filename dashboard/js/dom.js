// Elements, made and changed in place. What comes from elsewhere goes in as text, never as markup.
//
//   el('button', {class: 'primary', type: 'button', onclick: fn, 'aria-label': 'x', dataset: {testid: 'draw'}}, 'Draw', icon)
//       children: nodes, texts, numbers, arrays of these; undefined, null and false are left out
//   svg('path', {d: '…'})          the same for SVG
//   setText(node, text)            writes only when it differs; likewise setAttr(node, name, value|undefined|false|true),
//                                  setClass(node, name, on), setHidden(node, hidden)
//   copyOf(id)                     what stands in a <template> of index.html, anew
//   partsOf(root)                  the elements within by their name, `data-part` or `data-testid`; looked up once
//   keyedList(parent, {key, make, update}) → sync(items): one element per key, kept, moved and updated, never made anew

const SVG = 'http://www.w3.org/2000/svg';

export function el(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'dataset') Object.assign(node.dataset, value);
    else if (name === 'text') node.textContent = value;
    else if (name === 'value' && 'value' in node) node.value = value;
    else setAttr(node, name, value);
  }
  append(node, children);
  return node;
}

export function append(node, children) {
  for (const child of children) {
    if (child === undefined || child === null || child === false) continue;
    if (Array.isArray(child)) append(node, child);
    else node.append(child instanceof Node ? child : String(child));
  }
}

export function setText(node, text) {
  const next = String(text);
  const only = node.firstChild;
  // Changing the text there is costs less than putting a new one in its place.
  if (only !== null && only === node.lastChild && only.nodeType === Node.TEXT_NODE) {
    if (only.data !== next) only.data = next;
  } else if (only !== null || next !== '') node.textContent = next;
}

export function setAttr(node, name, value) {
  if (value === undefined || value === null || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const next = value === true ? '' : String(value);
  if (node.getAttribute(name) !== next) node.setAttribute(name, next);
}

export function setClass(node, name, on) {
  if (node.classList.contains(name) !== on) node.classList.toggle(name, on);
}

export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

export function copyOf(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

const parts = new WeakMap();

export function partsOf(root) {
  let known = parts.get(root);
  if (known === undefined) {
    known = {};
    for (const part of root.querySelectorAll('[data-part], [data-testid]'))
      known[part.dataset.part ?? part.dataset.testid] = part;
    parts.set(root, known);
  }
  return known;
}

/** Keeps the children of `parent` in step with a list. `make(item)` gives an element, `update(element, item)` changes it. */
export function keyedList(parent, { key, make, update }) {
  const elements = new Map();
  return items => {
    const wanted = new Set(items.map(key));
    for (const [id, element] of elements) {
      if (wanted.has(id)) continue;
      element.remove();
      elements.delete(id);
    }
    let at = parent.firstElementChild;
    for (const item of items) {
      let element = elements.get(key(item));
      if (element === undefined) {
        element = make(item);
        elements.set(key(item), element);
      }
      update(element, item);
      if (element === at) at = at.nextElementSibling;
      else parent.insertBefore(element, at);
    }
  };
}
