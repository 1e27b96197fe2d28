import { createHmac } from 'node:crypto';
import { LineCounter } from 'yaml';
import type { Difference } from '../../config/differences.ts';
import type { Fault } from '../../config/fault.ts';
import { isSecret, SecretCover } from '../../config/secrets.ts';

/** Portico's config as it may be shown: whoever reads it sees where secrets are, and not what they are. */
export class CoveredConfig {
  private readonly cover: SecretCover;

  /** `key` is random and stays in this process: with it alone names of secrets could be tried out. */
  constructor(key: Buffer) {
    this.cover = new SecretCover((secret) => createHmac('sha256', key).update(secret).digest('hex').slice(0, 12));
  }

  text(text: string): string {
    return this.cover.hide(text);
  }

  /** The text with its secrets out of `originals`, or the fault that one of them is in none of these. */
  reveal(text: string, originals: readonly string[], file: string): string | Fault {
    const revealed = originals.reduce((result, original) => this.cover.reveal(result, original), text);
    const at = SecretCover.findPlaceholder(revealed);
    if (at === undefined) return revealed;
    const lines = new LineCounter();
    for (let i = revealed.indexOf('\n'), next = 0; next <= at; i = revealed.indexOf('\n', next)) {
      lines.addNewLine(next);
      if (i < 0) break;
      next = i + 1;
    }
    const { line, col } = lines.linePos(at);
    return { file, line, column: col, path: '', message: 'this secret is not in the file any more; write it out' };
  }

  /** As JSON, without secrets. */
  difference({ path, before, after }: Difference): { path: string; before: unknown; after: unknown } {
    return { path: path.join('.'), before: this.value(path, before) ?? null, after: this.value(path, after) ?? null };
  }

  private value(path: readonly string[], value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => this.value(path, each));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.value([...path, key], each)]));
    }
    return value !== undefined && value !== null && isSecret(path) ? this.cover.hideValue(String(value)) : value;
  }
}
