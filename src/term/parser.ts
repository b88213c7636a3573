// The grammar of literal Erlang terms, over the tokens of scan.ts; a template's values are holes in what it builds.
// Iterative: what is open stands on a stack of its own, so text may be nested as deep as it is long.
import { atom } from './atom.js';
import { KeyOrder } from './compare.js';
import { Float, float } from './float.js';
import { externalFun } from './fun.js';
import { charlist, improperList } from './list.js';
import { mapFromPairs } from './map-build.js';
import { addSpecifier, buildBits, type Segment, type SegmentSpec } from './parse-bits.js';
import { Scanner, type Token } from './scan.js';
import type { Term } from './term.js';
import { tupleFrom } from './tuple.js';

/** The place of a template's value. */
export class Hole {
  readonly index: number;
  constructor(index: number) {
    this.index = index;
  }
}

/** `order` is shared by all maps of a text; without it, a map is put in order by itself. */
type Build = (parts: readonly Term[], order?: KeyOrder) => Term;

/** A term with holes inside, to be built when their values are there. */
export class Unbuilt {
  readonly parts: readonly Part[];
  readonly build: Build;
  constructor(parts: readonly Part[], build: Build) {
    this.parts = parts;
    this.build = build;
  }
}

export type Part = Term | Hole | Unbuilt;

/** A term that has been read, and how it was written where that matters. */
interface Read {
  readonly part: Part;
  /** A number without a sign: the only thing that may have one. */
  readonly isNumber: boolean;
  /** A string, each character of which is a segment of its own in a binary. */
  readonly text?: string;
}

/** A token and the text it is from. */
interface Place {
  readonly token: Token;
  readonly scanner: Scanner;
}

/** Something opened and not yet closed. `size` is the size of a segment: it opens after a colon and closes itself. */
interface Open {
  readonly bracket: '(' | '{' | '[' | '#{' | '<<' | 'size';
  readonly place: Place;
  readonly sign: Place | undefined;
  readonly parts: Part[];
  readonly segments: { spec: SegmentSpec; text: string | undefined; value: number; size: number | undefined }[];
  hasTail: boolean;
  /** `[a|[b|[c]]]` is read as one list; so many more brackets close it. */
  extraBrackets: number;
}

/** Reads one term from a text, or from the texts between a template's values. For one use. */
export class Parser {
  readonly #texts: readonly string[];
  #scanner: Scanner;
  #textIndex = 0;
  #peeked: Place | undefined;
  readonly #open: Open[] = [];
  readonly #order = new KeyOrder();

  constructor(texts: readonly string[]) {
    this.#texts = texts;
    this.#scanner = new Scanner(texts[0] ?? '');
  }

  parse(): Part {
    for (;;) {
      let read = this.#operand();
      while (read !== undefined) {
        const top = this.#open.at(-1);
        if (top === undefined) return this.#finish(read);
        read = this.#give(top, read);
      }
    }
  }

  /** Reads what may stand where a term is expected; `undefined` when it opens something that expects one in turn. */
  #operand(): Read | undefined {
    let place = this.#next();
    let sign: Place | undefined;
    if (isSymbol(place, '-') || isSymbol(place, '+')) {
      if (this.#open.at(-1)?.bracket === 'size') this.#unexpected('a size', place);
      sign = place;
      place = this.#next();
    }
    const { token } = place;
    switch (token.kind) {
      case 'integer':
      case 'character':
        return this.#signed({ part: token.value, isNumber: true }, sign);
      case 'float':
        return this.#signed({ part: floatTerm(token.value), isNumber: true }, sign);
      case 'atom':
        return this.#signed({ part: atom(token.text), isNumber: false }, sign);
      case 'string':
        return this.#signed(this.#string(token.text), sign);
      case 'hole':
        return this.#signed({ part: new Hole(token.index), isNumber: false }, sign);
      case 'symbol':
        if (token.text === 'fun') return this.#signed(this.#fun(place), sign);
        return this.#opened(place, sign);
      case 'variable':
        return place.scanner.fail('a variable, which has no value here', token.at);
      case 'dot':
      case 'end':
        return this.#unexpected('a term', place);
    }
  }

