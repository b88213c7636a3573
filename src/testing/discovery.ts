// What every Discovery promises. An implementation's own test says how to set a world up, and what it leaves out and why.
// docs/DISCOVERY.md, "Writing one", has an example.
import { deepEqual, equal, notEqual, ok, rejects } from 'node:assert/strict';
import type { Discovery, NodeName, Registrant } from '../discovery/discovery.js';
import { ErlnodeError } from '../errors.js';
import { type ConformanceCase, casesIn, never, soon } from './conformance.js';

/** One fresh world for one case: a discovery, and what it is true of. */
export interface DiscoveryWorld {
  readonly discovery: Discovery;
  /** A node that `resolve` finds although nobody registered it here, and where. */
  readonly known?: { readonly node: NodeName; readonly host: string; readonly port: number };
  /** A node that nobody knows, on a host that answers. */
  readonly unknown: NodeName;
  /** Two nodes that may be registered here, with different names on one host. */
  readonly registrants?: readonly [Registrant, Registrant];
  /** Whether a second registration of a living name is refused. */
  readonly exclusive?: boolean;
  /** Takes down what was set up. */
  close(): Promise<void>;
}

/** Members an implementation leaves to OTP's default, each with the reason. */
export type DiscoveryLeftOut = Readonly<Partial<Record<'register' | 'names' | 'listenPort' | 'known', string>>>;

type Body = (world: DiscoveryWorld) => Promise<void>;

function members({ discovery, registrants }: DiscoveryWorld) {
  const { register, names } = discovery;
  ok(register !== undefined && registrants !== undefined, 'register and registrants');
  return {
    register: register.bind(discovery),
    names: names?.bind(discovery),
    first: registrants[0],
    second: registrants[1],
    resolve: (node: NodeName) => soon(discovery.resolve(node, { signal: never() })),
  };
}

const always: Readonly<Record<string, Body>> = {
  'it has a name for log lines': async ({ discovery }) => {
    equal(typeof discovery.name, 'string');
    notEqual(discovery.name, '');
  },

  'an unknown node is nowhere, and that is no error': async ({ discovery, unknown }) => {
    deepEqual(await soon(discovery.resolve(unknown, { signal: never() })), []);
  },

  'an aborted signal ends resolve at once': async ({ discovery, unknown }) => {
    const signal = AbortSignal.abort();
    await rejects(soon(discovery.resolve(unknown, { signal })), { code: 'aborted' });
  },

  'a signal that aborts while resolve works ends it, unless it was quicker': async ({ discovery, unknown }) => {
    const abort = new AbortController();
    const answer = soon(discovery.resolve(unknown, { signal: abort.signal }));
    abort.abort();
    await answer.then(
      (places) => deepEqual(places, []),
      (error: unknown) => equal((error as ErlnodeError).code, 'aborted'),
    );
  },

  'many questions at once are all answered': async ({ discovery, unknown }) => {
    const questions = Array.from({ length: 50 }, () =>
      discovery.resolve(unknown, { signal: new AbortController().signal }),
    );
    for (const answer of await soon(Promise.all(questions))) deepEqual(answer, []);
  },
};

const knownCases: Readonly<Record<string, Body>> = {
  'a known node is where it is': async ({ discovery, known }) => {
    ok(known !== undefined, 'the world has a known node');
    const places = await soon(discovery.resolve(known.node, { signal: never() }));
    ok(
      places.some(({ host, port }) => host === known.host && port === known.port),
      `${known.host}:${known.port} is not among ${JSON.stringify(places)}`,
    );
    for (const { host, port, nodeHost } of places) {
      notEqual(host, '');
      ok(Number.isInteger(port) && port > 0 && port <= 0xffff, `port ${port}`);
      ok(nodeHost === undefined || known.node.endsWith(`@${nodeHost}`), `nodeHost ${nodeHost}`);
    }
  },
};

