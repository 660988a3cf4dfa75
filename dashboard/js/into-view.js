// Goes to a place of the page, of which most was never laid out (style.css, `content-visibility`).

/** What somebody does who wants to be elsewhere; a focus that moves is one of them. */
const OWN_WAYS = ['wheel', 'touchmove', 'pointerdown', 'keydown', 'focusin'];
/** A way that has not ended by then needed none, or the browser does not tell of its end. */
const ARRIVE_MS = 3_000;

const page = document.documentElement;
let moves = 0;
for (const type of OWN_WAYS) addEventListener(type, () => (moves += 1), { capture: true, passive: true });

/** Whether somebody wants as little motion as can be. */
export function isCalm() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/**
 * Scrolls to an element. So that the way is as long as it looks, each section gets its real height for it, which the browser
 * remembers; what grows on the way is made up for at its end. Gives a function that goes there once more. Neither does anything
 * when the reader has gone elsewhere meanwhile.
 */
export function bringIntoView(element, { block = 'start', behavior = isCalm() ? 'auto' : 'smooth' } = {}) {
  moves += 1;
  const move = moves;
  function go(how) {
    page.dataset.whole = 'true';
    element.scrollIntoView({ behavior: how, block });
    // The first frame lays it out and remembers, the second one no longer has to.
    requestAnimationFrame(() => requestAnimationFrame(() => delete page.dataset.whole));
  }
  function again() {
    if (moves === move) go('auto');
  }
  go(behavior);
  document.addEventListener('scrollend', again, { once: true, signal: AbortSignal.timeout(ARRIVE_MS) });
  return again;
}
