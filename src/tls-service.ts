import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import {
  type ConnectionOptions,
  checkServerIdentity,
  createSecureContext,
  rootCertificates,
  type SecureContext,
} from 'node:tls';
import type { CertificateStatus } from '../admin/admin-source.ts';
import {
  CertificateError,
  type CheckedPair,
  type ReadText,
  readAuthorities,
  readOcsp,
  readPair,
} from '../config/certificate-files.ts';
import type { Config } from '../config/config.ts';
import type { CertificateConfig } from '../config/tls-config.ts';
import type { Clock, Timer } from '../lb/clock.ts';
import { runsInPlanes } from '../lb/engine/plane-engines.ts';
import { proxiesOf } from '../lb/haproxy/haproxy-plan.ts';
import { exportedPlaces, type ReadTls, readTlsFiles } from '../lb/haproxy/tls-files.ts';
import { loadNativeAddon } from '../lb/tls/native-addon.ts';
import type { BackendMaterial, ListenerMaterial, TlsMaterial } from '../lb/tls/tls-material.ts';
import type { EventLog } from './event-log.ts';
import { fileStamp } from './file-stamp.ts';
import { StartError } from './start-error.ts';
import { StrikeFile } from './strike-file.ts';

/** How often files are looked at. A change is taken when it has not changed again for as long: also where there is one every second. */
const LOOK_MS = 500;
/** A ticket is good for two hours (RFC 8446 allows seven days): the key before the last opens the oldest. */
const ROTATE_MS = 3_600_000;
const KEPT_KEYS = 3;
const KEY_BYTES = 80;
const MACHINE_AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

export interface TlsServiceDeps {
  readonly clock: Clock;
  readonly log: EventLog;
  /** Throws as `fs` does. */
  readonly readText: ReadText;
  /** To every plane. */
  readonly onChange: (material: TlsMaterial) => void;
  /** Where HAProxy finds its files; nothing is written here. */
  readonly haproxyDirectory: string;
}

/**
 * The certificates and secrets of all planes: reads them, watches them, and changes the keys of tickets. A pair that does not fit changes
 * nothing.
 */
export class TlsService {
  certificates: readonly CertificateStatus[] = [];
  private readonly deps: TlsServiceDeps;
  private config: Config;
  private readonly strikes = new StrikeFile();
  private ticketKeys = randomBytes(KEY_BYTES);
  private current: TlsMaterial | undefined = undefined;
  private forHaproxy: ReadTls;
  /** Of health checks, by backend. */
  private readonly contexts = new Map<string, SecureContext>();
  private looking: Timer | undefined = undefined;
  private rotating: Timer | undefined = undefined;
  /** What the files looked like when they were read, and when they were looked at last. */
  private readStamp = '';
  private lastStamp = '';

  constructor(deps: TlsServiceDeps, config: Config) {
    this.deps = deps;
    this.config = config;
    this.forHaproxy = { files: [], places: exportedPlaces(deps.haproxyDirectory) };
  }

  /** For a plane that starts; undefined: nobody speaks TLS. */
  get material(): TlsMaterial | undefined {
    return this.current;
  }

  /** What HAProxy needs of the config in force, as it was read last: another object when it has changed. */
  get haproxy(): ReadTls {
    return this.forHaproxy;
  }

  /** Reads everything. Throws StartError. */
  start(): void {
    try {
      this.use(this.config);
    } catch (cause) {
      if (!(cause instanceof CertificateError)) throw cause;
      throw new StartError(`${cause.message}.`, { cause });
    }
    const { clock } = this.deps;
    this.looking = clock.every(LOOK_MS, () => this.look());
    this.rotating = clock.every(ROTATE_MS, () => this.rotate());
  }

  stop(): void {
    this.deps.clock.clear(this.looking);
    this.deps.clock.clear(this.rotating);
    this.strikes.close();
  }

  /**
   * From now on connections are made with the certificates that `config` names, as they are on the disk now. Throws CertificateError, and
   * nothing has changed then.
   */
  use(config: Config): void {
    this.prepare(config)();
    if (this.current !== undefined) this.deps.onChange(this.current);
  }

  /**
   * Reads what `config` names. What is returned makes it the material of every plane that starts or gets another config, and returns a way
   * back. Throws CertificateError.
   */
  prepare(config: Config): () => () => void {
    const stamp = stampOf(config);
    const { material, certificates, haproxy } = this.read(config);
    return () => {
      const before = { config: this.config, certificates: this.certificates, material: this.current };
      const haproxyBefore = this.forHaproxy;
      this.config = config;
      this.certificates = certificates;
      this.readStamp = stamp;
      this.lastStamp = stamp;
      this.current = material;
      this.forHaproxy = haproxy;
      this.contexts.clear();
      if (before.material === undefined && material !== undefined) this.warnWithoutAddon();
      return () => {
        this.config = before.config;
        this.certificates = before.certificates;
        this.current = before.material;
        this.forHaproxy = haproxyBefore;
        this.contexts.clear();
      };
    };
  }

  /** How health checks connect to a server of the backend; undefined: in the clear. */
  clientOptions(backend: string, host: string): ConnectionOptions | undefined {
    const material = this.current?.backends.find((each) => each.backend === backend);
    const tls = this.config.backends.find(({ name }) => name === backend)?.tls;
    if (material === undefined || tls === undefined) return undefined;
    const wanted = tls.serverName ?? host;
    return {
      rejectUnauthorized: tls.isVerified,
      ...(isIP(wanted) === 0 ? { servername: wanted } : {}),
      checkServerIdentity: (_name, cert) => checkServerIdentity(wanted, cert),
      secureContext: this.contextOf(material, tls.minVersion),
    };
  }

