/** One line of a configuration, taken apart as HAProxy does (configuration.txt, 2.2). */
export interface CfgLine {
  /** From 1. */
  readonly line: number;
  readonly words: readonly string[];
  /** Why it cannot be read; `words` is empty then. */
  readonly fault?: string;
}

export interface CfgSection {
  readonly kind: string;
  readonly name: string;
  readonly head: CfgLine;
  readonly lines: readonly CfgLine[];
}

const SECTIONS = new Set(
  'global defaults frontend backend listen peers mailers resolvers userlist cache program http-errors ring log-forward fcgi-app crt-store traces'.split(
    ' ',
  ),
);
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** Lines before the first section are in one without a kind. Never throws. */
export function readSections(text: string): CfgSection[] {
  const sections: { kind: string; name: string; head: CfgLine; lines: CfgLine[] }[] = [];
  text.split(/\r?\n/).forEach((raw, i) => {
    const line = readLine(raw, i + 1);
    if (line.words.length === 0 && line.fault === undefined) return;
    const [kind = '', name = ''] = line.words;
    if (SECTIONS.has(kind)) sections.push({ kind, name, head: line, lines: [] });
    else {
      if (sections.length === 0) sections.push({ kind: '', name: '', head: line, lines: [] });
      sections.at(-1)!.lines.push(line);
    }
  });
  return sections;
}

function readLine(raw: string, line: number): CfgLine {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  const fault = (why: string): CfgLine => ({ line, words: [], fault: why });
  for (let i = 0; i < raw.length; i++) {
    const c = raw[i]!;
    if (quote === "'") {
      if (c === "'") quote = undefined;
      else word += c;
    } else if (c === '\\') {
      const hex = /^x([0-9a-fA-F]{2})/.exec(raw.slice(i + 1))?.[1];
      const next = raw[++i];
      if (next === undefined) return fault('it ends in a backslash');
      if (hex !== undefined) i += 2;
      word =
        (word ?? '') + (hex === undefined ? (ESCAPES[next] ?? next) : String.fromCharCode(Number.parseInt(hex, 16)));
    } else if (quote === '"') {
      if (c === '"') quote = undefined;
      else if (c === '$') return fault('it has a variable of the environment');
      else word += c;
    } else if (c === '"' || c === "'") {
      quote = c;
      word ??= '';
    } else if (c === '#') break;
    else if (c === ' ' || c === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + c;
  }
  if (quote !== undefined) return fault('a quote is not closed');
  if (word !== undefined) words.push(word);
  return { line, words };
}
