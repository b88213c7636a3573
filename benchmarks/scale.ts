// How much one node carries: idle processes, spawns, local calls, connections. All in this one OS process.
import { parseArgs } from 'node:util';
import { genServer, type Node, startNode, tuple } from 'erlnode';
import { epmd } from 'erlnode/discovery';

const { values } = parseArgs({
  options: { processes: { type: 'string', default: '1000000' }, connections: { type: 'string', default: '1000' } },
});
const port = 12_000 + Math.floor(Math.random() * 20_000);
const start = (name: string): Promise<Node> =>
  startNode(`${name}@127.0.0.1`, { cookie: 'scale', discovery: epmd({ port, embedded: true }) });

const gc = (globalThis as { gc?: () => void }).gc;
if (gc === undefined) throw new Error('run with --expose-gc');
const memory = (): number => {
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};
const seconds = async (work: () => Promise<unknown> | unknown): Promise<number> => {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
};
const tell = (what: string, figure: string): void => console.log(`| ${what} | ${figure} |`);
const thousands = (value: number): string => Math.round(value).toLocaleString('en');

console.log('| | |\n| --- | --: |');

const hub = await start('hub');
{
  const count = Number(values.processes);
  const before = memory();
  const time = await seconds(() => {
    for (let i = 0; i < count; i++) hub.spawnMailbox();
  });
  const bytes = (memory() - before) / count;
  tell(`${thousands(count)} idle processes, bytes each`, bytes.toFixed(0));
  tell('spawns of a process without a function, per second', thousands(count / time));
}
{
  const count = 100_000;
  const time = await seconds(() => {
    for (let i = 0; i < count; i++) hub.spawn(() => undefined);
    return new Promise((resolve) => setImmediate(resolve));
  });
  tell('spawns and ends of a process with a function, per second', thousands(count / time));
}
{
  const count = 200_000;
  hub.spawn(genServer({ handleCall: (request) => request }), { name: 'server' });
  const me = hub.spawnMailbox();
  const time = await seconds(async () => {
    for (let i = 0; i < count; i++) await me.call('server', tuple(i));
  });
  tell('gen_server calls within the node, one after the other, per second', thousands(count / time));
}
{
  const count = Number(values.connections);
  const nodes: Node[] = [];
  for (let i = 0; i < count; i++) nodes.push(await start(`n${i}`));
  const first = nodes.slice(0, 100);
  const joining = await seconds(() => Promise.all(first.map((node) => node.connect(hub.name))));
  tell('100 nodes joining at once, both ends here, seconds', joining.toFixed(2));
  const before = memory();
  const rest = nodes.slice(100);
  const connecting = await seconds(async () => {
    for (let i = 0; i < rest.length; i += 50) {
      await Promise.all(rest.slice(i, i + 50).map((node) => node.connect(hub.name)));
    }
  });
  tell('connections made per second, both ends here', thousands(rest.length / connecting));
  tell(`connections held by one node`, thousands(hub.nodes('hidden').length));
  tell('bytes per connection, both ends', thousands((memory() - before) / rest.length));
  const pings = await Promise.all(nodes.map((node) => node.ping(hub.name)));
  tell('of them answered a ping', thousands(pings.filter((answer) => answer === 'pong').length));
  await Promise.all(nodes.map((node) => node.stop()));
}
await hub.stop();
