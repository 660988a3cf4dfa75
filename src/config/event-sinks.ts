import { z } from 'zod';
import { EVENT_KINDS } from '../core/document-event.ts';

const WEBHOOK_URL_ALLOWED = 'an http or https URL without fragment';
const RABBITMQ_URL_ALLOWED = 'an amqp or amqps URL, amqp://user:password@host:port/vhost';
const SECRET_ALLOWED = 'a secret of 16 to 200 visible ASCII characters without spaces';
const SECRETS_ALLOWED = 'a list of one or two secrets';
const NAME_ALLOWED = '1 to 64 characters of a-z, 0-9, ".", "_" and "-"';
const KINDS_ALLOWED = `a list of ${EVENT_KINDS.join(', ')}`;
const EXCHANGE_ALLOWED =
  '1 to 127 characters of A-Z, a-z, 0-9, ".", "_", ":" and "-", not beginning with "amq."';

const isUrl = (text: string, pattern: RegExp): boolean => pattern.test(text) && URL.canParse(text);
const isWebhookUrl = (text: string): boolean => isUrl(text, /^https?:\/\/[^\s#]+$/);
const isRabbitmqUrl = (text: string): boolean => isUrl(text, /^amqps?:\/\/[^\s#]+$/);

/** What every sink has, its name apart: list items are spelled alike in files and here, so keys are single words. */
const common = {
  name: z.string(NAME_ALLOWED).regex(/^[a-z0-9._-]{1,64}$/, NAME_ALLOWED),
  kinds: z
    .array(z.enum(EVENT_KINDS, `one of ${EVENT_KINDS.join(', ')}`), KINDS_ALLOWED)
    .min(1, KINDS_ALLOWED)
    .optional(),
  from: z.enum(['beginning', 'end'], 'beginning or end').optional(),
};

const webhook = z.strictObject({
  ...common,
  kind: z.literal('webhook'),
  url: z.string(WEBHOOK_URL_ALLOWED).refine(isWebhookUrl, WEBHOOK_URL_ALLOWED),
  secrets: z
    .array(z.string(SECRET_ALLOWED).regex(/^[\x21-\x7e]{16,200}$/, SECRET_ALLOWED), SECRETS_ALLOWED)
    .min(1, SECRETS_ALLOWED)
    .max(2, SECRETS_ALLOWED),
});

const rabbitmq = z.strictObject({
  ...common,
  kind: z.literal('rabbitmq'),
  url: z.string(RABBITMQ_URL_ALLOWED).refine(isRabbitmqUrl, RABBITMQ_URL_ALLOWED),
  exchange: z
    .string(EXCHANGE_ALLOWED)
    .regex(/^(?!amq\.)[A-Za-z0-9._:-]{1,127}$/, EXCHANGE_ALLOWED)
    .optional(),
});

/** One item of `sequence.events.sinks`. */
export const eventSink = z.discriminatedUnion(
  'kind',
  [webhook, rabbitmq],
  'a sink with name, url and a kind of webhook or rabbitmq',
);

/** A system that is told of events, as configured. */
export type EventSinkSettings = z.output<typeof eventSink>;

/** A copy of `sequence.events.sinks` that may be shown: no secrets, and of URLs only where they lead. */
export function hideSinkSecrets(sinks: unknown, hidden: string): unknown {
  if (!Array.isArray(sinks)) return hidden;
  return sinks.map((sink: Record<string, unknown>) => ({
    ...sink,
    url: hideUrl(sink['url'], hidden),
    ...(Array.isArray(sink['secrets']) ? { secrets: sink['secrets'].map(() => hidden) } : {}),
  }));
}

/** Paths of webhooks are as good as passwords. */
function hideUrl(text: unknown, hidden: string): string {
  if (typeof text !== 'string' || !URL.canParse(text)) return hidden;
  const { protocol, host } = new URL(text);
  return `${protocol}//${host}/${hidden}`;
}
