// Erlang source text to tokens, by erl_scan's rules; only as much of them as literal terms need.
// Nothing of the text itself gets into an error, only where it stands and what kind of thing it is.
import { ArgumentError, LimitError } from '../errors.js';
import { isReservedWord, MAX_ATOM_CHARACTERS } from './atom.js';

export type Token =
  | { readonly kind: 'atom' | 'string'; readonly text: string; readonly at: number }
  | { readonly kind: 'integer' | 'character'; readonly value: number | bigint; readonly at: number }
  | { readonly kind: 'float'; readonly value: number; readonly at: number }
  /** `symbol`: an operator, a bracket, a reserved word. */
  | { readonly kind: 'symbol' | 'variable' | 'dot' | 'end'; readonly text: string; readonly at: number }
  /** The place of a template's value; between two texts, so no scanner finds one. */
  | { readonly kind: 'hole'; readonly index: number; readonly at: number };

const INTEGER = /[0-9]+(?:_[0-9]+)*/y;
const FRACTION = /\.[0-9]+(?:_[0-9]+)*/y;
const EXPONENT = /[eE][+-]?[0-9]+(?:_[0-9]+)*/y;
const DIGITS_OF_ANY_BASE = /[0-9A-Za-z]+(?:_[0-9A-Za-z]+)*/y;
const ATOM = /[a-zß-öø-ÿ][0-9A-Za-z_@À-ÖØ-öø-ÿ]*/y;
const VARIABLE = /[A-Z_À-ÖØ-Þ][0-9A-Za-z_@À-ÖØ-öø-ÿ]*/y;
// The longest first. Those that no term has are here, because `--1` is not `- -1`.
const SYMBOL = /<<|>>|=>|:=|->|<-|--|\+\+|\|\||::|\/=|==|=<|>=|\.\.\.|\.\.|[!-/:-@[-`{-~]/y;
// What stands for itself between quotes, in one go.
const PLAIN_IN: Readonly<Record<'"' | "'", RegExp>> = {
  '"': /[^"\\\ud800-\udfff\ufffe\uffff]+/uy,
  "'": /[^'\\\ud800-\udfff\ufffe\uffff]+/uy,
};
const HEXADECIMAL = /x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]+)\})/y;
const OCTAL = /[0-7]{1,3}/y;

/** As many decimal digits as an integer may have: OTP's own limit is 2^22 bits. */
const MAX_DIGITS = 1_262_612;

const ESCAPED: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  v: '\v',
  b: '\b',
  f: '\f',
  e: '\x1b',
  s: ' ',
  d: '\x7f',
};

/** Reads one text token by token. */
export class Scanner {
  readonly #text: string;
  /** What comes before line 1, for errors in templates; empty otherwise. */
  readonly #where: string;
  #at = 0;

  constructor(text: string, where = '') {
    this.#text = text;
    this.#where = where;
  }

  /** The next token; `end` again and again when there is none. @throws ArgumentError `badarg` with line and column. */
  next(): Token {
    this.#skipBlank();
    const at = this.#at;
    const character = this.#text.charAt(at);
    if (character === '') return { kind: 'end', text: '', at };
    if (character === '"') return { kind: 'string', text: this.#quoted('"', 'string'), at };
    if (character === "'") return { kind: 'atom', text: this.#atom(this.#quoted("'", 'atom'), at), at };
    if (character === '$') return { kind: 'character', value: this.#character(), at };
    if (character >= '0' && character <= '9') return this.#number(at);
    const word = this.#match(ATOM)?.[0];
    if (word !== undefined) return { kind: isReservedWord(word) ? 'symbol' : 'atom', text: this.#atom(word, at), at };
    const variable = this.#match(VARIABLE)?.[0];
    if (variable !== undefined) return { kind: 'variable', text: variable, at };
    const symbol = this.#match(SYMBOL)?.[0];
    if (symbol === undefined) this.fail('a character that Erlang allows between quotes only', at);
    const isDot = symbol === '.' && (this.#at === this.#text.length || this.#text[this.#at] === '%' || this.#isBlank());
    return { kind: isDot ? 'dot' : 'symbol', text: symbol, at };
  }

  /** Throws for what stands at `at`. */
  fail(problem: string, at: number): never {
    let line = 1;
    let column = 1;
    for (const character of this.#text.slice(0, at)) {
      column = character === '\n' ? 1 : column + 1;
      if (character === '\n') line++;
    }
    throw new ArgumentError('badarg', `Erlang term${this.#where}, line ${line}, column ${column}: ${problem}`);
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }

  #isBlank(): boolean {
    const code = this.#text.charCodeAt(this.#at);
    return code <= 0x20 || (code >= 0x80 && code <= 0xa0);
  }

  #skipBlank(): void {
    for (;;) {
      if (this.#isBlank()) this.#at++;
      else if (this.#text[this.#at] === '%') {
        const end = this.#text.indexOf('\n', this.#at);
        this.#at = end < 0 ? this.#text.length : end + 1;
      } else return;
    }
  }

  #atom(text: string, at: number): string {
    if (text.length > MAX_ATOM_CHARACTERS && [...text].length > MAX_ATOM_CHARACTERS) {
      this.fail(`an atom of more than ${MAX_ATOM_CHARACTERS} characters`, at);
    }
    return text;
  }

  #number(at: number): Token {
    const whole = this.#digits(INTEGER);
    const fraction = this.#digits(FRACTION);
    if (fraction !== '') {
      const next = this.#text[this.#at];
      const exponent = this.#digits(EXPONENT);
      if (exponent === '' && (next === 'e' || next === 'E')) this.fail('a float whose exponent has no digits', at);
      const value = Number(whole + fraction + exponent);
      if (value === Infinity) this.fail('a float that is larger than any float', at);
      return { kind: 'float', value, at };
    }
    if (this.#text[this.#at] !== '#') return { kind: 'integer', value: this.#integer(whole, 10), at };
    this.#at++;
    const base = Number(whole);
    if (base < 2 || base > 36) this.fail('an integer whose base is not 2 to 36', at);
    const digits = this.#digits(DIGITS_OF_ANY_BASE);
    if (digits === '') this.fail('an integer without digits after its base', at);
    for (const digit of digits) {
      if (Number.isNaN(Number.parseInt(digit, base))) this.fail(`a digit that base ${base} does not have`, at);
    }
    return { kind: 'integer', value: this.#integer(digits, base), at };
  }

  #digits(pattern: RegExp): string {
    return this.#match(pattern)?.[0].replaceAll('_', '') ?? '';
  }

  #integer(digits: string, base: number): number | bigint {
    if (digits.length <= 10) return Number.parseInt(digits, base);
    if (digits.length > MAX_DIGITS) {
      throw new LimitError('integer_too_large', 'digits of an integer', MAX_DIGITS, digits.length);
    }
    const value = base === 10 ? BigInt(digits) : bigintOfBase(digits, base);
    return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }

  #character(): number {
    this.#at++;
    if (this.#at >= this.#text.length) this.fail('"$" without a character', this.#at - 1);
    return this.#text[this.#at] === '\\' ? this.#escape() : this.#plain();
  }

  /** From one quote to the next; `\n` and the like are resolved. */
  #quoted(quote: '"' | "'", what: string): string {
    const start = this.#at++;
    let out = '';
    for (;;) {
      out += this.#match(PLAIN_IN[quote])?.[0] ?? '';
      const character = this.#text[this.#at];
      if (character === undefined) this.fail(`a quoted ${what} that does not end`, start);
      if (character === quote) break;
      out += String.fromCodePoint(character === '\\' ? this.#escape() : this.#plain());
    }
    this.#at++;
    return out;
  }

  /** A character that stands for itself. */
  #plain(): number {
    const code = this.#text.codePointAt(this.#at) as number;
    if (!isUnicode(code)) this.fail('a character that Unicode does not have', this.#at);
    this.#at += code > 0xffff ? 2 : 1;
    return code;
  }

  #escape(): number {
    const at = this.#at++;
    if (this.#at >= this.#text.length) this.fail('"\\" without a character', at);
    const next = this.#text[this.#at] as string;
    const octal = this.#match(OCTAL)?.[0];
    if (octal !== undefined) return Number.parseInt(octal, 8);
    if (next === 'x') {
      const [, two, any] = this.#match(HEXADECIMAL) ?? [];
      const code = Number.parseInt(two ?? any ?? '', 16);
      if (!isUnicode(code)) this.fail('"\\x" without two hexadecimal digits, or any in {…}, of a character', at);
      return code;
    }
    if (next === '^') {
      this.#at++;
      if (this.#at >= this.#text.length) this.fail('"\\^" without a character', at);
      const control = this.#plain();
      return control === 0x3f ? 0x7f : control & 0x1f;
    }
    const code = this.#plain();
    return ESCAPED[next]?.charCodeAt(0) ?? code;
  }
}

function isUnicode(code: number): boolean {
  return (code >= 0 && code < 0xd800) || (code > 0xdfff && code < 0xfffe) || (code > 0xffff && code <= 0x10ffff);
}

/** Halves the digits until a number can hold them: as many steps deep as their count has bits. */
function bigintOfBase(digits: string, base: number): bigint {
  if (digits.length <= 10) return BigInt(Number.parseInt(digits, base));
  const middle = digits.length >> 1;
  const low = digits.slice(middle);
  return bigintOfBase(digits.slice(0, middle), base) * BigInt(base) ** BigInt(low.length) + bigintOfBase(low, base);
}
