/**
 * What an `If-Match` field (RFC 9110 §13.1.1) asks for: any version, or one of these tags. Weak tags match nothing, as the comparison is a
 * strong one. Undefined for a field that is malformed.
 */
export function parseIfMatch(field: string): 'any' | readonly string[] | undefined {
  if (field.trim() === '*') return 'any';
  const tags = field.split(',').map((part) => /^\s*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*$/.exec(part));
  if (tags.includes(null)) return undefined;
  return tags.flatMap((match) => (match![1] === undefined ? [match![2]!] : []));
}
