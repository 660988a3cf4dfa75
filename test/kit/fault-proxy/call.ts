import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Fault, InjectedFault, Loss, SeenCall } from './faults.ts';
import { readReply, readRequest, relayReply, reset, sendReply, sendStatus } from './grpc-stream.ts';
import type { Reply } from './grpc-stream.ts';
import type { Link } from './link.ts';
import type { ActiveRule, RuleBook } from './rules.ts';

/** A call on its way through the proxy. */
export interface ProxiedCall {
  readonly link: Link;
  readonly down: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly method: string;
  readonly callNumber: number;
}

type Report = (reply?: Reply) => void;

/** Passes a call through as it comes, both directions streaming. Client cancellations go upstream if asked. */
export function passThrough(call: ProxiedCall, propagateCancel: boolean): void {
  forward(call, propagateCancel, up => call.down.pipe(up));
}

/** Reads the request; then either a rule has it and its fault is carried out, or it passes. */
export async function passUnlessPicked(
  call: ProxiedCall,
  rules: RuleBook,
  options: { propagateCancel: boolean; onInjected: (fault: InjectedFault) => void },
): Promise<void> {
  const body = await readRequest(call.down);
  if (!body) return; // the client left before its request was complete: there is nothing to forward
  const seen: SeenCall = { method: call.method, callNumber: call.callNumber, body };
  const rule = rules.pick(seen);
  if (!rule) {
    forward(call, options.propagateCancel, up => up.end(body));
    return;
  }
  await injectFault(call, { rule, seen, onInjected: options.onInjected });
}

function forward(
  call: ProxiedCall,
  propagateCancel: boolean,
  sendRequest: (up: ReturnType<Link['request']>) => void,
): void {
  if (call.down.destroyed) return;
  const end = call.link.begin();
  try {
    const up = call.link.request(call.headers, propagateCancel);
    up.once('close', end);
    relayReply(up, call.down, propagateCancel);
    sendRequest(up);
  } catch {
    end();
    reset(call.down); // the upstream connection is gone, and the client's goes with it
  }
}

async function injectFault(
  call: ProxiedCall,
  picked: { rule: ActiveRule; seen: SeenCall; onInjected: (fault: InjectedFault) => void },
): Promise<void> {
  const { rule, seen, onInjected } = picked;
  const { fault } = rule.spec;
  const report: Report = reply => {
    const { method, callNumber } = call;
    const injected = { method, callNumber, kind: fault.kind, upstreamStatus: reply?.status };
    rule.done.add(injected);
    onInjected(injected);
  };
  const end = call.link.begin();
  try {
    await carryOut(fault, { call, body: seen.body, rule, report });
  } catch {
    rule.missedCount += 1;
    reset(call.down);
  } finally {
    end();
  }
}

interface Work {
  readonly call: ProxiedCall;
  readonly body: Buffer;
  readonly rule: ActiveRule;
  readonly report: Report;
}

async function carryOut(fault: Fault, { call, body, rule, report }: Work): Promise<void> {
  switch (fault.kind) {
    case 'dropRequest':
      report();
      return lose(call, fault);
    case 'reject':
      report();
      return sendStatus(call.down, fault.status, fault.message);
    case 'dropReply':
      report(await callUpstream(call, body));
      return lose(call, fault);
    case 'replaceReply':
      report(await callUpstream(call, body));
      return sendStatus(call.down, fault.status, fault.message);
    case 'delayReply': {
      const reply = await callUpstream(call, body);
      report(reply);
      if (await rule.hold(fault.delayMs)) sendReply(call.down, reply);
      return;
    }
    case 'delayRequest': {
      if (!(await rule.hold(fault.delayMs))) return;
      const reply = await callUpstream(call, body);
      report(reply);
      return sendReply(call.down, reply);
    }
    case 'duplicateRequest': {
      await callUpstream(call, body);
      const reply = await callUpstream(call, body);
      report(reply);
      return sendReply(call.down, reply);
    }
  }
}

/** Runs the call upstream to its end, whatever the client does. Rejects when there is no complete reply. */
async function callUpstream(call: ProxiedCall, body: Buffer): Promise<Reply> {
  const up = call.link.request(call.headers, false);
  const reply = readReply(up);
  up.end(body);
  return await reply;
}

function lose(call: ProxiedCall, loss: Loss): void {
  if (loss.how === 'hang') return;
  if (loss.how === 'disconnect') call.link.disconnect();
  else reset(call.down, loss.rstCode);
}
