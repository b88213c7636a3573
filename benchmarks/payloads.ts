// The 13 payloads, each as an Erlang term and as the plain data that codecs without atoms and tuples carry instead.
// Everything is made from a fixed seed, so that every run and every codec gets the same.
import { atom, type Term, tuple } from 'erlnode';
import { decode } from 'erlnode/etf';

export interface Payload {
  readonly name: string;
  readonly about: string;
  readonly term: Term;
  readonly plain: unknown;
  /** What the keys of its objects are on the wire. */
  readonly keys: 'atom' | 'string';
}

const NODE = `770a${Buffer.from('e@workstat').toString('hex')}`;
const ALIAS = `7705${Buffer.from('alias').toString('hex')}`;
const fromHex = (hex: string): Term => decode(Buffer.from(`83${hex}`, 'hex'));
const pid = fromHex(`58${NODE}000000550000000065a1b2c3`);
const tag = fromHex(`6c00000001${ALIAS}5a0003${NODE}65a1b2c30003f00d12345678000abcde`);

let state = 42;
/** 0 to `below` - 1. */
function random(below: number): number {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

/** As data is that came off a wire: strings in one piece, keys known to V8. */
function flat<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

const WORDS = 'the quick brown fox jumps over a lazy dog while seven wizards brew potions in the old tower'.split(' ');
function sentence(words: number): string {
  return Array.from({ length: words }, () => WORDS[random(WORDS.length)]).join(' ');
}

const user = (i: number) => ({
  id: String(10 ** 17 + random(10 ** 9)),
  username: `user_${i}_${WORDS[random(WORDS.length)]}`,
  discriminator: String(1000 + random(9000)),
  avatar: `a_${'0123456789abcdef'.repeat(2)}`,
  bot: i % 3 === 0,
});

function gatewayEvent(): unknown {
  return flat({
    op: 0,
    s: 1234,
    t: 'MESSAGE_CREATE',
    d: {
      id: '1122334455667788990',
      channel_id: '998877665544332211',
      guild_id: '112233445566778899',
      author: user(1),
      member: {
        nick: null,
        roles: ['1', '22', '333'],
        joined_at: '2021-03-04T05:06:07.089000+00:00',
        deaf: false,
        mute: false,
      },
      content: sentence(30),
      timestamp: '2024-05-06T07:08:09.101000+00:00',
      edited_timestamp: null,
      tts: false,
      mention_everyone: false,
      mentions: [user(2), user(3), user(4)],
      mention_roles: [],
      attachments: [
        {
          id: '77',
          filename: 'picture.png',
          size: 123456,
          url: `https://cdn.example.org/${'x'.repeat(90)}`,
          width: 800,
          height: 600,
        },
        {
          id: '78',
          filename: 'other.png',
          size: 65432,
          url: `https://cdn.example.org/${'y'.repeat(90)}`,
          width: 640,
          height: 480,
        },
      ],
      embeds: [
        {
          type: 'rich',
          title: sentence(6),
          description: sentence(20),
          color: 16711680,
          footer: { text: sentence(5), icon_url: `https://cdn.example.org/${'z'.repeat(60)}` },
          fields: [
            { name: sentence(2), value: sentence(8), inline: true },
            { name: sentence(2), value: sentence(8), inline: false },
          ],
        },
      ],
      reactions: [
        { count: 3, me: false, emoji: { id: null, name: 'thumbsup' } },
        { count: 1, me: true, emoji: { id: '12345', name: 'party' } },
      ],
      pinned: false,
      type: 0,
    },
  });
}

const rows = Array.from({ length: 1000 }, (_, i) =>
  flat({
    id: i,
    name: sentence(2),
    email: `${WORDS[random(WORDS.length)]}.${i}@example.org`,
    age: 18 + random(60),
    active: random(2) === 0,
    score: random(100_000),
    role: 'member',
    created: 1_700_000_000_000_000 + random(1_000_000_000),
  }),
);

const chat = (body: string) =>
  flat({
    type: 'message',
    room: 'lobby',
    from: 'alice',
    id: 123456,
    ts: 1_700_000_000,
    seen: false,
    body,
  });

const mixed = Array.from({ length: 10_000 }, (_, i) => {
  if (i % 10 === 0) return (i % 20 === 0 ? 1n : -1n) * (2n ** 53n + BigInt(random(2 ** 30)) * 2n ** 32n);
  return [random(256), random(2 ** 31), -random(2 ** 31), 2 ** 32 + random(2 ** 31) * 1024][i % 4] as number;
});

function nested(depth: number): Term {
  let term: Term = [];
  for (let i = depth; i > 0; i--) term = [i, term];
  return term;
}

const utf8 =
  'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich; съешь же ещё этих мягких булок; 日本語のテキスト 😀. ';
/** Made from bytes, because V8 keeps what repeat() gives in pieces. */
const repeated = (text: string, bytes: number) =>
  Buffer.from(text.repeat(Math.ceil(bytes / Buffer.byteLength(text)))).toString();
const same = (name: string, about: string, term: unknown, keys: 'atom' | 'string' = 'string'): Payload => ({
  name,
  about,
  term: term as Term,
  plain: term,
  keys,
});

const plainId = { node: 'e@workstat', id: 85, serial: 0, creation: 1705096899 };
const floats = Array.from({ length: 1000 }, () => random(10 ** 9) / 997 + 0.25);

export const payloads: readonly Payload[] = [
  {
    name: 'a_gencall',
    about: "{'$gen_call',{Pid,[alias|Ref]},{get,42}}",
    term: tuple(atom('$gen_call'), tuple(pid, tag), tuple(atom('get'), 42)),
    plain: [
      '$gen_call',
      [plainId, ['alias', { node: 'e@workstat', creation: 1705096899, words: [258061, 305419896, 703710] }]],
      ['get', 42],
    ],
    keys: 'atom',
  },
  same('b_gateway', 'a chat gateway event: nested maps with string keys', gatewayEvent()),
  same(
    'c_ints1k',
    '1,000 integers 0 to 999',
    Array.from({ length: 1000 }, (_, i) => i),
  ),
  same(
    'c2_bytes1k',
    '1,000 bytes as a list',
    Array.from({ length: 1000 }, (_, i) => i % 256),
  ),
  same(
    'd_floats1k',
    '1,000 floats',
    floats.map((x) => (Number.isInteger(x) ? x + 0.5 : x)),
  ),
  same('e_mixed10k', '10,000 integers of all sizes, a tenth beyond 2^53', mixed),
  same('f_bin1m', 'a binary of 1 MB', Buffer.alloc(1024 * 1024, 7)),
  same('g_deep1000', '[1,[2,[3,…]]], 1,000 deep', nested(1000)),
  {
    ...same('h_rows1k', '1,000 maps of 8 atom keys', rows, 'atom'),
    term: rows.map((row) => ({ ...row, role: atom('member') })) as Term,
  },
  same('i1_ascii64k', '64 KB of ASCII', repeated('The quick brown fox jumps over the lazy dog. ', 65536)),
  same('i2_utf8_64k', '64 KB of mixed UTF-8', repeated(utf8, 65536)),
  same('j_chat', 'a chat message of 200 bytes, string keys', chat(sentence(12))),
  same(
    'k_chat_utf8',
    'the same with a body that is not ASCII',
    chat(`Grüße aus München, καλημέρα, доброе утро! ${'äöü'.repeat(8)}`),
  ),
];
