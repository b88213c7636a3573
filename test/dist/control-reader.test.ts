import { describe, expect, test } from 'vitest';
import type { ControlMessage } from '../../src/dist/control.js';
import { readControl } from '../../src/dist/control-reader.js';
import { ProtocolError } from '../../src/errors.js';
import { atom } from '../../src/term/atom.js';
import { improperList } from '../../src/term/list.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { foreign, mine, myRef, peer, self, theirRef, theirs } from './peers.js';

const empty = atom('');
const token = tuple(1, 17, 1, theirs, 0);
const mfa = tuple(atom('lists'), atom('seq'), 2);
const payload = atom('payload');

function read(control: Term): ControlMessage {
  return readControl(control, { self, peer, payload: () => payload });
}

const echo = atom('echo');

describe('every spelling of the wire has one meaning', () => {
  test.each<[string, Term, ControlMessage]>([
    ['LINK', tuple(1, theirs, mine), { op: 'LINK', from: theirs, to: mine }],
    ['SEND', tuple(2, empty, mine), { op: 'SEND', from: undefined, to: mine, message: payload }],
    ['EXIT', tuple(3, theirs, mine, 'why'), { op: 'EXIT', from: theirs, to: mine, reason: 'why' }],
    ['UNLINK', tuple(4, theirs, mine), { op: 'UNLINK', from: theirs, to: mine, id: undefined }],
    ['REG_SEND', tuple(6, theirs, empty, echo), { op: 'REG_SEND', from: theirs, to: 'echo', message: payload }],
    ['GROUP_LEADER', tuple(7, theirs, mine), { op: 'GROUP_LEADER', leader: theirs, to: mine }],
    ['EXIT2', tuple(8, theirs, mine, 'why'), { op: 'EXIT2', from: theirs, to: mine, reason: 'why' }],
    ['SEND_TT', tuple(12, empty, mine, token), { op: 'SEND', from: undefined, to: mine, message: payload }],
    ['EXIT_TT', tuple(13, theirs, mine, token, 'why'), { op: 'EXIT', from: theirs, to: mine, reason: 'why' }],
    [
      'REG_SEND_TT',
      tuple(16, theirs, empty, echo, token),
      { op: 'REG_SEND', from: theirs, to: 'echo', message: payload },
    ],
    ['EXIT2_TT', tuple(18, theirs, mine, token, 'why'), { op: 'EXIT2', from: theirs, to: mine, reason: 'why' }],
    ['MONITOR_P', tuple(19, theirs, mine, theirRef), { op: 'MONITOR_P', from: theirs, to: mine, ref: theirRef }],
    [
      'MONITOR_P by name',
      tuple(19, theirs, echo, theirRef),
      { op: 'MONITOR_P', from: theirs, to: 'echo', ref: theirRef },
    ],
    ['DEMONITOR_P', tuple(20, theirs, mine, theirRef), { op: 'DEMONITOR_P', from: theirs, to: mine, ref: theirRef }],
    [
      'MONITOR_P_EXIT',
      tuple(21, theirs, mine, myRef, 'why'),
      { op: 'MONITOR_P_EXIT', from: theirs, to: mine, ref: myRef, reason: 'why' },
    ],
    [
      'MONITOR_P_EXIT by name',
      tuple(21, echo, mine, myRef, 'why'),
      { op: 'MONITOR_P_EXIT', from: 'echo', to: mine, ref: myRef, reason: 'why' },
    ],
    ['SEND_SENDER', tuple(22, theirs, mine), { op: 'SEND', from: theirs, to: mine, message: payload }],
    ['SEND_SENDER_TT', tuple(23, theirs, mine, token), { op: 'SEND', from: theirs, to: mine, message: payload }],
    ['PAYLOAD_EXIT', tuple(24, theirs, mine), { op: 'EXIT', from: theirs, to: mine, reason: payload }],
    ['PAYLOAD_EXIT_TT', tuple(25, theirs, mine, token), { op: 'EXIT', from: theirs, to: mine, reason: payload }],
    ['PAYLOAD_EXIT2', tuple(26, theirs, mine), { op: 'EXIT2', from: theirs, to: mine, reason: payload }],
    ['PAYLOAD_EXIT2_TT', tuple(27, theirs, mine, token), { op: 'EXIT2', from: theirs, to: mine, reason: payload }],
    [
      'PAYLOAD_MONITOR_P_EXIT',
      tuple(28, theirs, mine, myRef),
      { op: 'MONITOR_P_EXIT', from: theirs, to: mine, ref: myRef, reason: payload },
    ],
    [
      'SPAWN_REPLY',
      tuple(31, myRef, mine, 3, theirs),
      { op: 'SPAWN_REPLY', ref: myRef, to: mine, link: true, monitor: true, result: theirs },
    ],
    [
      'SPAWN_REPLY_TT',
      tuple(32, myRef, mine, 0, atom('badopt'), token),
      { op: 'SPAWN_REPLY', ref: myRef, to: mine, link: false, monitor: false, result: 'badopt' },
    ],
    ['ALIAS_SEND', tuple(33, theirs, myRef), { op: 'ALIAS_SEND', from: theirs, to: myRef, message: payload }],
    ['ALIAS_SEND_TT', tuple(34, theirs, myRef, token), { op: 'ALIAS_SEND', from: theirs, to: myRef, message: payload }],
    ['UNLINK_ID', tuple(35, 1, theirs, mine), { op: 'UNLINK', from: theirs, to: mine, id: 1 }],
    [
      'UNLINK_ID_ACK',
      tuple(36, 2n ** 64n - 1n, theirs, mine),
      { op: 'UNLINK_ACK', from: theirs, to: mine, id: 2n ** 64n - 1n },
    ],
    [
      '37 to a pid',
      tuple(37, 1, theirs, mine),
      { op: 'SEND', from: theirs, to: mine, message: payload, priority: true },
    ],
    ['37 to an alias', tuple(37, 4, theirs, myRef), { op: 'ALIAS_SEND', from: theirs, to: myRef, message: payload }],
    [
      '37 to a name, with token',
      tuple(37, 11, theirs, echo, token),
      { op: 'REG_SEND', from: theirs, to: 'echo', message: payload, priority: true },
    ],
    [
      '37 as exit signal',
      tuple(37, 17, theirs, mine),
      { op: 'EXIT2', from: theirs, to: mine, reason: payload, priority: true },
    ],
    [
      '37 as exit signal to an alias',
      tuple(37, 20, theirs, myRef),
      { op: 'EXIT2', from: theirs, to: myRef, reason: payload },
    ],
    [
      '37 with flags and elements from the future',
      tuple(37, 2n ** 70n + 224n, theirs, mine, 1, 2, 3),
      { op: 'SEND', from: theirs, to: mine, message: payload },
    ],
  ])('%s', (_name, control, message) => {
    expect(read(control)).toEqual(message);
  });

  test.each([
    ['SPAWN_REQUEST', tuple(29, theirRef, theirs, theirs, mfa, [atom('link')])],
    ['SPAWN_REQUEST_TT', tuple(30, theirRef, theirs, theirs, mfa, [atom('link')], token)],
  ])('%s', (_name, control) => {
    expect(read(control)).toEqual({
      op: 'SPAWN_REQUEST',
      ref: theirRef,
      from: theirs,
      groupLeader: theirs,
      module: 'lists',
      function: 'seq',
      arity: 2,
      options: [atom('link')],
      args: payload,
    });
  });

  test.each([
    [true, 'true'],
    [false, 'false'],
    [undefined, 'undefined'],
    [null, 'nil'],
  ])('%s is an atom like any other', (value, name) => {
    expect(read(tuple(6, theirs, empty, value))).toMatchObject({ to: name });
  });
});

