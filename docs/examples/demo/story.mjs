// What the demo shows: lines for both shells, each with the answer that it must get.
// `left` is typed in the TypeScript process, `right` in the other one: a real Erlang shell, or a second TypeScript
// process. An answer is a text, or a pattern where pids and references have numbers that differ every time.

/** The answer must be that of the line before, in the other shell. */
export const THE_SAME = Symbol('the same');

const left = (line, answer) => ({ side: 'left', line, answer });
const right = (line, answer) => ({ side: 'right', line, answer });
const scene = (title, ...lines) => ({ title, lines });

/** @param ts the TypeScript node's name @param beam the Erlang node's */
export const withErlang = ({ ts, beam }) => [
  scene(
    'The nodes find each other',
    left(`const beam = '${beam}'`, ''),
    right(`Ts = '${ts}'.`, `'${ts}'`),
    right('net_adm:ping(Ts).', 'pong'),
    left('await node.ping(beam)', "'pong'"),
    right('{nodes(), nodes(hidden)}.', `{[],['${ts}']}`),
  ),
  scene(
    'A message from Erlang to a TypeScript process, and back',
    right('{echo, Ts} ! {self(), #{say => "hello"}}.', /^\{<0\.\d+\.0>,#\{say => "hello"\}\}$/),
    right('receive Echo -> Echo after 5000 -> none end.', '#{say => "hello"}'),
  ),
  scene(
    'A message from TypeScript to an Erlang process, and back',
    right('register(shell, self()).', 'true'),
    left("me.send({ name: 'shell', node: beam }, tuple(me.pid, 'good day'))", ''),
    right('receive {From, Text} -> From ! {thanks, Text} after 5000 -> none end.', '{thanks,<<"good day">>}'),
    left('await me.receive({ timeout: 5000 })', '{thanks,<<"good day">>}'),
  ),
  scene(
    'A gen_server call each way',
    right('gen_server:call({counter, Ts}, {add, 19}).', '19'),
    right('gen_server:call({counter, Ts}, {add, 23}).', '42'),
    right('application:which_applications().', /^\[\{.*\{kernel,"ERTS .*\}\]$/),
    left("await me.call({ name: 'application_controller', node: beam }, atom('which_applications'))", THE_SAME),
    right('catch gen_server:call({nobody, Ts}, hello).', /^\{'EXIT',\{noproc,/),
    left("await me.call({ name: 'nobody', node: beam }, atom('hello'))", /^Uncaught ExitError noproc: .*noproc/),
  ),
  scene(
    'A function call each way',
    right('rpc:call(Ts, calculator, add, [40, 2]).', '42'),
    right('rpc:call(Ts, os, getpid, []).', /^\{badrpc,\{'EXIT',\{undef,/),
    left("await node.rpc(beam, 'lists', 'seq', [1, 5])", '[1,2,3,4,5]'),
  ),
  scene(
    'Each side hears how a process of the other one ends',
    right('monitor(process, {counter, Ts}).', /^#Ref<[\d.]+>$/),
    right('gen_server:cast({counter, Ts}, stop).', 'ok'),
    right("receive {'DOWN', _, process, Who, Why} -> {Who, Why} after 5000 -> none end.", `{{counter,'${ts}'},normal}`),
    right('register(worker, spawn(fun() -> receive Oops -> exit(Oops) end end)).', 'true'),
    left("const ref = me.monitor({ name: 'worker', node: beam })", ''),
    left("me.send({ name: 'worker', node: beam }, atom('overworked'))", ''),
    left(
      'await me.receive({ timeout: 5000 })',
      new RegExp(`^\\{'DOWN',#Ref<[\\d.]+>,process,\\{worker,'${beam}'\\},overworked\\}$`),
    ),
  ),
];

/** @param ts the first node's name @param peer the second one's */
export const withTypeScript = ({ ts, peer }) => [
  scene(
    'The nodes find each other',
    left(`const peer = '${peer}'`, ''),
    right(`const ts = '${ts}'`, ''),
    right('await node.ping(ts)', "'pong'"),
    left('await node.ping(peer)', "'pong'"),
    right("node.nodes('hidden').includes(ts)", 'true'),
  ),
  scene(
    'A message each way, and back',
    right("me.send({ name: 'echo', node: ts }, tuple(me.pid, { say: 'hello' }))", ''),
    right('await me.receive({ timeout: 5000 })', '#{say => <<"hello">>}'),
    left("me.send({ name: 'echo', node: peer }, tuple(me.pid, 'good day'))", ''),
    left('await me.receive({ timeout: 5000 })', '<<"good day">>'),
  ),
  scene(
    'A gen_server call each way',
    right("await me.call({ name: 'counter', node: ts }, tuple(atom('add'), 42))", '42'),
    left("await me.call({ name: 'counter', node: peer }, tuple(atom('add'), 7))", '7'),
    left("await me.call({ name: 'nobody', node: peer }, atom('hello'))", /^Uncaught ExitError noproc: .*noproc/),
  ),
  scene(
    'A function call each way',
    right("await node.rpc(ts, 'calculator', 'add', [40, 2])", '42'),
    left("await node.rpc(peer, 'calculator', 'add', [3, 4])", '7'),
  ),
  scene(
    'Each side hears how a process of the other one ends',
    right("const ref = me.monitor({ name: 'counter', node: ts })", ''),
    right("me.cast({ name: 'counter', node: ts }, atom('stop'))", ''),
    right(
      'await me.receive({ timeout: 5000 })',
      new RegExp(`^\\{'DOWN',#Ref<[\\d.]+>,process,\\{counter,'${ts}'\\},normal\\}$`),
    ),
    left("const ref = me.monitor({ name: 'counter', node: peer })", ''),
    left("me.cast({ name: 'counter', node: peer }, atom('stop'))", ''),
    left(
      'await me.receive({ timeout: 5000 })',
      new RegExp(`^\\{'DOWN',#Ref<[\\d.]+>,process,\\{counter,'${peer}'\\},normal\\}$`),
    ),
  ),
];