  #opened(place: Place, sign: Place | undefined): Read | undefined {
    let bracket = place.token.kind === 'symbol' ? place.token.text : '';
    if (bracket === '#') {
      this.#expect('{', 'the "{" of a map');
      bracket = '#{';
    }
    if (!isBracket(bracket)) return this.#unexpected('a term', place);
    const open: Open = { bracket, place, sign, parts: [], segments: [], hasTail: false, extraBrackets: 0 };
    this.#open.push(open);
    return bracket !== '(' && this.#take(CLOSING[bracket]) ? this.#close(open) : undefined;
  }

  /** Gives a term to what is open around it: the term that is thereby complete, or `undefined` when more must come. */
  #give(open: Open, read: Read): Read | undefined {
    switch (open.bracket) {
      case '(':
        this.#expect(')', '")"');
        this.#open.pop();
        return this.#signed(read, open.sign);
      case '{':
        open.parts.push(read.part);
        return this.#more('}') ? undefined : this.#close(open);
      case '[':
        open.parts.push(read.part);
        return this.#listGoesOn(open) ? undefined : this.#close(open);
      case '#{':
        open.parts.push(read.part);
        if (open.parts.length % 2 === 0) return this.#more('}') ? undefined : this.#close(open);
        this.#expect('=>', '"=>" and the value of a key');
        return undefined;
      case '<<':
        open.segments.push({ spec: {}, text: read.text, value: open.parts.length, size: undefined });
        open.parts.push(read.part);
        if (!this.#take(':')) return this.#segmentEnds(open);
        this.#open.push({ ...open, bracket: 'size' });
        return undefined;
      case 'size': {
        this.#open.pop();
        const segment = open.segments.at(-1);
        if (segment !== undefined) segment.size = open.parts.length;
        open.parts.push(read.part);
        return this.#segmentEnds(this.#open.at(-1) as Open);
      }
    }
  }

  #listGoesOn(open: Open): boolean {
    if (open.hasTail) {
      this.#expect(']', '"]" after the tail of a list');
      return false;
    }
    if (!this.#take('|')) return this.#more(']', ', "|"');
    if (this.#take('[')) {
      open.extraBrackets++;
      return !this.#take(']');
    }
    open.hasTail = true;
    return true;
  }

  /** After the value and the size of a segment: its types, and whether another one follows. */
  #segmentEnds(open: Open): Read | undefined {
    const segment = open.segments.at(-1);
    if (segment !== undefined && this.#take('/')) {
      do segment.spec = this.#specifier(segment.spec);
      while (this.#take('-'));
    }
    return this.#more('>>') ? undefined : this.#close(open);
  }

  #specifier(spec: SegmentSpec): SegmentSpec {
    const place = this.#next();
    const { token } = place;
    if (token.kind !== 'atom') return this.#unexpected('the type of a segment', place);
    let unit: number | bigint | undefined;
    if (this.#take(':')) {
      const number = this.#next();
      if (number.token.kind !== 'integer') return this.#unexpected('a unit', number);
      unit = number.token.value;
    }
    const more = addSpecifier(spec, token.text, unit);
    return typeof more === 'string' ? place.scanner.fail(more, token.at) : more;
  }

  /** Builds what is complete, or leaves it for later when a hole is in it. */
  #close(open: Open): Read {
    this.#open.pop();
    for (let i = 0; i < open.extraBrackets; i++) this.#expect(']', '"]" of the list that is a tail');
    const build = builderOf(open);
    const part = open.parts.some(isUnbuilt) ? new Unbuilt(open.parts, build) : build(open.parts as Term[], this.#order);
    return this.#signed({ part, isNumber: false }, open.sign);
  }

  #signed(read: Read, sign: Place | undefined): Read {
    if (sign === undefined) return read;
    if (!read.isNumber) sign.scanner.fail('a sign before something that is no number', sign.token.at);
    const number = read.part as number | bigint | Float;
    if (isSymbol(sign, '+')) return { part: number, isNumber: false };
    if (number instanceof Float) return { part: float(-number.value), isNumber: false };
    return { part: number === 0 ? 0 : -number, isNumber: false };
  }

  #string(first: string): Read {
    let text = first;
    for (let place = this.#peek(); place.token.kind === 'string'; place = this.#peek()) {
      text += place.token.text;
      this.#next();
    }
    return { part: charlist(text), isNumber: false, text };
  }

  #fun(place: Place): Read {
    const module = this.#atomOf('the module of a fun');
    this.#expect(':', '":" after the module of a fun');
    const name = this.#atomOf('the function of a fun');
    this.#expect('/', '"/" and the arity of a fun');
    const { token } = this.#next();
    if (token.kind !== 'integer' || token.value > 255) return place.scanner.fail('a fun without arity', place.token.at);
    return { part: externalFun(module, name, Number(token.value)), isNumber: false };
  }

  #atomOf(what: string): string {
    const place = this.#next();
    return place.token.kind === 'atom' ? place.token.text : this.#unexpected(what, place);
  }

  #finish({ part }: Read): Part {
    let place = this.#next();
    const hasDot = place.token.kind === 'dot';
    if (hasDot) place = this.#next();
    if (place.token.kind !== 'end') this.#unexpected(hasDot ? 'nothing after the final dot' : 'the end', place);
    return part;
  }

  /** After an element: `true` for a comma, `false` for the closing bracket. */
  #more(closing: string, or = ''): boolean {
    const place = this.#next();
    if (isSymbol(place, ',')) return true;
    return isSymbol(place, closing) ? false : this.#unexpected(`","${or} or "${closing}"`, place);
  }

  #take(symbol: string): boolean {
    if (!isSymbol(this.#peek(), symbol)) return false;
    this.#next();
    return true;
  }

  #expect(symbol: string, what: string): void {
    const place = this.#next();
    if (!isSymbol(place, symbol)) this.#unexpected(what, place);
  }

  #peek(): Place {
    this.#peeked ??= this.#scan();
    return this.#peeked;
  }

  #next(): Place {
    const place = this.#peek();
    this.#peeked = undefined;
    return place;
  }

  #scan(): Place {
    const scanner = this.#scanner;
    const token = scanner.next();
    if (token.kind !== 'end' || this.#textIndex === this.#texts.length - 1) return { token, scanner };
    this.#textIndex++;
    this.#scanner = new Scanner(this.#texts[this.#textIndex] ?? '', ` after value ${this.#textIndex} of a template`);
    return { token: { kind: 'hole', index: this.#textIndex - 1, at: token.at }, scanner };
  }

  #unexpected(expected: string, { scanner, token }: Place): never {
    return scanner.fail(`expected ${expected}, not ${describe(token)}`, token.at);
  }
}

