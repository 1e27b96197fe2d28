import type { Clock } from '../lb/clock.ts';
import type { AvoidedPorts, BackendState, ChallengeAnswer, PortBlock, SourceUpdate } from '../lb/control/messages.ts';
import type { BlockLedger } from '../lb/source/block-ledger.ts';
import type { PortBroker } from '../lb/source/port-broker.ts';
import type { TlsMaterial } from '../lb/tls/tls-material.ts';
import type { EventLog } from './event-log.ts';
import type { Lineage } from './lineage.ts';

export interface PlaneStatus {
  readonly id: string;
  readonly pid: number | undefined;
  readonly ready: boolean;
  readonly restarts: number;
}

export interface PlaneGroupDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly ledger: BlockLedger;
  readonly broker: PortBroker;
  readonly log: EventLog;
  readonly lineage: Lineage;
  readonly backends: () => readonly BackendState[];
  readonly sources: () => readonly SourceUpdate[];
  /** Ports that others hold, by address. */
  readonly avoided: () => readonly AvoidedPorts[];
  /** Certificates and secrets; nothing where nobody speaks TLS. */
  readonly tls: () => { readonly tls?: TlsMaterial };
  /** Of certificates that are being ordered. */
  readonly challenges: () => readonly ChallengeAnswer[];
  readonly onReturn: (plane: string, blocks: readonly PortBlock[]) => void;
  /** A plane could not bind this source address. */
  readonly onSourceLost: (plane: string, pool: string, address: string) => void;
}
