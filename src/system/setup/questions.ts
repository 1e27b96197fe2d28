import { parseEndpoint } from '../../../config/endpoint.ts';
import { poolAddresses } from '../../../config/pool-addresses.ts';
import { FlagError } from '../../flag-error.ts';
import { PORTS_PER_SOURCE } from '../demand.ts';
import { count } from '../format.ts';
import { sourcesFor } from '../needs.ts';
import { findCandidates, type HostAddress } from './candidates.ts';
import type { SetupAnswers } from './config-text.ts';
import type { Choice } from './prompts.ts';

const ENGINES = ['http', 'tcp', 'kernel', 'haproxy'] as const;
type Engine = (typeof ENGINES)[number];

/** Each answers the question of its name. */
export interface SetupFlags {
  readonly engine?: string | undefined;
  readonly listen?: string | undefined;
  readonly servers?: readonly string[] | undefined;
  readonly sources?: readonly string[] | undefined;
  readonly claim?: string | undefined;
}

export interface Asker {
  text(message: string, initial: string, validate: (value: string) => string | undefined): Promise<string>;
  one<const T extends string>(message: string, choices: readonly Choice<T>[]): Promise<T>;
}

export interface SetupMachine {
  readonly addresses: readonly HostAddress[];
  readonly neighbours: ReadonlySet<string>;
  readonly cpuCount: number;
}

const ENGINE_CHOICES: readonly Choice<Engine>[] = [
  { value: 'http', label: 'HTTP and WebSocket', hint: 'routes, retries, workers' },
  { value: 'tcp', label: 'any TCP', hint: 'relayed byte for byte' },
  { value: 'kernel', label: 'very many TCP connections', hint: 'forwarded by the kernel; needs CAP_NET_ADMIN' },
  { value: 'haproxy', label: 'HTTP by HAProxy', hint: 'that Portico installs, configures and steers' },
];

/** Asks what the machine is for; a flag answers in advance, and without an asker the first answer counts. Throws FlagError. */
export async function askSetup(
  flags: SetupFlags,
  connections: number,
  machine: SetupMachine,
  asker: Asker | undefined,
): Promise<Omit<SetupAnswers, 'planes'>> {
  const engine = await askEngine(flags.engine, asker);
  const listen = await answer(
    flags.listen,
    asker,
    'Where do clients connect to?',
    '0.0.0.0:8080',
    whyNoEndpoint,
    '--listen',
  );
  const given = await answer(
    flags.servers?.join(','),
    asker,
    engine === 'http'
      ? 'Which servers? address:port, or "workers" for processes that Portico runs'
      : 'Which servers? address:port',
    engine === 'http' ? 'workers' : '127.0.0.1:9001',
    (value) =>
      value === 'workers'
        ? undefined
        : list(value)
            .map(whyNoEndpoint)
            .find((why) => why !== undefined),
    '--servers',
  );
  const servers = given === 'workers' ? [] : list(given);
  const destinations = servers.length || machine.cpuCount;
  const needed = sourcesFor({ connections, destinations });
  const isLocal = servers.every((server) => server.startsWith('127.'));
  const own = machine.addresses.map(({ address }) => address);
  const loopback = needed === 1 ? '127.0.1.1' : `127.0.${1 + ((needed - 1) >> 8)}.1`;
  const initial = isLocal || own.length === 0 ? loopbackRange(needed, loopback) : own.join(',');
  const sources = await answer(
    flags.sources?.join(','),
    asker,
    `From which addresses? ${needed} or more, of ${count(PORTS_PER_SOURCE)} ports each towards ${destinations} servers`,
    initial,
    whyNoAddresses,
    '--sources',
  );
  const isShort = !isLocal && flags.sources === undefined && own.length < needed;
  return {
    connections,
    engine,
    listen,
    servers,
    workers: machine.cpuCount,
    sources: list(sources),
    claim: flags.claim !== undefined,
    interface: flags.claim ?? 'lo',
    candidates: isShort ? findCandidates(machine.addresses, machine.neighbours, needed - own.length) : undefined,
  };
}

async function askEngine(flag: string | undefined, asker: Asker | undefined): Promise<Engine> {
  if (flag === undefined) return asker === undefined ? 'http' : asker.one('What is this machine for?', ENGINE_CHOICES);
  const engine = ENGINES.find((each) => each === flag);
  if (engine === undefined) throw new FlagError(`--engine is one of ${ENGINES.join(', ')}, not "${flag}"`);
  return engine;
}

async function answer(
  flag: string | undefined,
  asker: Asker | undefined,
  message: string,
  initial: string,
  validate: (value: string) => string | undefined,
  name: string,
): Promise<string> {
  if (flag === undefined) return asker === undefined ? initial : asker.text(message, initial, validate);
  const why = validate(flag);
  if (why !== undefined) throw new FlagError(`${name}: ${why}`);
  return flag;
}

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** 127.0.1.1 is the first; there are 254 in each of 127.0.1.0/24 and those after it. */
function loopbackRange(needed: number, single: string): string {
  if (needed === 1) return single;
  const rest = needed % 254;
  const whole = Math.floor(needed / 254);
  const ranges = Array.from({ length: whole }, (_, i) => `127.0.${i + 1}.1-127.0.${i + 1}.254`);
  return [...ranges, ...(rest === 0 ? [] : [`127.0.${whole + 1}.1-127.0.${whole + 1}.${rest}`])].join(',');
}

function whyNoEndpoint(text: string): string | undefined {
  return parseEndpoint(text) === undefined ? `"${text}" is not an address and port such as 10.0.0.5:8080` : undefined;
}

function whyNoAddresses(text: string): string | undefined {
  let why: string | undefined;
  const found = poolAddresses(list(text), (_, message) => {
    why ??= message;
  });
  return why ?? (found.length === 0 ? 'give at least one address' : undefined);
}
