// The events of a number, one below the other, oldest first.

import { factList, glyph } from './controls.js';
import { el } from './dom.js';
import { eventFacts, eventLook } from './find-life.js';
import { dateClock, span } from './format.js';

/** Facts that are always seen; the others are behind "more". */
const FACTS_FIRST = new Set([
  'For',
  'Type',
  'Document',
  'Reason',
  'Client',
  'By',
  'Together with',
  'Until',
  'Node',
]);

/** An element, and what fills it: `set(number, events)`, `add(events, {isNew})`, `size`. */
export function createTimeline() {
  const list = el('ol', { class: 'timeline', dataset: { testid: 'timeline' } });
  const element = el('div', { class: 'timeline-scroll', role: 'region', tabindex: '0' }, list);
  let lastAt;

  function add(events, { isNew = false } = {}) {
    const { scrollTop, clientHeight, scrollHeight } = element;
    const isAtEnd = scrollTop > 0 && scrollTop + clientHeight > scrollHeight - 24;
    list.append(...events.map(event => item(event, isNew)));
    // Whoever has read to the end goes on doing so.
    if (isNew && isAtEnd) element.scrollTop = element.scrollHeight;
  }

  function item(event, isNew) {
    const { shape, tone, title } = eventLook(event);
    const at = Date.parse(event.at);
    const later = lastAt === undefined ? '' : `+${span(at - lastAt)}`;
    lastAt = at;
    const facts = eventFacts(event);
    const first = facts.filter(([label]) => FACTS_FIRST.has(label));
    const rest = facts.filter(([label]) => !FACTS_FIRST.has(label));
    return el(
      'li',
      { 'data-tone': tone, 'data-event': event.event, class: isNew ? 'new' : undefined },
      glyph(shape),
      el('div', { class: 'event-head' }, [
        el('strong', null, title),
        el('time', { datetime: event.at, title: event.at }, dateClock(at)),
        later !== '' && el('span', { class: 'later', title: 'after the event before' }, later),
      ]),
      factList(first),
      rest.length > 0 &&
        el(
          'details',
          null,
          el('summary', null, `Allocation ${event.allocationId ?? '–'} · batch ${event.position}`),
          factList(rest),
        ),
    );
  }

  return {
    element,
    get size() {
      return list.childElementCount;
    },
    set(number, events) {
      lastAt = undefined;
      element.setAttribute('aria-label', `Life of ${number}`);
      list.replaceChildren();
      element.scrollTop = 0;
      add(events);
    },
    add,
  };
}
