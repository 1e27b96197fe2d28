import type { Config } from '../config/config.ts';
import { diffConfigs, isEmptyDiff } from '../config/config-diff.ts';
import { keepUnchanged } from '../config/keep-unchanged.ts';
import { effectiveConfig } from '../config/restart-keys.ts';
import type { AcmeService } from './acme/acme-service.ts';
import type { BackendService } from './backend-service.ts';
import { logFileFault } from './check-log-files.ts';
import type { EngineGroup } from './engine-group.ts';
import type { ListenSockets } from './listen-sockets.ts';
import type { PlaneGroup } from './plane-group.ts';
import type { SourceService } from './source-service.ts';
import type { TlsService } from './tls-service.ts';

/** Another config cannot come into force; the message is one sentence that says what to do. All is as before. */
export class ReloadError extends Error {
  readonly code: 'RELOAD' | 'STOPPING';
  readonly source = 'config';
  readonly retryable = false;

  constructor(code: ReloadError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface ReloaderDeps {
  readonly sockets: ListenSockets;
  readonly sources: SourceService;
  readonly backends: BackendService;
  readonly engines: EngineGroup;
  readonly planes: PlaneGroup;
  readonly tls: Pick<TlsService, 'prepare'>;
  readonly acme: Pick<AcmeService, 'prepare'>;
  /** For those who only look on. */
  readonly onApplied: (config: Config) => void;
}

/** How long servers and workers that are new have to come up before the requests move to them all the same. */
const WARM_MS = 5000;

/**
 * Puts another config in force while everything runs. What can fail comes first and is undone if anything fails: sockets are bound, addresses
 * claimed, engines started, and new servers checked. Then the planes change over, each between two requests. What is gone ends last, when
 * nobody sends anything there any more.
 */
export class Reloader {
  private readonly deps: ReloaderDeps;
  private current: Config;
  /** One at a time: each starts from what the one before has left. */
  private turn: Promise<unknown> = Promise.resolve();
  private isStopped = false;

  constructor(deps: ReloaderDeps, config: Config) {
    this.deps = deps;
    this.current = config;
  }

  /** The config in force. */
  get config(): Config {
    return this.current;
  }

  /** Resolves, with the keys that take effect at the next start only, when all planes go by `next`. Rejects with ReloadError. */
  apply(next: Config): Promise<readonly string[]> {
    const result = this.turn.then(() => this.change(next));
    this.turn = result.catch(() => {});
    return result;
  }

  /** No more changes; resolves when the one that is under way is over. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.turn;
  }

  private async change(next: Config): Promise<readonly string[]> {
    if (this.isStopped) throw new ReloadError('STOPPING', 'Portico is stopping.');
    const { config, needsRestart } = effectiveConfig(this.current, next);
    if (isEmptyDiff(diffConfigs(this.current, config))) return needsRestart;
    try {
      await this.put(keepUnchanged(this.current, config));
    } catch (cause) {
      if (cause instanceof ReloadError || typeof (cause as { code?: unknown }).code !== 'string') throw cause;
      throw new ReloadError('RELOAD', (cause as Error).message, { cause });
    }
    return needsRestart;
  }

  private async put(next: Config): Promise<void> {
    const { backends, planes, onApplied } = this.deps;
    const before = this.current;
    const fault = logFileFault(next.listeners);
    if (fault !== undefined) throw new ReloadError('RELOAD', fault);
    const undo: (() => void | Promise<void>)[] = [];
    try {
      await this.deps.acme.prepare(next);
      const useCertificates = this.deps.tls.prepare(next);
      const sockets = this.deps.sockets.prepare(before.listeners, next.listeners);
      undo.unshift(sockets.abort);
      const sources = await this.deps.sources.prepare(next);
      undo.unshift(sources.abort);
      const engines = await this.deps.engines.prepare(next);
      undo.unshift(engines.abort);
      const servers = backends.prepare(next);
      undo.unshift(servers.abort);
      await servers.warm(WARM_MS);
      if (this.isStopped) throw new ReloadError('STOPPING', 'Portico is stopping.');
      sockets.commit();
      sources.commit();
      const returnCertificates = useCertificates();
      undo[undo.indexOf(sources.abort)] = sources.revert;
      undo.unshift(() => {
        sockets.abort();
        returnCertificates();
        return planes.configure(before, sockets.movedBack);
      });
      await planes.configure(next, sockets.moved);
      this.current = next;
      engines.commit();
      servers.commit(next.drainTimeoutMs);
      sources.finish();
      sockets.finish();
      planes.resize();
      onApplied(next);
    } catch (error) {
      for (const step of undo) await step();
      throw error;
    }
  }
}
