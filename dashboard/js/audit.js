// The audit trail: every fact about numbers, filtered, by pages, and as a file.

import { auditCommand } from './actions-command.js';
import {
  button,
  field,
  onNumber,
  openNumber,
  select,
  setChoices,
  submitButton,
  textInput,
} from './controls.js';
import { el, setHidden, setText } from './dom.js';
import {
  AUDIT_KINDS,
  AUDIT_ORDERS,
  AUDIT_TIMES,
  auditExportPath,
  auditFilters,
  auditLink,
  auditMistake,
  auditPagePath,
  auditReach,
  plainRange,
} from './audit-query.js';
import { createAuditTable } from './audit-table.js';
import { clock, dateClock, plural } from './format.js';

/** Fills the section. */
export function mount(section, app) {
  const { store, api, ui, links } = app;
  let filters = {};
  /** Cursors of this page and those before it. */
  let cursors = [null];
  let next = null;
  let asked = 0;
  let isOpen = false;

  const controls = {
    number: textInput('number', 'audit-number', '4711-4720'),
    kind: select('kind', 'audit-kind'),
    siteId: select('siteId', 'audit-site'),
    partitionId: select('partitionId', 'audit-partition'),
    invoiceType: select('invoiceType', 'audit-type'),
    reference: textInput('reference', 'audit-reference', 'exactly'),
  };
  const time = select('time', 'audit-time');
  const order = select('order', 'audit-order');
  const mistake = el('p', { class: 'find-error', role: 'alert', dataset: { testid: 'audit-error' } });
  const form = el('form', { class: 'audit-form', role: 'search', 'aria-label': 'Filter the audit trail' }, [
    el('div', { class: 'fields' }, [
      field('Number or range', controls.number),
      field('Kind', controls.kind),
      field('Site', controls.siteId),
      field('Partition', controls.partitionId),
      field('Type', controls.invoiceType),
      field('Reference', controls.reference),
      field('Time', time),
      field('Order', order),
      el('div', { class: 'buttons' }, [
        submitButton('Show', 'audit-go'),
        button('Clear', 'audit-clear', () => go({}), { class: 'ghost' }),
      ]),
    ]),
    mistake,
  ]);
  const csv = exportLink('csv', 'CSV');
  const json = exportLink('json', 'JSON');
  const table = createAuditTable();
  const reach = el('p', { class: 'note', dataset: { testid: 'audit-reach' } });
  const page = el('span', { class: 'muted small', role: 'status', dataset: { testid: 'audit-page' } });
  // Pages by their cursors: this one is the last of `cursors`, so that an error leaves the way to it and back.
  const first = button('First', 'audit-first', () => void turn([null]));
  const back = button('‹ Back', 'audit-back', () => void turn(cursors.slice(0, -1)));
  const forward = button('Next ›', 'audit-next', () => void turn([...cursors, next]));
  const again = button('Look again', 'audit-again', () => void turn(cursors));
  setHidden(again, true);

  section.append(
    el(
      'div',
      { class: 'panel-tools' },
      csv,
      json,
      ui.copyButton('CLI command', () => auditCommand(filters, { origin: location.origin }), {
        label: 'CLI',
      }),
    ),
    form,
    reach,
    table.element,
    el('div', { class: 'audit-pages' }, page, el('div', { class: 'buttons' }, first, back, forward, again)),
  );
  setFilters(auditFilters(links.get('audit')));
  setButtons();

  form.addEventListener('submit', event => {
    event.preventDefault();
    const wanted = readForm();
    const wrong = auditMistake(wanted);
    setText(mistake, wrong?.text ?? '');
    if (wrong === undefined) go(wanted);
  });
  onNumber(table.element, number => openNumber(app, number));
  links.on('audit', link => show(auditFilters(link)));
  // What somebody has chosen and not sent stays.
  store.on('vocabulary', () => fillNames(name => controls[name].value));
  for (const [link, label] of [
    [csv, 'CSV'],
    [json, 'JSON'],
  ])
    ui.commands.add({
      id: `audit-${label.toLowerCase()}`,
      title: `Export the audit trail as ${label}`,
      keywords: 'download file',
      run: () => link.click(),
    });

  // A page that nobody scrolls to costs the ledger nothing.
  const sight = new IntersectionObserver(
    entries => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      sight.disconnect();
      if (isOpen) return;
      isOpen = true;
      void turn([null]);
    },
    { rootMargin: '200px' },
  );
  sight.observe(section);

  function readForm() {
    const wanted = {};
    for (const [name, control] of Object.entries(controls)) {
      const value = control.value.trim();
      if (value !== '') wanted[name] = name === 'number' ? plainRange(value) : value;
    }
    if (order.value !== '') wanted.order = order.value;
    const stretch = AUDIT_TIMES.find(([id]) => id === time.value)?.[2];
    if (time.value === 'link') Object.assign(wanted, pick(filters, ['from', 'to']));
    else if (stretch > 0) wanted.from = new Date(store.now() - stretch).toISOString();
    // What came with a link and has no field here.
    return { ...wanted, ...pick(filters, ['clientId', 'idempotencyKey']) };
  }

  function go(wanted) {
    const link = auditLink(wanted);
    if (link === (links.get('audit') ?? '')) show(wanted);
    else links.set({ audit: link });
  }

  function show(wanted) {
    setFilters(wanted);
    isOpen = true;
    void turn([null]);
  }

  function setFilters(wanted) {
    filters = wanted;
    setText(mistake, '');
    fillNames(name => filters[name] ?? '');
    controls.number.value = filters.number ?? '';
    controls.reference.value = filters.reference ?? '';
    setChoices(controls.kind, AUDIT_KINDS, filters.kind ?? '');
    setChoices(order, AUDIT_ORDERS, filters.order ?? '');
    const { from, to } = filters;
    setTimes(from === undefined && to === undefined ? '' : `${moment(from, '…')} to ${moment(to, 'now')}`);
    csv.href = auditExportPath(filters, 'csv');
    json.href = auditExportPath(filters, 'json');
  }

  function setTimes(fixed) {
    const choices = AUDIT_TIMES.map(([id, label]) => [id, label]);
    setChoices(time, fixed === '' ? choices : [...choices, ['link', fixed]], fixed === '' ? '' : 'link');
  }

  function fillNames(chosen) {
    const { sites = [], invoiceTypes = {} } = store.view?.vocabulary ?? {};
    const names = {
      siteId: sites.map(({ id }) => id),
      partitionId: new Set(sites.flatMap(({ partitions }) => partitions)),
      invoiceType: Object.keys(invoiceTypes),
    };
    for (const [name, values] of Object.entries(names))
      setChoices(controls[name], [['', 'All'], ...values], chosen(name));
  }

  async function turn(to) {
    const mine = ++asked;
    table.element.setAttribute('aria-busy', 'true');
    const answer = await api.get(auditPagePath(filters, to.at(-1)));
    if (mine !== asked) return;
    table.element.removeAttribute('aria-busy');
    cursors = to;
    if (answer.ok) showPage(answer.body);
    else fail(answer.problem);
    setButtons();
    setHidden(again, false);
  }

  function showPage(body) {
    next = body.next;
    const { tone, text } = auditReach(body);
    reach.dataset.tone = tone;
    setText(reach, text);
    table.show(body.rows, emptyText(auditLink({ ...filters, order: undefined })));
    const [from, end] = filters.order === 'asc' ? ['oldest', 'newest'] : ['newest', 'oldest'];
    const rest = next === null ? `, up to the ${end}` : '';
    const rows = plural(body.rows.length, 'row');
    setText(page, `Page ${cursors.length}: ${rows}, ${from} first${rest}, read at ${clock(store.now())}`);
  }

  function fail({ title, detail }) {
    next = null;
    reach.dataset.tone = 'bad';
    setText(reach, detail || title);
    // What is there may be of other filters.
    table.show([], title);
    setText(page, '');
    ui.announce(title, { urgent: true });
  }

  function setButtons() {
    first.disabled = back.disabled = cursors.length < 2;
    forward.disabled = next === null;
  }
}

function emptyText(link) {
  return link === ''
    ? 'Nothing has happened yet. Draw a number.'
    : 'Nothing in the audit trail matches these filters.';
}

function moment(text, without) {
  return text === undefined ? without : dateClock(Date.parse(text));
}

function pick(object, names) {
  return Object.fromEntries(
    names.filter(name => object[name] !== undefined).map(name => [name, object[name]]),
  );
}

function exportLink(format, label) {
  return el(
    'a',
    {
      class: 'button download',
      download: '',
      href: auditExportPath({}, format),
      title: `Everything that the filters take, as a file${format === 'json' ? ' with a JSON document a line' : ''}`,
      dataset: { testid: `audit-${format}` },
    },
    `↓ ${label}`,
  );
}
