import { type Document, isMap, isNode, isScalar, type LineCounter } from 'yaml';
import type { Fault } from './fault.ts';

export type Path = readonly (string | number)[];

/** Finds the place in the text that a path of keys and indices stands for. */
export class SourceMap {
  private readonly document: Document;
  private readonly lines: LineCounter;
  private readonly file: string;

  constructor(document: Document, lines: LineCounter, file: string) {
    this.document = document;
    this.lines = lines;
    this.file = file;
  }

  /** At the value of `path`, or of its nearest ancestor that exists. */
  fault(path: Path, message: string): Fault {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = depth === 0 ? this.document.contents : this.document.getIn(path.slice(0, depth), true);
      if (isNode(node) && node.range) return this.at(node.range[0], message);
    }
    return this.at(0, message);
  }

  /** At the key `key` of the mapping at `path`. */
  keyFault(path: Path, key: string, message: string): Fault {
    const parent = path.length === 0 ? this.document.contents : this.document.getIn(path, true);
    const pair = isMap(parent)
      ? parent.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
      : undefined;
    const offset = pair !== undefined && isScalar(pair.key) ? pair.key.range?.[0] : undefined;
    return offset === undefined ? this.fault(path, message) : this.at(offset, message);
  }

  at(offset: number, message: string): Fault {
    const { line, col } = this.lines.linePos(offset);
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col), message };
  }
}

/** `backends[0].servers[1]`, for messages. */
export function describePath(path: Path): string {
  let text = '';
  for (const part of path) text += typeof part === 'number' ? `[${part}]` : text === '' ? part : `.${part}`;
  return text === '' ? 'the file' : text;
}
