// An answer to a draw or a release as something to read, and what can be done with it.

import { curlCommand, nextCommand, releaseCommand } from './actions-command.js';
import { adviceFor, NEXT_PATH, releasable, replyKind } from './actions-request.js';
import { button, commandButtons, factList, glyph, openNumber } from './controls.js';
import { el } from './dom.js';
import { clock, ms, plural, range, ranges } from './format.js';

/** Ranges that are shown; more are in the raw answer. */
const RANGES_MAX = 24;

const KINDS = {
  fresh: { shape: '●', tone: 'good', title: 'Issued', note: 'fresh: new from the counter' },
  reused: { shape: '↻', tone: 'good', title: 'Reissued', note: 'reused: from the pool of released numbers' },
  mixed: { shape: '↻', tone: 'good', title: 'Issued', note: 'partly reused from the pool, partly fresh' },
  preview: { shape: '◌', tone: 'info', title: 'Preview', note: 'nothing was issued; not a promise' },
  suppressed: { shape: '⊘', tone: 'warn', title: 'Suppressed', note: 'taken and given back in one step' },
  released: { shape: '○', tone: 'info', title: 'Released', note: '' },
};

/**
 * One line for lists and for screen readers.
 *
 * @param entry {path, body, key, answer, at, released}: what was asked, the Answer of api.post, when, and which of its numbers were
 *   given back since
 */
export function summaryOf({ body, answer }) {
  const owner = `${body.siteId} / ${body.partitionId}`;
  if (!answer.ok) return { shape: '▲', tone: 'bad', title: answer.problem.title, numbers: '', owner };
  const { shape, tone, title } = lookOf(answer.body);
  return { shape, tone, title, numbers: ranges(rangesOf(answer.body), answer.body.count ?? 1), owner };
}

/** @param on {release(fields), again(entry), lookUp(number)} */
export function replyCard(app, entry, on) {
  const { answer } = entry;
  return answer.ok ? goodCard(app, entry, on) : problemCard(app, entry, on);
}

/** The buttons that copy a request; `request()` gives {path, body, key?}. */
export function copyButtons({ ui }, request) {
  const { origin } = location;
  const cli = () => {
    const { path, body, key } = request();
    return path === NEXT_PATH ? nextCommand(body, { origin, key }) : releaseCommand(body, { origin, key });
  };
  return commandButtons(ui, { curl: () => curlCommand({ origin, ...request() }), cli });
}

function goodCard(app, entry, on) {
  const { body, answer, path, key, at, released } = entry;
  const reply = answer.body;
  const kind = replyKind(reply);
  const { shape, tone, title, note } = lookOf(reply);
  const next = releasable(reply, released);
  const from = reply.count > 1 ? ` (${released.size + 1} of ${reply.count})` : '';
  return el(
    'article',
    { class: 'reply', 'data-kind': kind, 'data-tone': tone, dataset: { testid: 'reply' } },
    [
      head({ shape, title, note, at }),
      numberLinks(app, reply),
      factList([
        ['For', `${body.siteId} / ${body.partitionId}`],
        ['Type', reply.invoiceType],
        ['Reason', reply.reason],
        ['Count', reply.count > 1 ? String(reply.count) : undefined],
        ['Document', body.reference],
        ['Answered by', reply.node],
        ['Leader', reply.leader ?? 'none known'],
        ['Revision', reply.revision],
        ['Allocation', reply.allocationId],
        ['Took', took(answer)],
        ['Key', kind === 'preview' ? undefined : key],
      ]),
      el('div', { class: 'buttons' }, [
        next !== undefined &&
          button(`Release ${next.sequenceNumber}${from}`, 'reply-release', () => on.release(next, entry)),
        button('Show its life', 'reply-find', () => openNumber(app, reply.sequenceNumber)),
        app.ui.copyButton('numbers', () => numbersText(reply), { label: 'Numbers' }),
        copyButtons(app, () => ({ path, body, key })),
      ]),
      raw(reply),
    ],
  );
}

function problemCard(app, entry, on) {
  const { body, answer, path, key, at } = entry;
  const { problem } = answer;
  const { text, again } = adviceFor(problem);
  const number = body.sequenceNumber;
  const errors = Array.isArray(problem.errors) ? problem.errors.map(({ detail }) => detail) : [];
  return el(
    'article',
    { class: 'reply', 'data-kind': 'problem', 'data-tone': 'bad', dataset: { testid: 'reply' } },
    [
      head({ shape: '▲', title: problem.title, note: '', at }),
      el('p', { class: 'detail' }, problem.detail),
      errors.length > 1 &&
        el(
          'ul',
          null,
          errors.map(error => el('li', null, error)),
        ),
      el('p', { class: 'advice', dataset: { testid: 'reply-advice' } }, text),
      factList([
        ['Code', problem.code],
        ['Status', answer.status === 0 ? undefined : answer.status],
        ['Retry', problem.retry],
        ['Took', took(answer)],
        ['Key', key],
      ]),
      el('div', { class: 'buttons' }, [
        again && button('Send again, same key', 'reply-again', () => on.again(entry)),
        number !== undefined && button('Look it up', 'reply-lookup', () => on.lookUp(number)),
        copyButtons(app, () => ({ path, body, key })),
      ]),
      raw(problem),
    ],
  );
}

function lookOf(reply) {
  const look = KINDS[replyKind(reply)];
  const to = reply.releasedTo ?? reply.released?.to;
  if (to === undefined) return look;
  if (reply.released !== undefined) return { ...look, note: `${look.note}, to the ${to}` };
  return to === 'void'
    ? { ...look, shape: '✕', note: 'void: never given out again' }
    : { ...look, note: 'to the pool: it will be given out again' };
}

function head({ shape, title, note, at }) {
  return el('header', null, [
    glyph(shape),
    el('strong', null, title),
    note !== '' && el('span', { class: 'note', dataset: { testid: 'reply-note' } }, note),
    el('time', { datetime: new Date(at).toISOString() }, clock(at)),
  ]);
}

function rangesOf(reply) {
  return reply.numbers ?? [{ first: reply.sequenceNumber, last: reply.sequenceNumber }];
}

function numbersText(reply) {
  return rangesOf(reply).map(range).join(', ');
}

function numberLinks(app, reply) {
  const all = rangesOf(reply);
  return el('p', { class: 'numbers', dataset: { testid: 'reply-numbers' } }, [
    all.slice(0, RANGES_MAX).map(one =>
      button(range(one), undefined, () => openNumber(app, one.first), {
        class: 'number',
        title: one.reused === true ? 'from the pool' : undefined,
      }),
    ),
    all.length > RANGES_MAX && el('span', null, `and ${plural(all.length - RANGES_MAX, 'range')} more`),
  ]);
}

function took({ ms: duration, attempts, replayed }) {
  const tries = attempts > 1 ? `, ${attempts} attempts with one key` : '';
  return `${ms(duration)}${tries}${replayed ? '; the answer of an earlier attempt' : ''}`;
}

function raw(json) {
  return el('details', { dataset: { testid: 'reply-raw' } }, [
    el('summary', null, 'Raw JSON'),
    el('pre', { tabindex: '0', 'aria-label': 'Raw JSON' }, JSON.stringify(json, null, 2)),
  ]);
}
