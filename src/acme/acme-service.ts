import { generateKeyPairSync } from 'node:crypto';
import { type AcmeConfig, type OrderedName, orderedNames } from '../../config/acme-config.ts';
import type { Config } from '../../config/config.ts';
import type { Clock, Timer } from '../../lb/clock.ts';
import type { ChallengeAnswer } from '../../lb/control/messages.ts';
import type { EventLog } from '../event-log.ts';
import { AcmeError } from './acme-error.ts';
import type { AcmeIssuer } from './acme-issuer.ts';
import { AcmeStore } from './acme-store.ts';
import { dueAtMs, retryDelayMs } from './order-schedule.ts';
import { createPlaceholder } from './placeholder.ts';

/** How often it is looked whether a name is due. */
const LOOK_MS = 60_000;
/** What a stop waits for a certificate that the authority is about to issue. A successor waits for 10 s until it has to have everything. */
const COMMITTED_MS = 5000;

export interface AcmeServiceDeps {
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly log: EventLog;
  /** Resolves when every plane gives the `answers` of this service. */
  readonly onAnswers: () => Promise<unknown>;
  /** Rejects with AcmeError. */
  readonly createIssuer: (config: AcmeConfig, accountKey: string) => Promise<AcmeIssuer>;
}

/**
 * Orders the certificates of the names that listeners ask for, one after the other, and renews them. What is issued goes into files, which are
 * watched like those of anybody else.
 */
export class AcmeService {
  /** Since the start. */
  readonly orders = { issued: 0, failed: 0 };
  private readonly deps: AcmeServiceDeps;
  private config: Config;
  private readonly published = new Set<ChallengeAnswer>();
  private looking: Timer | undefined = undefined;
  private working: Promise<void> | undefined = undefined;
  private isCommitted = false;
  /** The authority wants no order before, for whatever name; milliseconds since 1970. */
  private restUntilMs = 0;
  private isStopped = false;

  constructor(deps: AcmeServiceDeps, config: Config) {
    this.deps = deps;
    this.config = config;
  }

  /** What planes are to answer to the authority. */
  get answers(): readonly ChallengeAnswer[] {
    return [...this.published];
  }

  /** Every name of `config` has a file with a certificate from now on, if only a placeholder. Throws AcmeError. */
  async prepare(config: Config): Promise<void> {
    const names = orderedNames(config);
    if (config.acme === undefined || names.length === 0) return;
    const store = new AcmeStore(config.acme.storage);
    await store.open();
    for (const name of names) {
      const { kind } = await store.look(name);
      if (kind === 'none') await store.keep(name, await createPlaceholder(name.host, this.deps.epochMs()));
    }
  }

  /** Begins to order: this is the one primary now. */
  start(): void {
    this.looking = this.deps.clock.every(LOOK_MS, () => this.look());
    this.look();
  }

  /** From now on the names of `config`, which was prepared. */
  configure(config: Config): void {
    this.config = config;
    if (this.looking !== undefined) this.look();
  }

  /** Gives up what is under way; but a certificate that is just being issued is waited for, up to five seconds. Idempotent. */
  async stop(): Promise<void> {
    const { clock } = this.deps;
    clock.clear(this.looking);
    this.looking = undefined;
    this.isStopped = true;
    if (!this.isCommitted) return;
    await Promise.race([this.working, new Promise<void>((resolve) => clock.after(COMMITTED_MS, resolve))]);
  }

  private look(): void {
    this.working ??= this.work().finally(() => {
      this.working = undefined;
    });
  }

  private async work(): Promise<void> {
    const { acme } = this.config;
    if (acme === undefined || this.deps.epochMs() < this.restUntilMs) return;
    const store = new AcmeStore(acme.storage);
    let issuer: AcmeIssuer | undefined;
    for (const name of orderedNames(this.config)) {
      if (this.isStopped || this.config.acme !== acme) return;
      const attempts = await store.attempts(name.host);
      if (dueAtMs(await store.look(name), attempts) > this.deps.epochMs()) continue;
      const lastMs = this.deps.epochMs();
      const failures = attempts.failures + 1;
      try {
        await store.setAttempts(name.host, { failures, lastMs });
        issuer ??= await this.deps.createIssuer(acme, await store.accountKey(createAccountKey));
        const isDone = await this.order(issuer, store, name);
        await store.setAttempts(name.host, isDone ? { failures: 0, lastMs } : attempts);
      } catch (error) {
        await this.onFailed(store, name, { failures, lastMs }, error);
        if (this.deps.epochMs() < this.restUntilMs) return;
      }
    }
  }

  /** False: it was given up. */
  private async order(issuer: AcmeIssuer, store: AcmeStore, name: OrderedName): Promise<boolean> {
    try {
      const pem = await issuer.order(name.host, {
        publish: async (answer) => {
          this.published.add(answer);
          await this.deps.onAnswers();
          return () => {
            this.published.delete(answer);
            void this.deps.onAnswers();
          };
        },
        isCancelled: () => this.isStopped,
        onCommit: () => {
          this.isCommitted = true;
        },
      });
      if (pem === undefined) return false;
      await store.keep(name, pem);
      this.orders.issued++;
      const stored = await store.look(name);
      const untilMs = stored.kind === 'issued' ? stored.untilMs : 0;
      this.deps.log.emit({ type: 'certificate-issued', host: name.host, untilMs });
      return true;
    } finally {
      this.isCommitted = false;
    }
  }

  private async onFailed(
    store: AcmeStore,
    { host }: OrderedName,
    { failures, lastMs }: { readonly failures: number; readonly lastMs: number },
    error: unknown,
  ): Promise<void> {
    const { log, epochMs } = this.deps;
    const reason = error instanceof Error ? error.message : String(error);
    const waitMs = error instanceof AcmeError ? error.retryAfterMs : undefined;
    const notBeforeMs = waitMs === undefined ? undefined : epochMs() + waitMs;
    const nextMs = Math.max(lastMs + retryDelayMs(failures), notBeforeMs ?? 0);
    this.orders.failed++;
    log.emit({ type: 'certificate-failed', host, reason, retryInMs: Math.max(0, nextMs - epochMs()) });
    if (notBeforeMs === undefined) return;
    this.restUntilMs = notBeforeMs;
    await store.setAttempts(host, { failures, lastMs, notBeforeMs }).catch(() => {});
  }
}

function createAccountKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}
