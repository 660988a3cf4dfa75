// Events on the charts: which ones, with which number, and where their labels have room.

/**
 * @typedef {{ readonly id: string, readonly category: string, readonly at: number, readonly kind?: string, readonly text?: string, readonly mark?: boolean }} EventLike
 * @typedef {{ id: string, number: number, at: number, text: string, demo: boolean }} Mark `number` names it on narrow charts
 * @typedef {{ mark: Mark, x: number, label: string, labelX: number, lane: number }} PlacedMark pixels from the plot's left;
 *   `label` is empty when there is no room
 */

/** What an hour shows is more than what anybody reads. */
const MARKS_MAX = 60;
const LABEL_MAX = 40;
/** Nodes tell of the same event at about the same time, each with its own id. */
const SAME_WITHIN_MS = 5_000;
const LABEL_GAP = 6;
export const LANES = 2;

/** Collects marked events, each once, oldest first; numbers stay with their events. */
export function createMarkBook() {
  /** @type {Mark[]} */
  let marks = [];
  let count = 0;
  return {
    /** @returns {readonly Mark[]} */
    get marks() {
      return marks;
    },
    /**
     * Takes what is new of a list of events; whether anything was.
     *
     * @param {readonly EventLike[]} events
     */
    take(events) {
      let taken = false;
      for (const event of events) {
        // Its own look says that it is one.
        const text = (event.text ?? event.kind ?? '').replace(/^demonstration "([^"]*)"/, '$1');
        if (event.mark !== true || marks.some(mark => isSame(mark, event.id, text, event.at))) continue;
        // Dropped before, and still in the list.
        if (marks.length === MARKS_MAX && event.at < (marks[0]?.at ?? 0)) continue;
        marks.push({
          id: event.id,
          number: ++count,
          at: event.at,
          text,
          demo: event.category === 'demo',
        });
        taken = true;
      }
      if (taken) marks = marks.sort((a, b) => a.at - b.at).slice(-MARKS_MAX);
      return taken;
    },
  };
}

/**
 * The marks of a window.
 *
 * @param {readonly Mark[]} marks
 * @param {{ readonly first: number, readonly last: number }} window
 */
export function marksIn(marks, { first, last }) {
  return marks.filter(({ at }) => at >= first && at <= last);
}

/**
 * Places marks on a plot. Labels keep clear of each other in {@link LANES} lanes, those of demonstrations first, then the newest;
 * what has no room for its text shows its number, and without room for that only its line.
 *
 * @param {readonly Mark[]} marks of the window, oldest first
 * @param {{ readonly first: number, readonly last: number }} window
 * @param {number} width of the plot
 * @param {{ readonly texts: boolean, readonly measure: (text: string) => number }} labels `texts`: the chart is large enough for more
 *   than numbers
 * @returns {PlacedMark[]} in the order of the marks
 */
export function placeMarks(marks, { first, last }, width, { texts, measure }) {
  /** @type {PlacedMark[]} */
  const placed = marks.map(mark => {
    const x = ((mark.at - first) / (last - first)) * width;
    return { mark, x, label: '', labelX: x, lane: 0 };
  });
  /** @type {{ from: number, to: number }[][]} */
  const lanes = Array.from({ length: LANES }, () => []);
  const byRank = placed.toReversed().sort((a, b) => Number(b.mark.demo) - Number(a.mark.demo));
  for (const it of byRank) {
    const number = String(it.mark.number);
    for (const label of texts ? [`${number} ${shorten(it.mark.text)}`, number] : [number]) {
      const labelWidth = measure(label);
      // Near the right edge the label stands to the left of its line.
      const from = it.x + 3 + labelWidth > width ? it.x - 3 - labelWidth : it.x + 3;
      const to = from + labelWidth;
      const lane = lanes.findIndex(taken =>
        taken.every(other => to + LABEL_GAP <= other.from || other.to + LABEL_GAP <= from),
      );
      if (lane === -1 || from < 0) continue;
      lanes[lane]?.push({ from, to });
      Object.assign(it, { label, labelX: from, lane });
      break;
    }
  }
  return placed;
}

/**
 * @param {Mark} mark
 * @param {string} id
 * @param {string} text
 * @param {number} at
 */
function isSame(mark, id, text, at) {
  return mark.id === id || (mark.text === text && Math.abs(mark.at - at) < SAME_WITHIN_MS);
}

/** @param {string} text */
function shorten(text) {
  return text.length <= LABEL_MAX ? text : `${text.slice(0, LABEL_MAX - 1).trimEnd()}…`;
}
