// erlang:process_info of our processes, as Erlang's own tools ask for it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { atom, type Process, tuple } from '../../src/index.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { startTestNode, type TestNode } from '../support/ts-node.js';

let e: Erlang;
let ts: TestNode;
let parent: Process;
let child: Process;

beforeAll(async () => {
  e = await startErlang();
  ts = await startTestNode(e.epmdPort, { cookie: e.cookie, introspection: true });
  await ts.node.connect(e.name);
  parent = ts.node.spawnMailbox({ name: 'parent' });
  child = ts.node.spawnMailbox({ link: parent });
  child.label = tuple(atom('room'), 7);
  child.trapExit = true;
  child.send(child.pid, 'waiting');
  for (const [name, pid] of Object.entries({ parent: parent.pid, child: child.pid })) {
    await ts.node.rpc(e.name, 'persistent_term', 'put', [atom(name), pid]);
  }
});

afterAll(async () => {
  await ts?.node.stop();
  await e?.stop();
});

const pinfo = (of: string) => e.eval(`rpc:pinfo(persistent_term:get(${of}))`);
const item = (of: string, wanted: string) => e.eval(`rpc:pinfo(persistent_term:get(${of}), ${wanted})`);

describe('rpc:pinfo', () => {
  test('of a process: every item that means something here', async () => {
    const seen = await e.eval(
      `[{K, V} || {K, V} <- rpc:pinfo(persistent_term:get(child)), not lists:member(K, [links, group_leader])]`,
    );
    expect(seen).toBe(
      "[{current_function,{erlnode,process,1}},{initial_call,{erlnode,process,1}},{status,waiting},{message_queue_len,1},{dictionary,[{'$ancestors',[parent]},{'$initial_call',{erlnode,process,1}},{'$process_label',{room,7}}]},{trap_exit,true}]",
    );

    expect(await pinfo('parent')).toContain('[{registered_name,parent}');
  });

  test.each([
    ['child', 'registered_name', '[]'],
    ['child', '[registered_name, trap_exit]', '[{registered_name,[]},{trap_exit,true}]'],
    ['child', "{dictionary, '$process_label'}", "{{dictionary,'$process_label'},{room,7}}"],
    ['child', '{dictionary, nothing}', '{{dictionary,nothing},undefined}'],
    ['child', 'label', '{label,{room,7}}'],
    ['parent', 'registered_name', '{registered_name,parent}'],
    ['parent', "{dictionary, '$ancestors'}", "{{dictionary,'$ancestors'},[]}"],
    ['parent', 'label', '{label,undefined}'],
  ])('of %s: %s', async (of, wanted, answer) => {
    expect(await item(of, wanted)).toBe(answer);
  });

  test('links, monitors, and who watches', async () => {
    const ours = 'Child = persistent_term:get(child), Parent = persistent_term:get(parent)';
    expect(await e.eval(`${ours}, rpc:pinfo(Child, links) =:= {links, [Parent]}`)).toBe('true');
    expect(await e.eval(`${ours}, rpc:pinfo(Child, parent) =:= {parent, Parent}`)).toBe('true');
    const watch = 'Ref = monitor(process, Child), Seen = rpc:pinfo(Child, monitored_by), demonitor(Ref)';
    expect(await e.eval(`${ours}, ${watch}, Seen =:= {monitored_by, [self()]}`)).toBe('true');
  });

  test('of a process that has ended, and what nobody can ask', async () => {
    const gone = ts.node.spawnMailbox();
    gone.exit();
    await ts.node.rpc(e.name, 'persistent_term', 'put', [atom('gone'), gone.pid]);
    expect(await e.eval('rpc:pinfo(persistent_term:get(gone))')).toBe('undefined');
    expect(await item('child', 'bogus')).toMatch(/^\{badrpc,\{'EXIT',\{badarg,/);
    expect(await e.eval(`rpc:call('${ts.name}', erlang, process_info, [5])`)).toMatch(/badarg/);
  });
});
