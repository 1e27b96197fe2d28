import { execFile, spawnSync } from 'node:child_process';
import type { Machine } from './machine.ts';

/** Of nftables, and of what is in force; asked of the running machine alone, never of a scratch root. */
export interface Nftables {
  /** Undefined where the command is not there. */
  readonly version: string | undefined;
  /** Why the chains cannot be told; undefined where they are. */
  readonly trouble: string | undefined;
  /** Chains of `forward` that drop what no rule of theirs lets through, and have no rule for translated connections. */
  readonly closed: readonly ClosedChain[];
}

export interface ClosedChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
}

type Listed = readonly Readonly<Record<string, unknown>>[];
interface Answer {
  readonly listed: Listed;
  readonly trouble: string | undefined;
}
type Ask = (args: readonly string[]) => Answer;

const TIMEOUT_MS = 5000;
/** Of an answer; some 150 for each chain. */
const MOST_BYTES = 2 ** 24;

/** Undefined for a scratch root. Takes some 20 ms, and more where there are chains that drop. */
export function readNftables(machine: Machine, ask: Ask = askNft): Nftables | undefined {
  if (machine.root !== '/') return undefined;
  const questions = reading();
  let next = questions.next();
  while (next.done !== true) next = questions.next(ask(next.value));
  return next.value;
}

/** As `readNftables`, while the event loop goes on. Never rejects. */
export async function readNftablesMeanwhile(machine: Machine): Promise<Nftables | undefined> {
  if (machine.root !== '/') return undefined;
  const questions = reading();
  let next = questions.next();
  while (next.done !== true) next = questions.next(await askNftMeanwhile(next.value));
  return next.value;
}

/** Arguments of `nft` for what it is asked, one question after the other. */
function* reading(): Generator<readonly string[], Nftables, Answer> {
  const { listed, trouble } = yield ['list', 'chains'];
  if (trouble === 'ENOENT') return { version: undefined, trouble: undefined, closed: [] };
  const info = find<{ version: string }>(listed, 'metainfo')[0];
  const chains = find<ClosedChain & { hook?: string; policy?: string }>(listed, 'chain');
  const closed: ClosedChain[] = [];
  for (const { family, table, name, hook, policy } of chains) {
    if (hook !== 'forward' || policy !== 'drop' || family === 'bridge') continue;
    const rules = yield ['list', 'chain', family, table, name];
    if (!rules.listed.some(letsTranslatedThrough)) closed.push({ family, table, name });
  }
  return { version: info?.version ?? versionOf(yield ['--version']), trouble, closed };
}

/** `ct status dnat accept`, whatever stands between. */
function letsTranslatedThrough(object: Readonly<Record<string, unknown>>): boolean {
  const text = JSON.stringify((object.rule as { expr?: unknown } | undefined)?.expr ?? []);
  return text.includes('"key":"status"') && text.includes('dnat') && text.includes('"accept"');
}

const versionOf = ({ trouble }: Answer): string | undefined => trouble?.match(/v(\d+(?:\.\d+)+)/)?.[1];

const find = <T>(listed: Listed, kind: string): T[] =>
  listed.flatMap((each) => (kind in each ? [each[kind] as T] : []));

function askNft(args: readonly string[]): Answer {
  const { error, status, stdout, stderr } = spawnSync('nft', ['-j', ...args], {
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    maxBuffer: MOST_BYTES,
  });
  return answerOf(
    (error as NodeJS.ErrnoException | undefined)?.code ?? error?.message ?? status ?? 'it was ended',
    stdout,
    stderr,
  );
}

function askNftMeanwhile(args: readonly string[]): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(
      'nft',
      ['-j', ...args],
      { encoding: 'utf8', timeout: TIMEOUT_MS, maxBuffer: MOST_BYTES },
      (error, stdout, stderr) => resolve(answerOf(error?.code ?? error?.message ?? 0, stdout, stderr)),
    );
  });
}

/** `ended`: with a status, or why it did not. */
function answerOf(ended: number | string, stdout: string, stderr: string): Answer {
  if (typeof ended === 'string') return { listed: [], trouble: ended };
  if (ended !== 0) return { listed: [], trouble: stderr.trim().split('\n')[0] ?? `nft ended with ${ended}` };
  try {
    return { listed: (JSON.parse(stdout) as { nftables: Listed }).nftables, trouble: undefined };
  } catch {
    return { listed: [], trouble: stdout.trim() };
  }
}
