import { parseIpAddress } from '../../config/ip-address.ts';
import { type Family, familyOf, type LookupAnswer, type LookupFailure } from './lookup.ts';

/** `empty`: no address at all; `unusable`: none that a connection can be made to. */
export type NameFailure = LookupFailure | 'empty' | 'unusable';

/** What is known of one name. */
export interface NameAddresses {
  /** In use, in the order of their text; when each was in an answer last, in milliseconds of the clock. */
  readonly seenMs: ReadonlyMap<string, number>;
  /** Why the last lookup brought nothing; what was known before holds. Undefined: it did. */
  readonly failure: NameFailure | undefined;
  /** Of the last answers, what is not used. */
  readonly unusable: number;
  readonly tooMany: number;
}

export const NOTHING_KNOWN: NameAddresses = { seenMs: new Map(), failure: undefined, unusable: 0, tooMany: 0 };

export interface AddressLimits {
  readonly nowMs: number;
  readonly holdMs: number;
  readonly maxAddresses: number;
}

/**
 * What is known after these answers, one for each family that was asked for. An answer without a usable address changes nothing, whatever
 * the reason: servers do not go because DNS does. Of a family that failed alone, what was known before holds.
 */
export function afterAnswers(
  before: NameAddresses,
  answers: ReadonlyMap<Family, LookupAnswer>,
  { nowMs, holdMs, maxAddresses }: AddressLimits,
): NameAddresses {
  const all = [...answers.values()].flatMap((answer) => (answer.kind === 'found' ? answer.addresses : []));
  const fresh = [...new Set(all)].filter(isUsable);
  const unusable = new Set(all).size - fresh.length;
  if (fresh.length === 0) {
    const failure = failureOf([...answers.values()]);
    return { ...before, seenMs: new Map([...before.seenMs.keys()].map((each) => [each, nowMs])), failure, unusable };
  }
  const seenMs = new Map(before.seenMs);
  for (const address of seenMs.keys()) {
    const kind = answers.get(familyOf(address))?.kind;
    if (kind === 'failed') seenMs.set(address, nowMs);
    // Nobody can reach it from here any more.
    if (kind === undefined) seenMs.delete(address);
  }
  for (const address of fresh) seenMs.set(address, nowMs);
  const good = [...seenMs].filter(([, atMs]) => nowMs - atMs <= holdMs || atMs === nowMs);
  // Those that are in use stay, so that answers of ever other order or choice change as little as can be.
  const rank = (address: string): number => (before.seenMs.has(address) ? 0 : 1);
  const chosen = good
    .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .slice(0, maxAddresses)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return { seenMs: new Map(chosen), failure: undefined, unusable, tooMany: good.length - chosen.length };
}

function failureOf(answers: readonly LookupAnswer[]): NameFailure {
  for (const answer of answers) if (answer.kind === 'failed') return answer.reason;
  return answers.some(({ kind }) => kind === 'found') ? 'unusable' : 'empty';
}

const UNSPECIFIED = 0n;
const BROADCAST = 0xffffffffn;

/** What no server can have: unspecified, broadcast and multicast addresses, and link-local IPv6 ones, which mean nothing without an interface. */
function isUsable(address: string): boolean {
  const { value, bits } = parseIpAddress(address)!;
  if (value === UNSPECIFIED) return false;
  if (bits === 32) return value !== BROADCAST && value >> 28n !== 0xen;
  return value >> 120n !== 0xffn && value >> 118n !== 0x3fan;
}
