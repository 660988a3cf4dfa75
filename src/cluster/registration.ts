import { z } from 'zod';
import type { NodeInfo } from '../ports/coordination.ts';

/** What a node keeps in etcd while it lives: who it is, what it cannot serve, and what its clock showed when this was written. */
export interface Registration {
  readonly node: NodeInfo;
  /** Unix milliseconds; `undefined` from a version that did not write it. */
  readonly wallMs: number | undefined;
  /** Elections of series that it has stopped serving, as `tenant/series`; without it, there are none. */
  readonly stopped?: readonly string[] | undefined;
}

/** What stands under an election key. */
export interface LeaderRecord {
  readonly nodeId: string;
  readonly instance: string;
}

// Unknown keys are dropped: a later version may write more (F22).
const REGISTRATION = z.object({
  id: z.string(),
  instance: z.string(),
  site: z.string(),
  partition: z.string(),
  url: z.string(),
  peerToken: z.string(),
  lease: z.string(),
  version: z.string(),
  startedAt: z.number(),
  wallMs: z.number().optional(),
  stopped: z.array(z.string()).optional(),
});

const LEADER = z.object({ node: z.string(), instance: z.string() });

export function encodeRegistration({ node, wallMs, stopped }: Registration): string {
  return JSON.stringify({ ...node, wallMs, stopped });
}

/** `undefined` when the text is no registration. */
export function parseRegistration(text: string): Registration | undefined {
  const parsed = REGISTRATION.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const { wallMs, stopped, ...node } = parsed.data;
  return { node, wallMs, stopped };
}

export function encodeLeader({ id, instance }: Pick<NodeInfo, 'id' | 'instance'>): string {
  return JSON.stringify({ node: id, instance });
}

/** `undefined` when the text names no leader. */
export function parseLeader(text: string): LeaderRecord | undefined {
  const parsed = LEADER.safeParse(parseJson(text));
  return parsed.success ? { nodeId: parsed.data.node, instance: parsed.data.instance } : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
