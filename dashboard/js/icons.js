// Small drawings in the colour of the text around them; they stand in index.html. Decoration: what they mean is always said in words.

import { svg } from './dom.js';

/** @param {'check' | 'cross' | 'copy' | 'info' | 'warning' | 'search' | 'sun' | 'moon' | 'system'} name */
export function icon(name) {
  return svg('svg', { class: 'icon', 'aria-hidden': 'true' }, svg('use', { href: `#icon-${name}` }));
}