const CLOSING = { '{': '}', '[': ']', '#{': '}', '<<': '>>' } as const;

function isBracket(text: string): text is '(' | keyof typeof CLOSING {
  return text === '(' || Object.hasOwn(CLOSING, text);
}

function isSymbol({ token }: Place, text: string): boolean {
  return token.kind === 'symbol' && token.text === text;
}

function isUnbuilt(part: Part): boolean {
  return part instanceof Hole || part instanceof Unbuilt;
}

function floatTerm(value: number): number | Float {
  return Number.isInteger(value) ? float(value) : value;
}

function builderOf({ bracket, hasTail, place, segments }: Open): Build {
  switch (bracket) {
    case '{':
      return tupleFrom;
    case '#{':
      return mapFromPairs;
    case '<<':
      return (parts) => {
        const built = buildBits(
          segments.map(
            (each): Segment => ({
              ...each.spec,
              text: each.text,
              value: parts[each.value],
              size: each.size === undefined ? 'default' : parts[each.size],
            }),
          ),
        );
        return typeof built === 'string' ? place.scanner.fail(built, place.token.at) : built.bits;
      };
    default:
      return (parts) => (hasTail ? improperList(parts.slice(0, -1), parts.at(-1)) : parts);
  }
}

/** What a token is, without what the text says there: that may be anything. */
function describe(token: Token): string {
  switch (token.kind) {
    case 'symbol':
      return `"${token.text}"`;
    case 'dot':
      return 'the final dot';
    case 'end':
      return 'the end';
    case 'hole':
      return 'a value';
    case 'atom':
    case 'integer':
      return `an ${token.kind}`;
    default:
      return `a ${token.kind}`;
  }
}
