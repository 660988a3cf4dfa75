// What is known of one number: what it is now, what can be done with it, its life, and who told so.

import { showCommand } from './actions-command.js';
import { button, glyph, openAudit, openRelease } from './controls.js';
import { el, setHidden, setText } from './dom.js';
import { explainMissing, lifeNotes, stateOf } from './find-life.js';
import { createTimeline } from './find-timeline.js';
import { plural } from './format.js';

/**
 * `on` has `more()`, for the next page of a long life, and `again()`. The card's `show(body, how)` takes an answer in, with
 * `{lastPosition, isWhole, isNew}`: where what is shown ends, whether the answer is all of it or goes on, and whether that has just
 * happened; `showMissing(number, problem)` tells why there is no life, in words that it returns; `summary(body)`.
 */
export function createLifeCard(app, on) {
  const { ui, links } = app;
  const state = el('div', { class: 'find-state', dataset: { testid: 'find-state' } });
  const notes = el('div', { class: 'find-notes' });
  const buttons = el('div', { class: 'buttons' });
  const timeline = createTimeline();
  const more = button('', 'find-more', on.more);
  const foot = el('p', { class: 'find-foot muted small', dataset: { testid: 'find-foot' } });
  let buttonsFor;
  const parts = [state, buttons, notes, timeline.element, more, foot];

  function showState(tone, status, ...content) {
    state.dataset.tone = tone;
    state.dataset.status = status;
    state.replaceChildren(...content);
  }

  /** Other buttons, unless they are for the same; the focus goes to the one that says the same, or to the first. */
  function setButtons(next, ...list) {
    if (next === buttonsFor) return;
    buttonsFor = next;
    const had = buttons.contains(document.activeElement) ? document.activeElement.textContent : undefined;
    buttons.replaceChildren(...list.filter(Boolean));
    if (had === undefined) return;
    const all = [...buttons.children];
    (all.find(({ textContent }) => textContent === had) ?? all[0])?.focus({ preventScroll: true });
  }

  return {
    element: el('div', { class: 'life', dataset: { testid: 'life' } }, parts),

    summary: body => `${body.number}: ${stateOf(body).title}, ${plural(body.events.length, 'event')}`,

    show(body, { lastPosition, isWhole, isNew }) {
      const { number, events, next, ledger, journal } = body;
      if (isWhole) timeline.set(number, events);
      else timeline.add(events, { isNew });
      const { shape, tone, title, says } = stateOf(body);
      const { status, siteId, partitionId, invoiceType, allocationId, reason } = body.state;
      showState(
        tone,
        status,
        glyph(shape),
        el('strong', { class: 'find-shown' }, number),
        el('b', null, title),
        el('span', { class: 'says' }, [
          siteId === null ? says : `${siteId} / ${partitionId} · ${invoiceType}`,
          reason ? ` (${reason})` : '',
        ]),
      );
      setButtons(
        JSON.stringify([number, body.state]),
        siteId !== null &&
          status === 'issued' &&
          button('Release …', 'find-release', () =>
            openRelease(app, { sequenceNumber: number, siteId, partitionId, invoiceType, allocationId }),
          ),
        button('Audit rows', 'find-audit', () => openAudit(app, `number=${number}`)),
        ui.copyButton('link', () => new URL(links.href({ section: 'find' }), location.href).href, {
          label: 'Link',
        }),
        ui.copyButton('CLI command', () => showCommand(number, { origin: location.origin }), {
          label: 'CLI',
        }),
      );
      notes.replaceChildren(
        ...lifeNotes(body).map(({ tone, text }) => el('p', { class: 'note', 'data-tone': tone }, text)),
      );
      if (next === null && document.activeElement === more) timeline.element.focus({ preventScroll: true });
      setHidden(more, next === null);
      setText(more, `Show more (after batch ${lastPosition})`);
      const source = ledger === null ? 'etcd' : `ledger up to batch ${ledger.batch}`;
      setText(
        foot,
        `${plural(timeline.size, 'event')}${next === null ? '' : ' and more'} · ${source}, journal up to batch ` +
          `${journal.batch} · told by ${body.node} at revision ${body.revision}`,
      );
    },

    showMissing(number, problem) {
      const { title, text } = explainMissing(number, problem);
      const isUnknown = problem.code === 'never_issued';
      timeline.set(number, []);
      showState(
        isUnknown ? 'soft' : 'bad',
        isUnknown ? 'never-issued' : 'problem',
        glyph(isUnknown ? '·' : '▲'),
        el('b', null, title),
        el('span', { class: 'says' }, text),
      );
      setButtons(problem.code, !isUnknown && button('Try again', 'find-again', on.again));
      notes.replaceChildren();
      setHidden(more, true);
      setText(foot, isUnknown ? 'It appears here at once when it is drawn.' : '');
      return `${title}. ${text}`;
    },
  };
}
