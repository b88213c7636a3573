import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Registration, RegistrationStatus } from '../../../src/discovery/index.js';
import { epmd } from '../../../src/discovery/index.js';
import { type Epmd, startEpmd } from '../../support/epmd.js';
import { startErlang } from '../../support/erlang.js';

const signal = new AbortController().signal;

describe('epmd() and the real daemon', () => {
  let daemon: Epmd;
  beforeAll(async () => {
    daemon = await startEpmd();
  });
  afterAll(() => daemon.stop());

  test('a registration is listed, found, and gone when it is closed', async () => {
    const discovery = epmd({ port: daemon.port });
    const registration = await discovery.register?.({ node: 'one@127.0.0.1', port: 4001, hidden: true }, { signal });
    expect(registration?.creation).toBeGreaterThan(3);
    expect(await daemon.names()).toContainEqual({ name: 'one', port: 4001 });
    expect(await discovery.resolve('one@127.0.0.1', { signal })).toEqual([
      { host: '127.0.0.1', port: 4001, nodeHost: '127.0.0.1' },
    ]);
    await registration?.close();
    expect(await discovery.resolve('one@127.0.0.1', { signal })).toEqual([]);
    expect(await daemon.names()).not.toContainEqual({ name: 'one', port: 4001 });
  });

  test('a name that lives is a duplicate', async () => {
    const discovery = epmd({ port: daemon.port });
    const self = { node: 'two@127.0.0.1', port: 4002, hidden: false } as const;
    const registration = (await discovery.register?.(self, { signal })) as Registration;
    await expect(discovery.register?.(self, { signal })).rejects.toMatchObject({ code: 'duplicate_name' });
    await registration.close();
    const again = (await discovery.register?.(self, { signal })) as Registration;
    expect(again.creation).toBe((registration.creation ?? 0) + 1);
    await again.close();
  });

  test('a node of a real Erlang is found', async () => {
    await using erlang = await startErlang({ epmdPort: daemon.port });
    const discovery = epmd({ port: daemon.port });
    const [alive = ''] = erlang.name.split('@');
    const names = await discovery.names?.('127.0.0.1', { signal });
    const port = names?.find(({ name }) => name === alive)?.port;
    expect(port).toBeGreaterThan(0);
    expect(await discovery.resolve(`${alive}@localhost`, { signal })).toContainEqual({
      host: '127.0.0.1',
      port,
      nodeHost: 'localhost',
    });
  });
});

test('a lost registration is back when the daemon is, with the creation it had', async () => {
  const first = await startEpmd();
  const seen: RegistrationStatus[] = [];
  let tell = () => {};
  const discovery = epmd({ port: first.port });
  const registration = (await discovery.register?.(
    { node: 'phoenix@127.0.0.1', port: 4003, hidden: false },
    {
      signal,
      onStatus: (status) => {
        seen.push(status);
        tell();
      },
    },
  )) as Registration;
  const { creation } = registration;
  const until = (state: string) =>
    new Promise<void>((resolve) => {
      tell = () => {
        if (seen.at(-1)?.state === state) resolve();
      };
      tell();
    });
  await first.stop();
  await until('lost');
  const second = await startEpmd({ port: first.port });
  await until('registered');
  expect(await second.names()).toEqual([{ name: 'phoenix', port: 4003 }]);
  expect(registration.creation).toBe(creation);
  await registration.close();
  expect(await second.names()).toEqual([]);
  await second.stop();
});
