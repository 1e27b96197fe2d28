import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { textDifferences } from '../admin/config/running-differences.ts';
import type {
  ApplyOptions,
  ConfigChange,
  ConfigRefusal,
  ConfigSource,
  ConfigText,
  ConfigVerdict,
  RollbackOptions,
} from '../admin/config-source.ts';
import type { ReadText } from '../config/certificate-files.ts';
import type { Config } from '../config/config.ts';
import { formatFault } from '../config/fault.ts';
import { type LoadResult, loadConfig } from '../config/load.ts';
import type { Clock, Timer } from '../lb/clock.ts';
import { ConfigFileError, readConfigText, writeConfigText } from './config-file.ts';
import type { EventLog } from './event-log.ts';
import { ReloadError } from './reloader.ts';

export interface ConfigServiceDeps {
  readonly clock: Clock;
  readonly log: EventLog;
  /** Differs when the file has been replaced or written to. */
  readonly stamp: (file: string) => string;
  readonly cpuCount: number;
  /** Reads what the config names. Throws as `fs` does. */
  readonly readText: ReadText;
  /** Puts a config in force; rejects with ReloadError, and all is as before. */
  readonly apply: (config: Config) => Promise<readonly string[]>;
}

/** How often a file that is watched is looked at. A change is taken when it has not changed again for as long. */
const LOOK_MS = 1000;

/** The config file, what of it runs, and how it comes to run: by a signal, by the admin API, or when the file has changed. */
export class ConfigService implements ConfigSource {
  readonly file: string;
  private readonly deps: ConfigServiceDeps;
  private runningText: string;
  private watching: Timer | undefined = undefined;
  private seenStamp: string;
  private reloadedStamp: string;
  private previousText: string | undefined = undefined;
  /** One change at a time. */
  private turn: Promise<unknown> = Promise.resolve();

  /** `text`: what the file held when Portico started by it. */
  constructor(deps: ConfigServiceDeps, options: { readonly file: string; readonly text: string }) {
    this.deps = deps;
    this.file = resolve(options.file);
    this.runningText = options.text;
    this.seenStamp = this.deps.stamp(this.file);
    this.reloadedStamp = this.seenStamp;
  }

  /** Looks at the file now and then, and reloads it when it has changed; or does so no more. */
  watch(isWatched: boolean): void {
    if (!isWatched) this.stop();
    else this.watching ??= this.deps.clock.every(LOOK_MS, () => this.look());
  }

  /** Idempotent. */
  stop(): void {
    this.deps.clock.clear(this.watching);
    this.watching = undefined;
  }

  private look(): void {
    const stamp = this.deps.stamp(this.file);
    const isSettled = stamp === this.seenStamp;
    this.seenStamp = stamp;
    if (!isSettled || stamp === this.reloadedStamp) return;
    this.reloadedStamp = stamp;
    void this.reload();
  }

  async current(): Promise<ConfigText | ConfigRefusal> {
    try {
      return textOf(await readConfigText(this.file));
    } catch (error) {
      return refuseFile(error);
    }
  }

  running(): ConfigText {
    return textOf(this.runningText);
  }

  previous(): ConfigText | undefined {
    return this.previousText === undefined ? undefined : textOf(this.previousText);
  }

  validate(text: string): ConfigVerdict {
    return this.load(text);
  }

  private load(text: string): LoadResult {
    return loadConfig(text, {
      file: this.file,
      directory: dirname(this.file),
      cpuCount: this.deps.cpuCount,
      readText: this.deps.readText,
    });
  }

  /** What the file holds now becomes what runs. */
  reload(): Promise<ConfigChange> {
    return this.inTurn(async () => {
      const file = await this.current();
      if ('ok' in file) return this.tell(file);
      return this.tell(await this.put(file.text, { isDryRun: false, isKept: false, held: file }));
    });
  }

  apply(text: string, { ifMatch, isDryRun, isKept }: ApplyOptions): Promise<ConfigChange> {
    return this.inTurn(async () => {
      const held = await this.current();
      if ('ok' in held) return held;
      if (ifMatch !== undefined && ifMatch !== held.etag) {
        return { ok: false, reason: 'changed', detail: `${this.file} is another one by now.` };
      }
      const change = await this.put(text, { isDryRun, isKept, held });
      return isDryRun ? change : this.tell(change);
    });
  }

