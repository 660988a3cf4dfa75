import { describe, expect, test } from 'vitest';
import type { DisturbAction, DisturbMessage, SupervisorMessage } from '../../../src/demo/host/messages.ts';
import { DisturbanceRefused, SupervisorLink } from '../../../src/demo/host/supervisor-link.ts';
import { Disturber } from '../../../src/demo/run/disturber.ts';

const NODE = { kind: 'node', name: 'node-1' } as const;
const MEMBER = { kind: 'etcd', name: 'etcd-1' } as const;

describe('what was broken', () => {
  function create(fail: (action: DisturbAction) => Error | undefined = () => undefined): {
    disturber: Disturber;
    done: string[];
  } {
    const done: string[] = [];
    const disturber = new Disturber((action, { name }) => {
      const failure = fail(action);
      if (failure !== undefined) return Promise.reject(failure);
      done.push(`${action} ${name}`);
      return Promise.resolve();
    });
    return { disturber, done };
  }

  test('is put back, each in its way, and only once', async () => {
    const { disturber, done } = create();
    await disturber.pause(NODE);
    await disturber.stop(MEMBER);
    await disturber.undo(NODE);
    expect(await disturber.restore()).toEqual([]);
    expect(await disturber.restore()).toEqual([]);
    expect(done).toEqual(['pause node-1', 'stop etcd-1', 'resume node-1', 'start etcd-1']);
    expect([...disturber.touched]).toEqual(['node-1', 'etcd-1']);
  });

  test('by a kill is started again by the supervisor', async () => {
    const { disturber, done } = create();
    await disturber.kill(NODE);
    await disturber.restore();
    expect(done).toEqual(['kill node-1']);
  });

  test('is nothing when it was refused', async () => {
    const { disturber, done } = create(() => new DisturbanceRefused('no'));
    await expect(disturber.stop(MEMBER)).rejects.toThrow('no');
    expect([await disturber.restore(), done]).toEqual([[], []]);
  });

  test('is put back, too, when it is not known whether it was done', async () => {
    const { disturber, done } = create(action => (action === 'stop' ? new Error('no answer') : undefined));
    await expect(disturber.stop(MEMBER)).rejects.toThrow('no answer');
    await disturber.restore();
    expect(done).toEqual(['start etcd-1']);
  });

  test('and cannot be put back is told', async () => {
    const { disturber } = create(action =>
      action === 'start' ? new Error('etcd-1 does not start') : undefined,
    );
    await disturber.stop(MEMBER);
    expect(await disturber.restore()).toEqual(['etcd-1 does not start']);
  });
});

describe('the supervisor', () => {
  function create(): {
    link: SupervisorLink;
    sent: DisturbMessage[];
    tell: (message: SupervisorMessage) => void;
  } {
    const sent: DisturbMessage[] = [];
    let listener = (_message: SupervisorMessage): void => {};
    const link = new SupervisorLink({
      send: message => void sent.push(message),
      onMessage: given => {
        listener = given;
      },
    });
    return { link, sent, tell: message => listener(message) };
  }

  test('is answered for by number, in whatever order', async () => {
    const { link, sent, tell } = create();
    const first = link.disturb('stop', MEMBER);
    const second = link.disturb('kill', NODE);
    expect(sent.map(({ action, target }) => `${action} ${target.name}`)).toEqual([
      'stop etcd-1',
      'kill node-1',
    ]);
    tell({ type: 'disturbed', id: sent[1]!.id, ok: false, why: 'it is not mine' });
    tell({ type: 'disturbed', id: sent[0]!.id, ok: true });
    await first;
    await expect(second).rejects.toThrow('refused to kill node-1: it is not mine');
    await expect(second).rejects.toBeInstanceOf(DisturbanceRefused);
  });

  test('tells of the cluster, and may do so again', () => {
    const { link, tell } = create();
    expect(link.cluster).toBeUndefined();
    const cluster = { nodes: [], members: [], endpoints: ['http://e'], cluster: 'c', canPause: false };
    tell({ type: 'cluster', ...cluster });
    expect(link.cluster).toEqual(cluster);
    tell({ type: 'cluster', ...cluster, canPause: true });
    expect(link.cluster?.canPause).toBe(true);
  });
});
