import fc from 'fast-check';
import t from 'tap';
import { isMapped, mappedBytes } from '../../../lb/netlink/socket-address.ts';
import { socketFilter } from '../../../lb/netlink/socket-filter.ts';
import { encodeSocketRequest } from '../../../lb/netlink/socket-request.ts';

/** As inet_diag_bc_run of net/ipv4/inet_diag.c reads a program of jumps and conditions on the local address. */
function accepts(program: Uint8Array, address: string): boolean {
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  const mapped = mappedBytes(address);
  const bytes = isMapped(mapped) ? mapped.subarray(12) : mapped;
  let at = 0;
  while (at < program.length) {
    const [code, yes, no] = [program[at], program[at + 1]!, view.getUint16(at + 2, true)];
    let holds = false;
    if (code === 7) {
      const length = program[at + 5]! / 8;
      holds = length === bytes.length && bytes.every((byte, i) => byte === program[at + 12 + i]);
    }
    at += holds ? yes : no;
  }
  return at === program.length;
}

t.test('accepts the addresses and no other', async () => {
  const address = fc.oneof(fc.ipV4(), fc.constantFrom('::', '::1', '2001:db8::1', '0.0.0.0', '10.0.0.1', 'fe80::2'));
  fc.assert(
    fc.property(fc.uniqueArray(address, { minLength: 1, maxLength: 64, size: 'max' }), address, (list, other) => {
      const program = socketFilter(list)!;
      return list.every((one) => accepts(program, one)) && accepts(program, other) === list.includes(other);
    }),
  );
});

t.test('none, or too many for the kernel to try one by one: no filter', async (t) => {
  t.equal(socketFilter([]), undefined);
  t.equal(socketFilter(Array.from({ length: 65 }, (_, i) => `10.0.0.${i}`)), undefined);
  t.throws(() => socketFilter(['10.0.0']), RangeError);
});

t.test('the request', async (t) => {
  const plain = encodeSocketRequest({ states: 0x402, sequence: 9, filter: undefined });
  t.equal(
    Buffer.from(plain).toString('hex'),
    `4c000000${'1200'}${'0103'}09000000${'00000000'}${'02000000'}${'00'.repeat(48)}02040000${'00000000'}`,
  );
  const filter = socketFilter(['127.0.0.1'])!;
  const filtered = encodeSocketRequest({ states: 2, sequence: 1, filter });
  t.equal(Buffer.from(filtered.subarray(76)).toString('hex'), '140001000710140002200000ffffffff7f000001');
  t.equal(filtered[0], filtered.length);
});
