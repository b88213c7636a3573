// Erlang text to terms: what file:consult/1 and erl_parse:parse_term/1 accept, and templates of it with values inside.
import { ArgumentError } from '../errors.js';
import { Hole, Parser, type Part, Unbuilt } from './parser.js';
import type { Term } from './term.js';

/**
 * One term in Erlang syntax, with or without a final dot: `parse('{ok, [1, 2.5, "abc", <<"abc">>, #{a => b}]}')`.
 * Floats with an integral value become `Float`, binaries `Buffer`, strings lists of code points. Of two map entries
 * with the same key the later one counts. `maybe` and `else` are atoms, as up to OTP 26.
 *
 * @throws ArgumentError `badarg` with line, column and what was expected; LimitError for an integer or a binary that a
 *   few characters make too large.
 */
export function parse(text: string): Term {
  if (typeof text !== 'string') throw new ArgumentError('badarg', `parse() reads a string, not ${typeof text}`);
  return new Parser([text]).parse() as Term;
}

/**
 * A term built from Erlang syntax with values in it: `` erl`{ok, ${value}}` ``. Values are terms, not text, and stand
 * wherever a term may stand, also in `<<${size}:16, ${rest}/binary>>`. The text is parsed once per place in the source;
 * parts without values are shared by all terms made there.
 *
 * @throws ArgumentError `badarg` as {@link parse}, and for a value that does not fit into its segment of a binary.
 */
export function erl(strings: TemplateStringsArray, ...values: readonly Term[]): Term {
  if (!Array.isArray(strings) || !Array.isArray(strings.raw)) {
    throw new ArgumentError('badarg', 'erl is a tag of templates: it stands before the text, without parentheses');
  }
  let template = templates.get(strings);
  if (template === undefined) {
    template = { root: new Parser(strings.raw).parse() };
    templates.set(strings, template);
  }
  return fill(template.root, values);
}

const templates = new WeakMap<TemplateStringsArray, { readonly root: Part }>();

/** Recursive, but only as deep as the source code of a template nests its values. */
function fill(part: Part, values: readonly Term[]): Term {
  if (part instanceof Hole) return values[part.index];
  if (part instanceof Unbuilt) return part.build(part.parts.map((inner) => fill(inner, values)));
  return part;
}
