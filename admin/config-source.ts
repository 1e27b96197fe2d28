import type { Difference } from '../config/differences.ts';
import type { Fault } from '../config/fault.ts';
import type { Actor } from './actor.ts';

/**
 * The config file of a running Portico: what is in it, what of it runs, and how to change both. One change is under way at a time; the
 * others wait for it. Nothing here rejects for what an operator wrote or for what the disk says: that comes back as a `reason`.
 */
export interface ConfigSource {
  /** Whole path of the file. */
  readonly file: string;
  /** What the file holds now, read anew: somebody may have edited it. */
  current(): Promise<ConfigText | ConfigRefusal>;
  /** The text that runs: that of the start or of the last change that came into force. */
  running(): ConfigText;
  /** What was running before the last change; undefined when there was none, or it was taken back already. */
  previous(): ConfigText | undefined;
  /** Whether this would be taken. Changes nothing; finds what can be found without touching the machine. */
  validate(text: string): ConfigVerdict;
  /** Makes `text` what runs: all of it or, where a step fails, nothing. */
  apply(text: string, options: ApplyOptions): Promise<ConfigChange>;
  /** Makes what ran before the last change what runs again; its text is written to the file as with `isKept`. */
  rollback(options: RollbackOptions): Promise<ConfigChange>;
  /**
   * Writes what was changed at run time into the file: `edit` makes the new text of the one that the file holds. What runs has the change
   * already, so nothing is applied; the running text takes the same edit. `edit` returns undefined where the change has no place in the text.
   */
  keep(edit: (text: string) => string | undefined, actor: Actor): Promise<ConfigChange>;
}

/** A text of portico.yaml. */
export interface ConfigText {
  readonly text: string;
  /** Strong entity tag without quotes: the same for the same text, another for any other. Tells nothing of the text. */
  readonly etag: string;
}

export interface ApplyOptions {
  /** The text that the operator started from, by the tag of `current`: another one there means `changed`. Undefined: whatever is there. */
  readonly ifMatch: string | undefined;
  /** Says what would change, and changes nothing. */
  readonly isDryRun: boolean;
  /** Write the text to the file too, atomically and through to the disk. Without, it runs until the next start or reload. */
  readonly isKept: boolean;
  readonly actor: Actor;
}

export type RollbackOptions = Pick<ApplyOptions, 'isDryRun' | 'actor'>;

export type ConfigVerdict =
  | { readonly ok: true; readonly warnings: readonly Fault[] }
  | { readonly ok: false; readonly faults: readonly Fault[] };

export type ConfigChange =
  | {
      readonly ok: true;
      /** Of what the file holds now; of what it would hold, for a dry run. */
      readonly etag: string;
      /** Of the text, as written. */
      readonly changes: readonly Difference[];
      readonly warnings: readonly Fault[];
      /** Keys that take effect at the next start only. */
      readonly needsRestart: readonly string[];
    }
  | ConfigRefusal;

export type ConfigRefusal =
  | { readonly ok: false; readonly reason: 'faults'; readonly detail: string; readonly faults: readonly Fault[] }
  | {
      readonly ok: false;
      /**
       * The file is another one than the operator saw; there is nothing to go back to; the file cannot be read or written; the machine
       * refused a step (a port that is in use, an address that somebody has) and all is as before; the primary is on its way out.
       */
      readonly reason: 'changed' | 'no-previous' | 'file' | 'failed' | 'stopping';
      readonly detail: string;
    };