const registerCases: Readonly<Record<string, Body>> = {
  'a registered node is found where it listens': async (world) => {
    const { register, first, resolve } = members(world);
    const registration = await soon(register(first, { signal: never() }));
    const places = await resolve(first.node);
    ok(places.length > 0, 'it is found');
    for (const { port } of places) equal(port, first.port);
    await soon(registration.close());
  },

  'a creation is an unsigned 32-bit number that is not 0': async (world) => {
    const { register, first } = members(world);
    const registration = await soon(register(first, { signal: never() }));
    const { creation } = registration;
    ok(
      creation === undefined || (Number.isInteger(creation) && creation > 0 && creation <= 0xffff_ffff),
      `${creation}`,
    );
    await soon(registration.close());
  },

  'a closed registration is found no more; closing twice is closing once': async (world) => {
    const { register, first, resolve } = members(world);
    const registration = await soon(register(first, { signal: never() }));
    await soon(Promise.all([registration.close(), registration.close()]));
    await soon(registration.close());
    deepEqual(await resolve(first.node), []);
  },

  'two nodes do not get in each other’s way': async (world) => {
    const { register, first, second, resolve } = members(world);
    const [one, two] = await soon(Promise.all([first, second].map((self) => register(self, { signal: never() }))));
    equal((await resolve(first.node))[0]?.port, first.port);
    await soon(one?.close() ?? Promise.resolve());
    deepEqual(await resolve(first.node), []);
    equal((await resolve(second.node))[0]?.port, second.port);
    await soon(two?.close() ?? Promise.resolve());
  },

  'a node that left can come back, with another creation if it has one': async (world) => {
    const { register, first, resolve } = members(world);
    const before = await soon(register(first, { signal: never() }));
    await soon(before.close());
    const after = await soon(register(first, { signal: never() }));
    if (after.creation !== undefined) notEqual(after.creation, before.creation);
    ok((await resolve(first.node)).length > 0);
    await soon(after.close());
  },

  'where names are exclusive, a living name is refused, and stays with who has it': async (world) => {
    const { register, first, resolve } = members(world);
    if (world.exclusive !== true) return;
    const registration = await soon(register(first, { signal: never() }));
    await rejects(soon(register(first, { signal: never() })), { code: 'duplicate_name' });
    equal((await resolve(first.node))[0]?.port, first.port);
    await soon(registration.close());
  },

  'an aborted signal leaves nothing registered': async (world) => {
    const { register, first, resolve } = members(world);
    await rejects(soon(register(first, { signal: AbortSignal.abort() })), { code: 'aborted' });
    deepEqual(await resolve(first.node), []);
  },

  'a signal that aborts later leaves the registration alone': async (world) => {
    const { register, first, resolve } = members(world);
    const abort = new AbortController();
    const registration = await soon(register(first, { signal: abort.signal }));
    abort.abort();
    ok((await resolve(first.node)).length > 0);
    await soon(registration.close());
  },

  'closing again does not take a later registration along': async (world) => {
    const { register, first, resolve } = members(world);
    const before = await soon(register(first, { signal: never() }));
    await soon(before.close());
    const after = await soon(register(first, { signal: never() }));
    await soon(before.close());
    ok((await resolve(first.node)).length > 0);
    await soon(after.close());
  },
};

const namesCases: Readonly<Record<string, Body>> = {
  'names lists what is registered, by the part before the @': async (world) => {
    const { register, first, names } = members(world);
    ok(names !== undefined, 'names');
    const [alive = '', host = ''] = first.node.split('@');
    const listed = async () => (await soon(names(host))).filter(({ name }) => name === alive);
    deepEqual(await listed(), []);
    const registration = await soon(register(first, { signal: never() }));
    deepEqual(await listed(), [{ name: alive, port: first.port }]);
    await soon(registration.close());
    deepEqual(await listed(), []);
  },

  'an aborted signal ends names at once': async (world) => {
    const { names, first } = members(world);
    ok(names !== undefined, 'names');
    await rejects(soon(names(first.node.split('@')[1] ?? '', { signal: AbortSignal.abort() })), ErlnodeError);
  },
};

const listenPortCases: Readonly<Record<string, Body>> = {
  'listenPort is a port or leaves it open': async ({ discovery, unknown }) => {
    const port = discovery.listenPort?.(unknown);
    ok(port === undefined || (Number.isInteger(port) && port >= 0 && port <= 0xffff), `${port}`);
  },
};

/**
 * The cases for one implementation. What it leaves out becomes a case that checks that it really does.
 *
 * @param setUp makes a fresh world; called once for each case, which closes it.
 * @param leftOut members that the implementation does not have, each with the reason.
 */
export function discoveryConformance(
  setUp: () => Promise<DiscoveryWorld>,
  leftOut: DiscoveryLeftOut = {},
): readonly ConformanceCase[] {
  const unless = (member: keyof DiscoveryLeftOut, bodies: Readonly<Record<string, Body>>) => {
    const reason = leftOut[member];
    if (reason === undefined) return casesIn(setUp, bodies);
    const absent: Body = async (world) => {
      equal(member === 'known' ? world.known : world.discovery[member], undefined);
    };
    return casesIn(setUp, { [`it leaves out ${member}: ${reason}`]: absent });
  };
  return [
    ...casesIn(setUp, always),
    ...unless('known', knownCases),
    ...unless('register', registerCases),
    ...(leftOut.register === undefined || leftOut.names !== undefined ? unless('names', namesCases) : []),
    ...unless('listenPort', listenPortCases),
  ];
}
