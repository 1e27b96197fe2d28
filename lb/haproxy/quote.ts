/** What needs no quotes anywhere in a configuration of HAProxy. */
const PLAIN = /^[A-Za-z0-9_.:/@,=+*^|?-]+$/;
const ESCAPED = new Set(['\\', '"', '$']);

/**
 * One word of a line, whatever is in it (configuration.txt, 2.2 "Quoting and escaping"). Control characters are written by their number: a
 * line ends only where we end it. Throws RangeError for a NUL, which ends HAProxy's strings.
 */
export function quote(text: string): string {
  if (PLAIN.test(text)) return text;
  if (text.includes('\0')) throw new RangeError('a NUL cannot stand in the configuration of HAProxy');
  const escaped = [...text].map((character) => {
    if (ESCAPED.has(character)) return `\\${character}`;
    if (character >= ' ' && character !== '\x7f') return character;
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `"${escaped.join('')}"`;
}

/** Text that stands for itself within a log-format string; the whole of that is to be quoted. */
export function literal(text: string): string {
  return text.replaceAll('%', '%%');
}
