// Reads TypeScript just well enough to judge it: what is comment or string, and what is imported. TypeScript 7 offers
// no compiler API to JavaScript, and the tools that bring their own skip `import()` types or fall silent beside it.

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** `import type` and `export type` leave no trace in the output. */
  readonly typeOnly: boolean;
}

const regexMayFollow =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|void|throw|await|yield|else|do))\s*$/;

/** The source with the insides of comments, strings and regular expressions blanked; offsets and lines stay the same. */
export function blank(source: string): string {
  const out = [...source.split('')];
  const wipe = (from: number, to: number) => {
    for (let i = from; i < to && i < out.length; i++) if (out[i] !== '\n') out[i] = ' ';
  };
  /** Depths of braces at which a template literal goes on. */
  const templates: number[] = [];
  let depth = 0;
  let i = 0;
  const quoted = (quote: string, from: number): number => {
    let j = from;
    while (j < source.length && source[j] !== quote && source[j] !== '\n') j += source[j] === '\\' ? 2 : 1;
    return j;
  };
  const template = (from: number): number => {
    let j = from;
    while (j < source.length && source[j] !== '`' && !source.startsWith('${', j)) j += source[j] === '\\' ? 2 : 1;
    wipe(from, j);
    if (source[j] !== '$') return j + 1;
    templates.push(depth++);
    return j + 2;
  };
  const regex = (from: number): number => {
    let inClass = false;
    let j = from;
    for (; j < source.length && source[j] !== '\n' && (inClass || source[j] !== '/'); j++) {
      if (source[j] === '\\') j++;
      else if (source[j] === '[') inClass = true;
      else if (source[j] === ']') inClass = false;
    }
    return j;
  };
  while (i < source.length) {
    const char = source[i] as string;
    if (source.startsWith('//', i)) {
      const end = source.indexOf('\n', i);
      const to = end < 0 ? source.length : end;
      wipe(i, to);
      i = to;
    } else if (source.startsWith('/*', i)) {
      const end = source.indexOf('*/', i + 2);
      const to = end < 0 ? source.length : end + 2;
      wipe(i, to);
      i = to;
    } else if (char === "'" || char === '"') {
      const end = quoted(char, i + 1);
      wipe(i + 1, end);
      i = end + 1;
    } else if (char === '`') i = template(i + 1);
    else if (char === '/' && regexMayFollow.test(out.slice(Math.max(0, i - 40), i).join(''))) {
      const end = regex(i + 1);
      wipe(i + 1, end);
      i = end + 1;
    } else if (char === '{') {
      depth++;
      i++;
    } else if (char === '}') {
      depth--;
      i++;
      if (templates.at(-1) === depth) {
        templates.pop();
        i = template(i);
      }
    } else i++;
  }
  return out.join('');
}

export function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split('\n').length;
}

/** Everything the file imports or re-exports: declarations, `import()` as expression and as type, `require()`. */
export function imports(source: string, blanked: string = blank(source)): Import[] {
  const found: Import[] = [];
  for (const match of blanked.matchAll(/(?<![.\w$])(?:from\s*|(?:import|require)\s*\(?\s*)(['"`])/g)) {
    const start = match.index + match[0].length;
    const end = blanked.indexOf(match[1] as string, start);
    const statement = /(?:^|[;}\s])(?:import|export)\s[^;'"`]*$/.exec(blanked.slice(0, match.index))?.[0] ?? '';
    const typeOnly = match[0].startsWith('from') && /(?:import|export)\s+type\s+(?!from\b|,)[^;]*$/.test(statement);
    found.push({ specifier: source.slice(start, end), line: lineAt(source, start), typeOnly });
  }
  return found;
}