  rollback({ isDryRun }: RollbackOptions): Promise<ConfigChange> {
    return this.inTurn(async () => {
      const text = this.previousText;
      if (text === undefined) return { ok: false, reason: 'no-previous', detail: 'There is nothing to go back to.' };
      const held = await this.current();
      if ('ok' in held) return held;
      const change = await this.put(text, { isDryRun, isKept: true, held });
      if (isDryRun) return change;
      if (change.ok) this.previousText = undefined;
      return this.tell(change);
    });
  }

  keep(edit: (text: string) => string | undefined): Promise<ConfigChange> {
    return this.inTurn(async () => {
      const held = await this.current();
      if ('ok' in held) return held;
      const text = edit(held.text);
      const verdict = text === undefined ? undefined : this.load(text);
      if (text === undefined || verdict === undefined) {
        return { ok: false, reason: 'failed', detail: `${this.file} has no place for the change.` };
      }
      if (!verdict.ok) return refuseFaults(verdict.faults);
      const refusal = await this.write(text);
      if (refusal !== undefined) return refusal;
      const changes = textDifferences(held.text, text) ?? [];
      this.runningText = edit(this.runningText) ?? this.runningText;
      return { ok: true, etag: etagOf(text), changes, warnings: verdict.warnings, needsRestart: [] };
    });
  }

  private inTurn(run: () => Promise<ConfigChange>): Promise<ConfigChange> {
    const result = this.turn.then(run);
    this.turn = result.catch(() => {});
    return result;
  }

  private async put(
    text: string,
    { isDryRun, isKept, held }: { readonly isDryRun: boolean; readonly isKept: boolean; readonly held: ConfigText },
  ): Promise<ConfigChange> {
    const loaded = this.load(text);
    if (!loaded.ok) return refuseFaults(loaded.faults);
    const before = this.runningText;
    const changes = textDifferences(before, text) ?? [];
    const etag = isKept ? etagOf(text) : held.etag;
    const { warnings } = loaded;
    if (isDryRun) return { ok: true, etag, changes, warnings, needsRestart: [] };
    let needsRestart: readonly string[];
    try {
      needsRestart = await this.deps.apply(loaded.config);
    } catch (error) {
      return refuseReload(error);
    }
    const refusal = isKept ? await this.write(text) : undefined;
    if (refusal !== undefined) {
      await this.takeBack(before);
      return refusal;
    }
    if (text !== before) this.previousText = before;
    this.runningText = text;
    return { ok: true, etag, changes, warnings, needsRestart };
  }

  private async takeBack(text: string): Promise<void> {
    const loaded = this.load(text);
    if (loaded.ok) await this.deps.apply(loaded.config).catch(() => {});
  }

  private async write(text: string): Promise<ConfigRefusal | undefined> {
    try {
      await writeConfigText(this.file, text);
      return undefined;
    } catch (error) {
      return refuseFile(error);
    }
  }

  private tell(change: ConfigChange): ConfigChange {
    if (change.ok) {
      const { changes, needsRestart } = change;
      this.deps.log.emit({ type: 'config-applied', changes: changes.length, needsRestart });
    } else {
      const why = change.reason === 'faults' ? change.faults.map(formatFault).join('\n') : change.detail;
      this.deps.log.emit({ type: 'config-refused', why });
    }
    return change;
  }
}

function textOf(text: string): ConfigText {
  return { text, etag: etagOf(text) };
}

function etagOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

function refuseFaults(faults: Extract<ConfigRefusal, { readonly reason: 'faults' }>['faults']): ConfigRefusal {
  return { ok: false, reason: 'faults', detail: 'The config is not valid.', faults };
}

function refuseFile(error: unknown): ConfigRefusal {
  if (!(error instanceof ConfigFileError)) throw error;
  return { ok: false, reason: 'file', detail: error.message };
}

function refuseReload(error: unknown): ConfigRefusal {
  if (!(error instanceof ReloadError)) throw error;
  return { ok: false, reason: error.code === 'STOPPING' ? 'stopping' : 'failed', detail: error.message };
}
