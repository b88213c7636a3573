import { describe, expect, test } from 'vitest';
import type { NodeInfo } from '../../../src/discovery/epmd/messages.js';
import { Registry } from '../../../src/discovery/epmd/registry.js';

const info = (name: string, highestVersion = 6): NodeInfo => ({
  name,
  port: 1,
  type: 77,
  protocol: 0,
  highestVersion,
  lowestVersion: 5,
  extra: Buffer.alloc(0),
});

const registryAt = (now: () => number, maxNames = 10_000) => new Registry<symbol | string>({ now, maxNames });

function creation(registry: Registry<symbol | string>, name: string, highestVersion = 6): number {
  const owner = Symbol(name);
  const registered = registry.register(info(name, highestVersion), owner);
  if ('refused' in registered) throw new TypeError(registered.refused);
  registry.unregister(owner);
  return registered.creation;
}

describe('creations', () => {
  test('start at the wall clock, and count for each name on its own', () => {
    let now = 1_700_000_000.9;
    const registry = registryAt(() => now);
    expect(creation(registry, 'a')).toBe(1_700_000_000);
    now += 100;
    expect(creation(registry, 'a')).toBe(1_700_000_001);
    expect(creation(registry, 'b')).toBe(1_700_000_100);
    expect(creation(registry, 'a')).toBe(1_700_000_002);
  });

  test('are never 0..3: not from an early clock, not when they wrap', () => {
    expect(
      creation(
        registryAt(() => 0),
        'a',
      ),
    ).toBe(4);
    expect(
      creation(
        registryAt(() => 2 ** 32),
        'a',
      ),
    ).toBe(4);
    const registry = registryAt(() => 2 ** 32 - 1);
    expect([1, 2, 3].map(() => creation(registry, 'a'))).toEqual([0xffff_ffff, 4, 5]);
  });

  test('are 1..3 for nodes of version 5', () => {
    const registry = registryAt(() => 99);
    expect([1, 2, 3, 4].map(() => creation(registry, 'a', 5))).toEqual([1, 2, 3, 1]);
  });

  test('are remembered for the 1,000 names that left last', () => {
    let now = 1000;
    const registry = registryAt(() => now);
    creation(registry, 'first');
    now = 5000;
    for (let i = 0; i < 999; i++) creation(registry, `n${i}`);
    expect(creation(registry, 'first')).toBe(1001);
    for (let i = 0; i < 1000; i++) creation(registry, `m${i}`);
    expect(creation(registry, 'first')).toBe(5000);
    expect(registry.unused()).toHaveLength(1000);
  });
});

test('a registry holds 10,000 names, says so, and refuses one more', () => {
  const registry = registryAt(() => 1);
  for (let i = 0; i < 10_000; i++) expect(registry.register(info(`n${i}`), `owner ${i}`)).toHaveProperty('creation');
  expect(registry.register(info('more'), 'owner')).toHaveProperty('refused');
  expect(registry.active()).toHaveLength(10_000);
  expect(registry.active()[0]).toMatchObject({ name: 'n9999' });
  registry.unregister('owner 5');
  expect(registry.register(info('more'), 'owner')).toHaveProperty('creation');
  expect(registry.find('n5')).toBeUndefined();
  expect(registry.find('more')).toMatchObject({ port: 1 });
});

test('what is registered lives and dies with its owner', () => {
  const registry = registryAt(() => 1);
  registry.register(info('a'), 'mine');
  expect(registry.register(info('a'), 'yours')).toHaveProperty('refused');
  expect(registry.ownerOf('a')).toBe('mine');
  expect(registry.unregister('yours')).toBe(false);
  expect(registry.unregister('mine')).toBe(true);
  expect(registry.unregister('mine')).toBe(false);
  expect(registry.size).toBe(0);
});