  /** The authorities of a machine are many, and checks come every other second. */
  private contextOf({ backend, ca, pair }: BackendMaterial, minVersion: '1.2' | '1.3'): SecureContext {
    const known =
      this.contexts.get(backend) ??
      createSecureContext({
        minVersion: minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
        ...(ca === '' ? {} : { ca }),
        ...pair,
      });
    this.contexts.set(backend, known);
    return known;
  }

  private warnWithoutAddon(): void {
    const loaded = loadNativeAddon();
    if (loaded.ok) return;
    const message = `TLS goes by Node's own module, slower and without early data, as the addon cannot be loaded: ${loaded.reason}`;
    this.deps.log.emit({ type: 'notice', message });
  }

  private look(): void {
    if (this.current === undefined && this.forHaproxy.files.length === 0) return;
    const stamp = stampOf(this.config);
    const isSettled = stamp === this.lastStamp;
    this.lastStamp = stamp;
    if (!isSettled || stamp === this.readStamp) return;
    this.readStamp = stamp;
    try {
      this.use(this.config);
      this.deps.log.emit({ type: 'certificates-loaded' });
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      this.deps.log.emit({ type: 'certificates-refused', message: error.message });
    }
  }

  private rotate(): void {
    this.ticketKeys = Buffer.concat([randomBytes(KEY_BYTES), this.ticketKeys]).subarray(0, KEPT_KEYS * KEY_BYTES);
    if (this.current === undefined) return;
    this.current = { ...this.current, ticketKeys: this.ticketKeys };
    this.deps.onChange(this.current);
  }

  private read(config: Config): {
    material: TlsMaterial | undefined;
    certificates: CertificateStatus[];
    haproxy: ReadTls;
  } {
    const { readText } = this.deps;
    const certificates: CertificateStatus[] = [];
    const note = (listener: string, files: CertificateConfig, { names, subject, expiresAtMs }: CheckedPair): void =>
      void certificates.push({ listener, file: files.cert, subject, names: files.hosts ?? names, expiresAtMs });
    const listeners: ListenerMaterial[] = [];
    for (const { name, engine, tls } of config.listeners) {
      if (tls === undefined || !runsInPlanes(engine)) continue;
      const pairs = tls.certificates.map((files) => {
        const pair = readPair(files, readText);
        note(name, files, pair);
        const ocsp = files.ocsp === undefined ? {} : { ocsp: readOcsp(files.ocsp, readText) };
        return { cert: pair.cert, key: pair.key, keyType: pair.keyType, names: files.hosts ?? pair.names, ...ocsp };
      });
      const clientCa = tls.clientAuth && readAuthorities(tls.clientAuth.ca, readText);
      listeners.push({ listener: name, pairs, ...(clientCa === undefined ? {} : { clientCa }) });
    }
    const backends: BackendMaterial[] = [];
    for (const { name, tls } of config.backends) {
      if (tls === undefined) continue;
      const pair = tls.pair && readPair(tls.pair, readText);
      backends.push({
        backend: name,
        ca: tls.isVerified ? this.authorities(tls.ca) : '',
        ...(pair === undefined ? {} : { pair: { cert: pair.cert, key: pair.key } }),
      });
    }
    const haproxy = this.readForHaproxy(config, note);
    if (listeners.length === 0 && backends.length === 0) return { material: undefined, certificates, haproxy };
    const takesEarlyData = config.listeners.some(({ tls }) => tls?.earlyData === true);
    const material: TlsMaterial = {
      listeners,
      backends,
      ticketKeys: this.ticketKeys,
      ...(takesEarlyData ? { strikes: this.strikes.register(this.current === undefined) } : {}),
    };
    return { material, certificates, haproxy };
  }

  private readForHaproxy(
    { listeners, backends }: Config,
    note: (listener: string, files: CertificateConfig, pair: CheckedPair) => void,
  ): ReadTls {
    const own = listeners.filter(({ engine }) => engine === 'haproxy');
    const led = new Set(proxiesOf({ listeners: own, backends }).map(({ backend }) => backend));
    return readTlsFiles(
      this.deps.haproxyDirectory,
      { listeners: own, backends: [...led] },
      {
        read: this.deps.readText,
        machineAuthorities: () => this.authorities(undefined),
        onPair: (listener, i, pair) => note(listener.name, listener.tls!.certificates[i]!, pair),
      },
    );
  }

  private authorities(file: string | undefined): string {
    const { readText } = this.deps;
    if (file !== undefined) return readAuthorities(file, readText);
    try {
      return readAuthorities(MACHINE_AUTHORITIES, readText);
    } catch {
      return rootCertificates.join('\n');
    }
  }
}

/** Differs when a file that the TLS of the config names has been replaced or written to. */
function stampOf({ listeners, backends }: Config): string {
  const files = [
    ...listeners.flatMap(({ tls }) => [
      ...(tls?.certificates ?? []).flatMap(({ cert, key, ocsp }) => [cert, key, ocsp]),
      tls?.clientAuth?.ca,
    ]),
    ...backends.flatMap(({ tls }) => [tls?.ca, tls?.pair?.cert, tls?.pair?.key]),
  ];
  return files.map((file) => (file === undefined ? '' : fileStamp(file))).join('\n');
}