describe('a BEAM closes the connection, and so do we, at', () => {
  test.each<[string, Term]>([
    ['a number', 1],
    ['a list', [1, theirs, mine]],
    ['an improper list', improperList([1], 2)],
    ['an empty tuple', tuple()],
    ['an operation that is no number', tuple(atom('link'), theirs, mine)],
    ['operation 0', tuple(0)],
    ['operation 5, NODE_LINK', tuple(5)],
    ['operation 38', tuple(38, theirs, mine)],
    ['a huge operation', tuple(2n ** 64n, theirs, mine)],
    ['a negative operation', tuple(-1, theirs, mine)],
    ['LINK with two elements', tuple(1, theirs)],
    ['LINK with four elements', tuple(1, theirs, mine, 1)],
    ['LINK from a foreign process', tuple(1, foreign, mine)],
    ['LINK from a process of ours', tuple(1, mine, mine)],
    ['LINK to a foreign process', tuple(1, theirs, foreign)],
    ['LINK to a name', tuple(1, theirs, echo)],
    ['UNLINK_ID 0', tuple(35, 0, theirs, mine)],
    ['UNLINK_ID -1', tuple(35, -1, theirs, mine)],
    ['UNLINK_ID 2^64', tuple(35, 2n ** 64n, theirs, mine)],
    ['UNLINK_ID 1.5', tuple(35, 1.5, theirs, mine)],
    ['UNLINK_ID_ACK from a foreign process', tuple(36, 1, foreign, mine)],
    ['SEND to a name', tuple(2, empty, echo)],
    ['REG_SEND to a pid', tuple(6, theirs, empty, mine)],
    ['REG_SEND to a string', tuple(6, theirs, empty, 'echo')],
    ['REG_SEND from nobody', tuple(6, empty, empty, echo)],
    ['EXIT from a foreign process', tuple(3, foreign, mine, 1)],
    ['PAYLOAD_EXIT to a foreign process', tuple(24, theirs, foreign)],
    ['PAYLOAD_EXIT2 from a foreign process', tuple(26, foreign, mine)],
    ['MONITOR_P from a foreign process', tuple(19, foreign, mine, theirRef)],
    ['MONITOR_P of a foreign process', tuple(19, theirs, foreign, theirRef)],
    ['MONITOR_P without reference', tuple(19, theirs, mine, 1)],
    ['DEMONITOR_P of a number', tuple(20, theirs, 1, theirRef)],
    ['MONITOR_P_EXIT of a process of ours', tuple(28, mine, mine, myRef)],
    ['MONITOR_P_EXIT to a foreign process', tuple(28, theirs, foreign, myRef)],
    ['GROUP_LEADER with a name', tuple(7, echo, mine)],
    ['SPAWN_REQUEST with our reference', tuple(29, myRef, theirs, theirs, mfa, [])],
    ['SPAWN_REQUEST for a foreign process', tuple(29, theirRef, foreign, theirs, mfa, [])],
    ['SPAWN_REQUEST of two', tuple(29, theirRef, theirs, theirs, tuple(echo, echo), [])],
    ['SPAWN_REQUEST of a string', tuple(29, theirRef, theirs, theirs, tuple('m', echo, 0), [])],
    ['SPAWN_REQUEST with a strange arity', tuple(29, theirRef, theirs, theirs, tuple(echo, echo, echo), [])],
    ['SPAWN_REPLY to their reference', tuple(31, theirRef, mine, 0, theirs)],
    ['SPAWN_REPLY with negative flags', tuple(31, myRef, mine, -1, theirs)],
    ['SPAWN_REPLY with huge flags', tuple(31, myRef, mine, 2 ** 27, theirs)],
    ['SPAWN_REPLY with a process of ours', tuple(31, myRef, mine, 0, mine)],
    ['ALIAS_SEND to a pid', tuple(33, theirs, mine)],
    ['37 without receiver', tuple(37, 1, theirs)],
    ['37 with negative flags', tuple(37, -1, theirs, mine)],
    ['37 to an alias and a name', tuple(37, 12, theirs, myRef)],
    ['37 to an alias that is a pid', tuple(37, 4, theirs, mine)],
    ['37 to a name that is a pid', tuple(37, 8, theirs, mine)],
    ['37 to a pid that is a reference', tuple(37, 0, theirs, myRef)],
    ['37 that lacks its token', tuple(37, 2, theirs, mine)],
    ['37 as exit signal of a foreign process', tuple(37, 16, foreign, mine)],
    ['37 from nobody', tuple(37, 0, empty, mine)],
  ])('%s', (_name, control) => {
    let thrown: unknown;
    try {
      read(control);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ProtocolError);
    expect(thrown).toMatchObject({ code: 'bad_control' });
  });
});
