import { describe, expect, test } from 'vitest';
import { configAsObject, describeConfig, loadConfig } from '../../../src/config/index.ts';
import { issuesOf, isolated, withYaml } from './kit.ts';

const LEDGER = 'ledger: {url: "postgres://u:p@db:5432/d"}';
const WEBHOOK = {
  name: 'erp',
  kind: 'webhook',
  url: 'https://erp.example/hooks/tok3n-in-path?key=k3y',
  secrets: ['first-secret-0123456', 'other-secret-0123456'],
  kinds: ['issue', 'void'],
};
const RABBITMQ = {
  name: 'bus',
  kind: 'rabbitmq',
  url: 'amqp://user:passw0rd@mq:5672/vhost',
  exchange: 'documents',
  from: 'end',
};
const withSinks = (sinks: unknown, ledger = LEDGER) =>
  withYaml(`sequence: {${ledger}, events: {sinks: ${JSON.stringify(sinks)}}}`);
const SECRETS = /tok3n|k3y|first-secret|other-secret|passw0rd/;

describe('sequence.events.sinks', () => {
  test('are taken as they are, from a file or the environment', () => {
    const sinks = [WEBHOOK, RABBITMQ];
    expect(loadConfig(withSinks(sinks)).config.sequence.events.sinks).toEqual(sinks);
    const env = { DATABASE_URL: 'postgres://u:p@db:5432/d', SEQD_EVENTS_SINKS: JSON.stringify(sinks) };
    expect(loadConfig(isolated({}, { env })).config.sequence.events.sinks).toEqual(sinks);
  });

  test('show where they lead, and no secret', () => {
    const loaded = loadConfig(withSinks([WEBHOOK, RABBITMQ]));
    const shown = describeConfig(loaded);
    expect(shown).toContain('url: https://erp.example/***');
    expect(shown).toContain('url: amqp://mq:5672/***');
    expect(shown + JSON.stringify(configAsObject(loaded))).not.toMatch(SECRETS);
  });

  test.each([
    ['an unknown kind', [{ ...WEBHOOK, kind: 'smoke' }], 'sequence.events.sinks[0].kind'],
    ['no kind at all', [{ name: 'x' }], 'sequence.events.sinks[0].kind'],
    ['two of one name', [WEBHOOK, { ...RABBITMQ, name: 'erp' }], 'sequence.events.sinks[1].name'],
    ['a webhook without secret', [{ ...WEBHOOK, secrets: [] }], 'sequence.events.sinks[0].secrets'],
    [
      'three secrets',
      [{ ...WEBHOOK, secrets: Array(3).fill('x'.repeat(20)) }],
      'sequence.events.sinks[0].secrets',
    ],
    ['a short secret', [{ ...WEBHOOK, secrets: ['other-secret'] }], 'sequence.events.sinks[0].secrets[0]'],
    ['a URL of another kind', [{ ...WEBHOOK, url: 'ftp://erp/tok3n' }], 'sequence.events.sinks[0].url'],
    ['an unknown event kind', [{ ...WEBHOOK, kinds: ['issues'] }], 'sequence.events.sinks[0].kinds[0]'],
    [
      'an unknown key',
      [{ ...RABBITMQ, secrets: ['first-secret-0123456'] }],
      'sequence.events.sinks[0].secrets',
    ],
    [
      'an exchange of the broker itself',
      [{ ...RABBITMQ, exchange: 'amq.topic' }],
      'sequence.events.sinks[0].exchange',
    ],
    ['no list', WEBHOOK, 'sequence.events.sinks'],
  ])('%s is refused, and no secret is said', (_, sinks, path) => {
    const issues = issuesOf(withSinks(sinks));
    expect(issues.map(issue => issue.path)).toEqual([path]);
    expect(JSON.stringify(issues)).not.toMatch(SECRETS);
  });

  test('need a ledger', () => {
    const issues = issuesOf(withSinks([WEBHOOK], 'ledger: {url: null}'));
    expect(issues).toMatchObject([{ code: 'conflict', path: 'sequence.events.sinks', found: '***' }]);
  });
});
