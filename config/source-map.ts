import { type Document, isMap, isNode, isScalar, type LineCounter } from 'yaml';
import type { Fault } from './fault.ts';
import { describePath, type Finding, type Path } from './finding.ts';

/** Finds the place in the text that a finding is about. */
export class SourceMap {
  private readonly document: Document;
  private readonly lines: LineCounter;
  private readonly file: string;

  constructor(document: Document, lines: LineCounter, file: string) {
    this.document = document;
    this.lines = lines;
    this.file = file;
  }

  /** At the key or value it is about, or the nearest ancestor that is in the text. */
  fault({ path, key, message, suggestion }: Finding): Fault {
    const full = key === undefined ? path : [...path, key];
    const offset = (key === undefined ? undefined : this.keyOffset(path, key)) ?? this.valueOffset(path);
    return {
      ...this.at(offset, message),
      path: full.length === 0 ? '' : describePath(full),
      ...(suggestion === undefined ? {} : { suggestion }),
    };
  }

  at(offset: number, message: string): Fault {
    const { line, col } = this.lines.linePos(offset);
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col), path: '', message };
  }

  private valueOffset(path: Path): number {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = depth === 0 ? this.document.contents : this.document.getIn(path.slice(0, depth), true);
      if (isNode(node) && node.range) return node.range[0];
    }
    return 0;
  }

  private keyOffset(path: Path, key: string): number | undefined {
    const parent = path.length === 0 ? this.document.contents : this.document.getIn(path, true);
    if (!isMap(parent)) return undefined;
    const found = parent.items.find((item) => isScalar(item.key) && item.key.value === key);
    return isScalar(found?.key) ? found.key.range?.[0] : undefined;
  }
}
