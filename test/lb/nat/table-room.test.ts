import t from 'tap';
import type { NatEvent } from '../../../lb/control/nat-messages.ts';
import { openNftLibrary } from '../../../lb/nat/nft-library.ts';
import { TableRoom } from '../../../lb/nat/table-room.ts';

t.test('a table that gets full is told once, and again after it had room', async (t) => {
  const told: NatEvent[] = [];
  const room = new TableRoom((event) => void told.push(event));
  const look = (...entries: readonly number[]): number => {
    for (const each of entries) room.look({ entries: each, most: 1000 });
    return told.length;
  };
  t.equal(look(0, 899), 0);
  t.equal(look(900, 1000, 850, 950), 1);
  t.match(told[0], { type: 'notice', message: /holds 900 of 1000 entries; raise net\.netfilter\.nf_conntrack_max/ });
  t.equal(look(799, 900), 2);
  room.look({ entries: 5, most: 0 });
  t.equal(told.length, 2, 'a kernel that tells no limit');
});

t.test('a library that is not there is named, with what to install', async (t) => {
  t.throws(() => openNftLibrary('libnftables.so.404'), {
    message: /libnftables\.so\.404 is not there; on Debian, install the package "nftables"/,
  });
});
