import { isIP } from 'node:net';
import { Arena } from '../net/arena.ts';
import { asksForChallenge, CHALLENGE_PROTOCOL } from './asks-for-challenge.ts';
import { CIPHER_LISTS } from './cipher-lists.ts';
import { HeldSet } from './held-set.ts';
import { type NativeAddon, STATE_WORDS, WORD } from './native-addon.ts';
import { NativeTlsStream } from './native-tls-stream.ts';
import { STRIKE_BUCKETS } from './strike-size.ts';
import type { StrikeRegister } from './tls-material.ts';
import type {
  ChallengePair,
  ClientSettings,
  ServerSettings,
  TlsClientSide,
  TlsProvider,
  TlsServerSide,
} from './tls-provider.ts';

const SLAB_BYTES = 1 << 19;
/** The start of a record that came before may add its whole length to what one read holds. */
const RECORD_BYTES = 1 << 15;
/** What one read may cause to be sent: the certificates, at the handshake; after it a few bytes for each message. */
const FEED_ROOM = 1 << 17;
const NOTHING = Buffer.alloc(0);

const VERSION = { '1.2': 0x0303, '1.3': 0x0304 };
/** SSL_VERIFY_NONE, SSL_VERIFY_PEER and SSL_VERIFY_FAIL_IF_NO_PEER_CERT of openssl/ssl.h. */
const VERIFY = { none: 0, asked: 1, required: 3 };

/** OpenSSL takes early data with a ticket age that is off by at most 10 seconds either way; this is longer. */
const STRIKE_SECONDS = 30;

/** TLS by the OpenSSL inside the node binary: with tickets that all planes share, and early data. */
export class NativeTls implements TlsProvider {
  readonly hasEarlyData = true;
  readonly addon: NativeAddon;
  readonly readBuffer: Buffer;
  /** Plain text of the read under way. */
  readonly plain: Buffer;
  readonly state = new Int32Array(STATE_WORDS);
  /** Bytes on their way to the network. */
  readonly outgoing = new Arena(SLAB_BYTES);
  private slab: Buffer | undefined = undefined;
  /** Names of cipher suites by their number (RFC 8446 §B.4). */
  private readonly cipherNames = new Map<number, string>();
  /** Of those who ask by `acme-tls/1`; -1: nobody is expected. */
  private challengeSet = -1;

  /** `readBuffer`: where the network's reads are. */
  constructor(addon: NativeAddon, readBuffer: Buffer) {
    this.addon = addon;
    this.readBuffer = readBuffer;
    this.plain = Buffer.allocUnsafeSlow(readBuffer.length + RECORD_BYTES);
    addon.useBuffers(this.state, readBuffer, this.plain);
    this.reserve(0);
  }

  reserve(bytes = FEED_ROOM): void {
    const { outgoing } = this;
    outgoing.reserve(bytes);
    if (outgoing.slab === this.slab) return;
    this.slab = outgoing.slab;
    this.addon.useOut(this.slab);
  }

  createServer(settings: ServerSettings): TlsServerSide & { readonly set: number } {
    const { addon } = this;
    const { clientAuth, ciphers, minVersion } = settings;
    const set = addon.createSet(1, settings.earlyBytes, wireProtocols(settings.protocols));
    const notices = new Set<string>();
    try {
      for (const { names, pairs } of settings.contexts) {
        const notice = addon.addContext(
          set,
          names.join('\n'),
          VERSION[minVersion],
          ciphers.ciphers,
          ciphers.suites,
          ciphers.groups,
          settings.sessionId,
          pairs.flatMap(({ cert, key, ocsp = NOTHING }) => [Buffer.from(cert), Buffer.from(key), Buffer.from(ocsp)]),
          clientAuth === undefined ? NOTHING : Buffer.from(clientAuth.ca),
          clientAuth === undefined ? VERIFY.none : clientAuth.isRequired ? VERIFY.required : VERIFY.asked,
        );
        if (notice !== '') notices.add(`${names.join(', ')}: ${notice}`);
      }
    } catch (error) {
      addon.dropSet(set);
      throw error;
    }
    const held = new HeldSet(() => addon.dropSet(set));
    return {
      set,
      notices: [...notices],
      accept: (open, owner, counters) => {
        const letGo = held.hold();
        return new NativeTlsStream(this, open, owner, {
          counters,
          open: (length) => {
            const session = addon.open(this.isChallenge(length) ? this.challengeSet : set, -1, '', 0, '');
            letGo();
            return session;
          },
          abandon: letGo,
        });
      },
      drop: () => held.drop(),
    };
  }

  createClient({ minVersion, ciphers, ca, pair }: ClientSettings): TlsClientSide {
    const { addon } = this;
    const set = addon.createSet(0, 0, NOTHING);
    const pairs = pair === undefined ? [] : [Buffer.from(pair.cert), Buffer.from(pair.key), NOTHING];
    try {
      addon.addContext(
        set,
        '',
        VERSION[minVersion],
        ciphers.ciphers,
        ciphers.suites,
        ciphers.groups,
        NOTHING,
        pairs,
        Buffer.from(ca),
        ca === '' ? VERIFY.none : VERIFY.asked,
      );
    } catch (error) {
      addon.dropSet(set);
      throw error;
    }
    return {
      connect: (open, owner, counters, { host, serverName, slot }) => {
        const stream = new NativeTlsStream(this, open, owner, {
          counters,
          open: () => addon.open(set, slot, host, isIP(host) === 0 ? 0 : 1, serverName),
          abandon: () => {},
        });
        stream.greet();
        return stream;
      },
      drop: () => addon.dropSet(set),
    };
  }

  /** `facts`: of the addon, about this session. */
  cipherName(facts: number, session: number): string {
    const suite = facts & 0xffff;
    let name = this.cipherNames.get(suite);
    if (name === undefined) {
      name = this.addon.word(session, WORD.cipher);
      this.cipherNames.set(suite, name);
    }
    return name;
  }

  /** Of the first bytes of a client, in `readBuffer`. */
  isChallenge(length: number): boolean {
    return this.challengeSet >= 0 && asksForChallenge(this.readBuffer, length);
  }

  useChallenges(pairs: readonly ChallengePair[]): boolean {
    const { addon } = this;
    if (this.challengeSet >= 0) addon.dropSet(this.challengeSet);
    this.challengeSet = -1;
    if (pairs.length === 0) return true;
    const contexts = pairs.map(({ host, cert, key }) => ({
      names: [host],
      pairs: [{ cert, key, keyType: 'ec', names: [host] }],
    }));
    const { set } = this.createServer({
      contexts,
      minVersion: '1.2',
      ciphers: CIPHER_LISTS.intermediate,
      protocols: [CHALLENGE_PROTOCOL],
      sessionId: NOTHING,
      clientAuth: undefined,
      earlyBytes: 0,
    });
    this.challengeSet = set;
    return true;
  }

  createSlot(): number {
    return this.addon.createSlot();
  }

  dropSlot(slot: number): void {
    this.addon.dropSlot(slot);
  }

  useTicketKeys(keys: Uint8Array): void {
    this.addon.useTicketKeys(keys);
  }

  useStrikes({ file, isAsOldAsKeys }: StrikeRegister): string {
    return this.addon.openStrikes(file, STRIKE_BUCKETS, STRIKE_SECONDS, isAsOldAsKeys ? 0 : STRIKE_SECONDS);
  }
}

/** RFC 7301 §3.1: each name with its length before it. */
function wireProtocols(protocols: readonly string[]): Buffer {
  return Buffer.concat(protocols.map((name) => Buffer.from([name.length, ...Buffer.from(name, 'latin1')])));
}
