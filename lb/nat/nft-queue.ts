import { WAIT_QUEUE } from './nat-chains.ts';
import type { Nft } from './nft.ts';

/** Whether the kernel's nftables know `queue` (CONFIG_NFT_QUEUE): tried in a transaction that leaves nothing behind. */
export function canQueue(nft: Nft): boolean {
  const table = { family: 'inet', name: `portico_probe_${process.pid}` };
  const chain = { family: 'inet', table: table.name, name: 'probe' };
  try {
    nft.run([
      { add: { table } },
      { add: { chain } },
      { add: { rule: { family: 'inet', table: table.name, chain: 'probe', expr: [{ queue: { num: WAIT_QUEUE } }] } } },
      { delete: { table } },
    ]);
    return true;
  } catch {
    return false;
  }
}
