import { readFileSync, statSync } from 'node:fs';
import type { SecureContextOptions, Server, TlsOptions } from 'node:tls';
import { CertificateError, readAuthorities, readPair } from '../../config/certificate-files.ts';
import type { AdminTlsConfig } from '../../config/config.ts';
import type { Clock, Timer } from '../../lb/clock.ts';
import { AdminError } from '../admin-error.ts';

export interface AdminTlsDeps {
  readonly clock: Clock;
  /** The files cannot be used any more; the ones from before stay in use. */
  readonly onTrouble: (message: string) => void;
}

/** Certificates are renewed by programs that tell nobody; a look every ten seconds costs nothing. */
const LOOK_MS = 10_000;

const readText = (file: string): string => readFileSync(file, 'utf8');

/** The certificate of the admin server, of which a new one is taken up when its files change. */
export class AdminTls {
  private readonly deps: AdminTlsDeps;
  private readonly config: AdminTlsConfig;
  private version: string;
  private timer: Timer | undefined = undefined;

  constructor(deps: AdminTlsDeps, config: AdminTlsConfig) {
    this.deps = deps;
    this.config = config;
    this.version = '';
  }

  /** Throws AdminError. */
  options(): TlsOptions {
    this.version = this.look();
    const client = this.config.clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
    return { ...this.read(), minVersion: 'TLSv1.2', ...client };
  }

  /** Keeps the certificate of `server` as its files are, until `stop`. */
  follow(server: Server): void {
    this.timer = this.deps.clock.every(LOOK_MS, () => {
      const version = this.look();
      if (version === this.version) return;
      this.version = version;
      try {
        server.setSecureContext(this.read());
      } catch (error) {
        this.deps.onTrouble(`${(error as Error).message} The certificate from before stays in use.`);
      }
    });
  }

  /** Idempotent. */
  stop(): void {
    this.deps.clock.clear(this.timer);
    this.timer = undefined;
  }

  private read(): SecureContextOptions {
    const { clientCa } = this.config;
    try {
      const { cert, key } = readPair(this.config, readText);
      return { cert, key, ...(clientCa === undefined ? {} : { ca: readAuthorities(clientCa, readText) }) };
    } catch (cause) {
      if (!(cause instanceof CertificateError)) throw cause;
      throw new AdminError('ADMIN_TLS', `admin.tls: ${cause.message}.`, { cause });
    }
  }

  private look(): string {
    const files = [this.config.cert, this.config.key, this.config.clientCa].filter((file) => file !== undefined);
    return files
      .map((file) => statSync(file, { throwIfNoEntry: false }))
      .map((stat) => (stat === undefined ? 'none' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`))
      .join('\n');
  }
}
