// The two forms of "Draw and release": fields in, bodies of requests out.

import { button, field, select, setChoices, submitButton, textInput } from './controls.js';
import { BEHAVIOUR_HINTS, drawBody, releaseBody } from './actions-request.js';
import { el, setText } from './dom.js';
import { icon } from './icons.js';

/** Site and partition, where the second offers what the first has. */
function placeFields(testid, onchange) {
  const site = select('siteId', `${testid}-site`, {
    onchange() {
      fillPartitions();
      onchange?.();
    },
  });
  const partition = select('partitionId', `${testid}-partition`, { onchange });
  let sites = [];

  function fillSites(chosen) {
    setChoices(
      site,
      sites.map(({ id }) => id),
      chosen,
    );
  }

  function fillPartitions(chosen) {
    setChoices(partition, sites.find(({ id }) => id === site.value)?.partitions ?? [], chosen);
  }

  return {
    fields: [field('Site', site), field('Partition', partition)],
    setVocabulary(vocabulary) {
      sites = vocabulary.sites;
      fillSites();
      fillPartitions();
    },
    choose(siteId, partitionId) {
      fillSites(siteId);
      fillPartitions(partitionId);
    },
    get: () => ({ siteId: site.value, partitionId: partition.value }),
  };
}

/** The form that draws. `onSubmit(body)`, and `extras(body)` gives the buttons after the first. */
export function createDrawForm({ onSubmit, extras }) {
  const place = placeFields('draw');
  const type = select('invoiceType', 'draw-type', { onchange: explain, 'aria-describedby': 'draw-hint' });
  const count = numberInput('count', 'draw-count', { value: 1 });
  const contiguous = el('input', { type: 'checkbox', dataset: { testid: 'draw-contiguous' } });
  const reference = textInput('reference', 'draw-reference', 'optional');
  const client = textInput('clientId', 'draw-client', 'optional');
  const hint = el('p', { class: 'form-hint', id: 'draw-hint', dataset: { testid: 'draw-hint' } });
  let behaviours = {};

  function explain() {
    setText(hint, BEHAVIOUR_HINTS[behaviours[type.value]] ?? '');
  }

  const body = () =>
    drawBody({
      ...place.get(),
      invoiceType: type.value,
      count: Number(count.value),
      contiguous: contiguous.checked,
      reference: reference.value,
      clientId: client.value,
    });

  const form = formOf('Draw', 'draw', {
    fields: [
      ...place.fields,
      field('Type', type),
      field('Count', count),
      field('Reference', reference),
      field('Client', client),
      el('label', { class: 'check' }, contiguous, 'All numbers in one range'),
    ],
    hint,
    buttons: extras(body),
    onSubmit: () => onSubmit(body()),
  });

  return {
    form,
    setVocabulary(vocabulary) {
      behaviours = vocabulary.invoiceTypes;
      place.setVocabulary(vocabulary);
      setChoices(type, Object.keys(behaviours));
      count.max = String(vocabulary.countMax);
      explain();
    },
  };
}

/**
 * The form that gives a number back. `onSubmit(body)`; `lookUp(number)` finds whose it is: `{owner: {siteId, partitionId, allocationId,
 * invoiceType} or undefined, text}`; `extras(body)` gives the buttons after the first.
 */
export function createReleaseForm({ onSubmit, lookUp, extras }) {
  const number = numberInput('sequenceNumber', 'release-number', {
    oninput() {
      allocation.value = '';
      type.value = '';
      setHint(FIRST_HINT);
    },
    onchange: () => void find(),
  });
  const place = placeFields('release', () => {
    placeOf = number.value;
    setHint('');
  });
  const reason = textInput('reason', 'release-reason', '', { required: true, value: 'cancelled' });
  const allocation = textInput('allocationId', 'release-allocation', 'optional');
  const type = select('invoiceType', 'release-type');
  const hint = el(
    'p',
    { class: 'form-hint', role: 'status', dataset: { testid: 'release-hint' } },
    FIRST_HINT,
  );
  // Which number site and partition were looked up, or chosen, for.
  let placeOf = '';
  // Counts what makes an answer that is on its way one to an older question.
  let turn = 0;
  let isTyped = false;

  function setHint(text) {
    turn += 1;
    setText(hint, text);
  }

  /** Whether the form is as its reader knows it: nothing else was asked or filled in meanwhile. */
  async function find({ always = false } = {}) {
    const wanted = number.value;
    if (wanted === '' || !number.checkValidity() || (!always && placeOf === wanted)) return true;
    setHint(`Looking up ${wanted} …`);
    const mine = turn;
    const { owner, text } = await lookUp(Number(wanted));
    if (mine !== turn) return false;
    placeOf = wanted;
    if (owner !== undefined) fill({ sequenceNumber: wanted, ...owner });
    setHint(text);
    return true;
  }

  function fill({ sequenceNumber, siteId, partitionId, allocationId, invoiceType }) {
    number.value = String(sequenceNumber);
    place.choose(siteId, partitionId);
    allocation.value = allocationId ?? '';
    type.value = invoiceType ?? '';
    placeOf = number.value;
  }

  const body = () =>
    releaseBody({
      sequenceNumber: Number(number.value),
      ...place.get(),
      reason: reason.value,
      allocationId: allocation.value.trim(),
      invoiceType: type.value,
    });

  const label = 'Look up whose number it is';
  const form = formOf('Release', 'release', {
    fields: [
      el(
        'div',
        { class: 'with-button' },
        field('Number', number),
        button(icon('search'), 'release-lookup', () => void find({ always: true }), {
          class: 'icon-button',
          'aria-label': label,
          title: label,
        }),
      ),
      field('Reason', reason),
      ...place.fields,
      field('Allocation', allocation),
      field('Type', type),
    ],
    hint,
    buttons: extras(body),
    async onSubmit() {
      // Enter in the field of the number comes before the look-up that leaving the field begins.
      if (!(await find())) return;
      isTyped = false;
      onSubmit(body());
    },
  });
  form.addEventListener('input', () => {
    isTyped = true;
  });

  function takeOver(fields) {
    fill(fields);
    isTyped = false;
    setHint(`${fields.sequenceNumber} belongs to ${fields.siteId} / ${fields.partitionId}.`);
  }

  return {
    form,
    takeOver,
    /** The same, unless somebody is filling it in: another number must not come under their hands. */
    offer(fields) {
      if (!isTyped && !form.contains(document.activeElement)) takeOver(fields);
    },
    find(sequenceNumber) {
      number.value = String(sequenceNumber);
      return find({ always: true });
    },
    reason: () => reason.value.trim(),
    focusReason: () => reason.focus(),
    setVocabulary(vocabulary) {
      place.setVocabulary(vocabulary);
      setChoices(type, [['', 'optional'], ...Object.keys(vocabulary.invoiceTypes)]);
    },
  };
}

const FIRST_HINT = 'Whose number it is gets looked up once it is filled in.';

function formOf(title, testid, { fields, hint, buttons, onSubmit }) {
  return el(
    'form',
    {
      class: 'panel-form',
      dataset: { testid: `${testid}-form` },
      onsubmit(event) {
        event.preventDefault();
        void onSubmit();
      },
    },
    el('h3', null, title),
    el('div', { class: 'fields' }, fields),
    hint,
    el('div', { class: 'buttons' }, submitButton(title, testid), buttons),
  );
}

function numberInput(name, testid, props) {
  return textInput(name, testid, undefined, {
    type: 'number',
    inputmode: 'numeric',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    required: true,
    ...props,
  });
}
