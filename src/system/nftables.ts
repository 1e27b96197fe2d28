import { spawnSync } from 'node:child_process';
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
type Nft = (...args: readonly string[]) => { readonly listed: Listed; readonly trouble: string | undefined };

/** Undefined for a scratch root. Takes some 20 ms, and more where there are such chains. */
export function readNftables(machine: Machine, nft: Nft = runNft): Nftables | undefined {
  if (machine.root !== '/') return undefined;
  const { listed, trouble } = nft('list', 'chains');
  if (trouble === 'ENOENT') return { version: undefined, trouble: undefined, closed: [] };
  const info = find<{ version: string }>(listed, 'metainfo')[0];
  const chains = find<ClosedChain & { hook?: string; policy?: string }>(listed, 'chain');
  const closed = chains
    .filter(({ family, hook, policy }) => hook === 'forward' && policy === 'drop' && family !== 'bridge')
    .map(({ family, table, name }) => ({ family, table, name }))
    .filter(({ family, table, name }) => !nft('list', 'chain', family, table, name).listed.some(letsTranslatedThrough));
  return { version: info?.version ?? versionOf(nft('--version')), trouble, closed };
}

/** `ct status dnat accept`, whatever stands between. */
function letsTranslatedThrough(object: Readonly<Record<string, unknown>>): boolean {
  const text = JSON.stringify((object.rule as { expr?: unknown } | undefined)?.expr ?? []);
  return text.includes('"key":"status"') && text.includes('dnat') && text.includes('"accept"');
}

const versionOf = ({ trouble }: ReturnType<Nft>): string | undefined => trouble?.match(/v(\d+(?:\.\d+)+)/)?.[1];

const find = <T>(listed: Listed, kind: string): T[] =>
  listed.flatMap((each) => (kind in each ? [each[kind] as T] : []));

function runNft(...args: readonly string[]): ReturnType<Nft> {
  const { error, status, stdout, stderr } = spawnSync('nft', ['-j', ...args], { encoding: 'utf8', timeout: 5000 });
  if (error !== undefined) return { listed: [], trouble: (error as NodeJS.ErrnoException).code ?? error.message };
  if (status !== 0) return { listed: [], trouble: stderr.trim().split('\n')[0] ?? `nft ended with ${status}` };
  try {
    return { listed: (JSON.parse(stdout) as { nftables: Listed }).nftables, trouble: undefined };
  } catch {
    return { listed: [], trouble: stdout.trim() };
  }
}
