// The page asks the node that served it for stats once a second and shows them. It knows no more than the REST
// interface says, and all that comes from there is put in as text, never as markup.

const STATS_URL = '/api/v1/sequence/stats';
const INTERVAL_MS = 1000;

const byId = id => document.getElementById(id);
const count = value => Number(value).toLocaleString('en');

let lastSeenAt;
let vocabularyShown = false;

async function refresh() {
  try {
    const response = await fetch(STATS_URL, { signal: AbortSignal.timeout(5000) });
    const body = await response.json();
    if (!response.ok) throw new Error(`${body.title}: ${body.detail}`);
    lastSeenAt = Date.now();
    show(body);
    setStatus(`live from ${body.node}`, false);
  } catch (error) {
    const age =
      lastSeenAt === undefined
        ? ''
        : ` Shown is what was known ${Math.round((Date.now() - lastSeenAt) / 1000)} s ago.`;
    setStatus(`No current figures: ${error.message}.${age}`, true);
  } finally {
    setTimeout(refresh, INTERVAL_MS);
  }
}

function setStatus(text, bad) {
  const status = byId('status');
  if (status.textContent !== text) status.textContent = text;
  status.classList.toggle('bad', bad);
}

function show(stats) {
  byId('series').textContent = stats.series;
  showNumbers(stats);
  showCluster(stats.cluster);
  showOwners(stats);
  if (!vocabularyShown && stats.vocabulary !== undefined) showVocabulary(stats.vocabulary);
}

function showNumbers(stats) {
  const { latencyMs, rate } = stats;
  const tiles = [
    ['issued', count(stats.issued)],
    ['in the pool', count(stats.pooled)],
    ['reserved', count(stats.reserved)],
    ['void', count(stats.void)],
    ['holes', count(stats.holes), stats.holes === 0 ? 'good' : 'bad'],
    ['next number', count(stats.next)],
    ['numbers/s, cluster', count(rate.numbersPerSecond)],
    ['p50 / p99 here, ms', `${latencyMs.p50.toFixed(1)} / ${latencyMs.p99.toFixed(1)}`],
    ...ledgerTiles(stats.ledger),
  ];
  byId('numbers').replaceChildren(
    ...tiles.map(([name, value, tone]) => {
      const tile = document.createElement('div');
      tile.append(element('dt', name), element('dd', value, tone));
      return tile;
    }),
  );
}

function ledgerTiles(ledger) {
  if (ledger === undefined || ledger.state === 'none') return [];
  const lag = ledger.lagBatches === 0 ? '' : `, ${count(ledger.lagBatches)} batches wait`;
  const full = ledger.fullness < 0.1 ? '' : `, ${Math.floor(ledger.fullness * 100)} % full`;
  return [['ledger', `${ledger.state}${lag}${full}`, ledger.state === 'ok' ? 'good' : 'bad']];
}

function showCluster(cluster) {
  fillTable(
    'nodes',
    `seqd nodes of ${cluster.name}; leader ${cluster.leader ?? 'none'}, epoch ${cluster.epoch ?? '–'}`,
    [
      ['node', 'site', 'partition', 'role', 'address'],
      ...cluster.nodes.map(node => [
        node.id,
        node.site,
        node.partition,
        node.leader ? '★ leader' : 'follower',
        node.url,
      ]),
    ],
  );
  fillTable('members', 'etcd members', [
    ['member', 'state', 'version', 'database, KiB'],
    ...cluster.members.map(member => [
      member.endpoint,
      member.healthy ? (member.leader ? '★ leader' : 'healthy') : '✕ not reachable',
      member.version ?? '–',
      member.databaseBytes === undefined ? '–' : Math.round(member.databaseBytes / 1024),
    ]),
  ]);
}

function showOwners(stats) {
  const rows = [];
  for (const [kind, groups] of [
    ['site', stats.bySite],
    ['partition', stats.byPartition],
    ['type', stats.byType],
  ]) {
    for (const [name, group] of Object.entries(groups)) {
      rows.push([kind, name, group.issued, group.drawn, group.released, group.void]);
    }
  }
  fillTable('owners', 'drawn counts a reused number each time', [
    ['by', 'name', 'issued', 'drawn', 'released', 'void'],
    ...rows,
  ]);
}

function fillTable(id, title, [header, ...rows]) {
  const head = document.createElement('thead');
  head.append(
    tableRow(
      header.map((cell, i) => element('th', cell, typeof rows[0]?.[i] === 'number' ? 'number' : undefined)),
    ),
  );
  const body = document.createElement('tbody');
  body.append(
    ...rows.map(row =>
      tableRow(
        row.map(cell =>
          typeof cell === 'number' ? element('td', count(cell), 'number') : element('td', cell),
        ),
      ),
    ),
  );
  byId(id).replaceChildren(element('caption', title), head, body);
}

function tableRow(cells) {
  const row = document.createElement('tr');
  row.append(...cells);
  return row;
}

function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = String(text);
  if (className !== undefined) made.className = className;
  return made;
}

function showVocabulary({ sites, invoiceTypes }) {
  vocabularyShown = true;
  const { siteId, partitionId, invoiceType } = byId('draw').elements;
  siteId.replaceChildren(...sites.map(({ id }) => new Option(id)));
  invoiceType.replaceChildren(...Object.keys(invoiceTypes).map(type => new Option(type)));
  const showPartitions = () => {
    const site = sites.find(({ id }) => id === siteId.value);
    partitionId.replaceChildren(...site.partitions.map(partition => new Option(partition)));
  };
  siteId.addEventListener('change', showPartitions);
  showPartitions();
}

async function post(path, body) {
  const reply = byId('reply');
  try {
    const response = await fetch(`/api/v1/sequence/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': `page-${newKey()}` },
      body: JSON.stringify(body),
    });
    reply.textContent = JSON.stringify(await response.json(), null, 2);
  } catch (error) {
    reply.textContent = `No answer: ${error.message}`;
  }
}

// crypto.randomUUID exists on secure origins only, and a LAN address is none.
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), byte =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

byId('draw').addEventListener('submit', event => {
  event.preventDefault();
  const { count: wanted, ...fields } = Object.fromEntries(new FormData(event.target));
  void post('next', { ...fields, count: Number(wanted) });
});

byId('release').addEventListener('submit', event => {
  event.preventDefault();
  const { sequenceNumber, reason } = Object.fromEntries(new FormData(event.target));
  const { siteId, partitionId } = Object.fromEntries(new FormData(byId('draw')));
  void post('release', { sequenceNumber: Number(sequenceNumber), siteId, partitionId, reason });
});

void refresh();
