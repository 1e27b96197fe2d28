import { markOf } from './nat-ruleset.ts';
import { listNatTable, PORTICO_TABLE } from './nat-table.ts';
import type { Nft } from './nft.ts';

/** Removes the rules that an earlier run has left, and with them the connections that go by them. False where there are none of ours. */
export function removeNatTable(nft: Nft): boolean {
  const listed = listNatTable(nft);
  if (listed === undefined || markOf(listed) === undefined) return false;
  nft.run([{ delete: { table: PORTICO_TABLE } }]);
  return true;
}
