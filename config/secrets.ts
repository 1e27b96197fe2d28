import { isAlias, isCollection, isPair, isScalar, parseDocument, type Scalar, visit } from 'yaml';

/** A value of portico.yaml that nobody gets to see who may only look, and where its source is in the text. */
interface SecretPlace {
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** Header fields and the like whose values let somebody in. */
const SECRET_NAME = /authorization|cookie|token|secret|passw|credential|signature|api-?key|session|^x-.*key$/i;

/** Whether the value at this path of the file is a secret; members of lists are left out of the path. */
export function isSecret(path: readonly string[]): boolean {
  const name = path.at(-1) ?? '';
  const parent = path.at(-2);
  if (parent === 'sticky') return name === 'key';
  // Values that are set or added in headers.
  if (parent === 'set' || parent === 'add') return SECRET_NAME.test(name);
  return /^(?:password|secret|token)$/.test(name);
}

/** Lines that look like a secret, for a text that cannot be parsed. */
const SECRET_LINE =
  /^([ \t]*(?:- )?["']?(?:key|password|secret|token|[\w-]*(?:authorization|cookie|token|key))["']?[ \t]*:[ \t]*)(\S.*)$/gim;

/**
 * Puts a placeholder for each secret of a portico.yaml, and the secrets back for the placeholders: who edits the rest of the text need
 * not know them. `nameOf` gives the same name for the same secret, and tells nothing of it.
 */
export class SecretCover {
  private readonly nameOf: (secret: string) => string;

  constructor(nameOf: (secret: string) => string) {
    this.nameOf = nameOf;
  }

  /** Never throws, however broken the text is. */
  hide(text: string): string {
    const document = parseDocument(text, { prettyErrors: false });
    const covered = this.replace(text, findSecrets(text), ({ value, start, end }) => {
      // A block scalar takes the end of its last line with it.
      const ending = text.slice(start, end).endsWith('\n') ? '\n' : '';
      return `${this.placeholder(value)}${ending}`;
    });
    if (document.errors.length === 0) return covered;
    return covered.replace(SECRET_LINE, (line, start: string, value: string) =>
      PLACEHOLDER.test(value) ? line : `${start}${this.placeholder(value)}`,
    );
  }

  /** `text` with the secrets of `original` where their placeholders are. What is left has no secret there. */
  reveal(text: string, original: string): string {
    const sources = new Map<string, string>();
    for (const { value, start, end } of findSecrets(original)) {
      const source = original.slice(start, end).trimEnd();
      sources.set(this.placeholder(value), source.includes('\n') ? JSON.stringify(value) : source);
    }
    return text.replace(new RegExp(PLACEHOLDER, 'g'), (found) => sources.get(found) ?? found);
  }

  /** Where in the text a placeholder is left; undefined when none is. */
  static findPlaceholder(text: string): number | undefined {
    const at = text.search(PLACEHOLDER);
    return at < 0 ? undefined : at;
  }

  /** Of a value, as JSON. */
  hideValue(value: string): string {
    return `secret ${this.nameOf(value)}`;
  }

  private placeholder(value: string): string {
    return `"<${this.hideValue(value)}>"`;
  }

  private replace(text: string, places: readonly SecretPlace[], by: (place: SecretPlace) => string): string {
    let result = '';
    let end = 0;
    for (const place of places) {
      result += text.slice(end, place.start) + by(place);
      end = place.end;
    }
    return result + text.slice(end);
  }
}

const PLACEHOLDER = /"<secret [0-9a-f]{12}>"/;

/** In the order of the text, each place once. */
function findSecrets(text: string): SecretPlace[] {
  const document = parseDocument(text, { prettyErrors: false });
  const found = new Map<number, SecretPlace>();
  const add = (node: Scalar): void => {
    if (node.range === undefined || node.range === null || node.value === null || node.value === '') return;
    const [start, end] = node.range;
    if (!PLACEHOLDER.test(text.slice(start, end))) found.set(start, { value: String(node.value), start, end });
  };
  visit(document, {
    Pair(_key, pair, ancestors) {
      if (!isScalar(pair.key)) return;
      const parents = ancestors.flatMap((each) => (isPair(each) && isScalar(each.key) ? [String(each.key.value)] : []));
      if (!isSecret([...parents, String(pair.key.value)])) return;
      // What an anchor names is a secret where it was written, too.
      const value = isAlias(pair.value) ? pair.value.resolve(document) : pair.value;
      if (isScalar(value)) add(value);
      if (isCollection(value)) visit(value, { Scalar: (key, node) => (key === 'key' ? undefined : add(node)) });
    },
  });
  return [...found.values()].sort((a, b) => a.start - b.start);
}
