/** @typedef {import('./run-file.mjs').PocRun} PocRun */

/**
 * What a user needs to know about a running demonstration.
 *
 * @param {PocRun} run
 * @param {string} logDir
 * @returns {string} several lines
 */
export function describeRun(run, logDir) {
  const api = run.nodes[0]?.url ?? '';
  return [
    '',
    `  Dashboard   ${dashboardUrl(run)}`,
    ...run.nodes.map(
      (node, index) => `  ${index === 0 ? 'API        ' : '           '} ${node.url}/api/v1  ${node.id}`,
    ),
    `  etcd        ${run.etcd.endpoints.join(', ')}  (${[run.etcd.version, run.etcd.source].filter(Boolean).join(', ')})`,
    `  Ledger      ${describeLedger(run.ledger)}`,
    ...describeDemos(run.demos),
    `  Logs        ${logDir}`,
    '',
    '  Try it:',
    `    curl "${api}/api/v1/sequence/next?siteId=site-1&partitionId=partition-a&invoiceType=on-cycle"`,
    `    curl "${api}/api/v1/sequence/stats"`,
    '',
  ].join('\n');
}

/** @param {import('./run-file.mjs').RunDemos | undefined} demos */
function describeDemos(demos) {
  if (demos === undefined) return [];
  return [
    demos.why === undefined
      ? '  Demos       npx seqd demo   (kill the leader under load, stop etcd, ...: each proves that no number is missing)'
      : `  Demos       none: ${demos.why}`,
  ];
}

/** @param {import('./run-file.mjs').RunLedger | undefined} ledger */
function describeLedger(ledger) {
  switch (ledger?.source) {
    case 'own':
      return `PostgreSQL ${ledger.version}, started for this: real and durable, but without a backup, so demo grade`;
    case 'given':
      return `the configured PostgreSQL${ledger.why === undefined ? '' : `, which does not answer yet: ${ledger.why}`}`;
    default:
      return `none${ledger?.why === undefined ? '' : `: ${ledger.why}`}`;
  }
}

/**
 * Address of the dashboard, on the first node.
 *
 * @param {PocRun} run
 */
export function dashboardUrl(run) {
  const port = new URL(run.nodes[0]?.url ?? 'http://localhost:8080').port;
  return `http://localhost:${port}/dashboard`;
}
