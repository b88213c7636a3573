// Two columns on a terminal: what happens in the TypeScript process on the left, in the other one on the right.
import { styleText } from 'node:util';

/** @param output a writable stream; colours only where it is a terminal, and not against the user's will */
export function twoColumns(output = process.stdout, env = process.env) {
  const colours = output.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  const style = (format, text) => (colours ? styleText(format, text, { validateStream: false }) : text);
  const width = Math.min(Math.max(output.columns || 100, 72), 140);
  const column = Math.floor((width - 3) / 2);

  function row(left, right, format = 'reset') {
    const [a, b] = [wrap(left, column), wrap(right, column)];
    for (let i = 0; i < Math.max(a.length, b.length); i++) {
      const [l, r] = [(a[i] ?? '').padEnd(column), b[i] ?? ''];
      output.write(`${style(format, l)} ${style('dim', '│')} ${style(format, r)}`.trimEnd().concat('\n'));
    }
  }

  return {
    /** A line over both columns. */
    line: (text = '', format = 'reset') => output.write(`${text === '' ? '' : style(format, text)}\n`),
    heading: (left, right) => row(left, right, 'bold'),
    /** What was typed in the shell on that side. */
    typed: (side, text) => (side === 'left' ? row(text, '', 'cyan') : row('', text, 'magenta')),
    /** What the program on that side printed. */
    printed: (side, text) => (side === 'left' ? row(text, '') : row('', text)),
  };
}

/** Breaks after a space or a comma where there is one; lines that go on are indented. */
function wrap(text, width) {
  if (text === '') return [];
  return text.split('\n').flatMap((line) => {
    const lines = [];
    let rest = line;
    while (rest.length > width) {
      const part = rest.slice(0, width);
      const at = Math.max(part.lastIndexOf(' '), part.lastIndexOf(',')) + 1;
      const cut = at > width / 3 ? at : width;
      lines.push(rest.slice(0, cut).trimEnd());
      rest = `    ${rest.slice(cut).trimStart()}`;
    }
    return [...lines, rest];
  });
}
