/** What `acme-tls/1` is agreed on by (RFC 8737 §6.2). */
export const CHALLENGE_PROTOCOL = 'acme-tls/1';

const HANDSHAKE = 0x16;
/** The whole extension: ALPN (16), its length, that of the list, that of the name, and the name, which has to be the only one. */
const EXTENSION = Buffer.concat([
  Buffer.from([0x00, 0x10, 0x00, 0x0d, 0x00, 0x0b, CHALLENGE_PROTOCOL.length]),
  Buffer.from(CHALLENGE_PROTOCOL),
]);

/**
 * Whether the first bytes of a connection are a ClientHello of an authority that looks whether a name is this host's. One that comes in pieces is
 * not known as such. Whoever has the same bytes elsewhere in a ClientHello only harms himself.
 */
export function asksForChallenge(bytes: Buffer, length: number): boolean {
  return bytes[0] === HANDSHAKE && bytes.subarray(0, length).includes(EXTENSION);
}
