import type { RuntimeSocket } from './runtime-socket.ts';

/**
 * Gives HAProxy another certificate in the place of one that it has read from `path` (management.txt, 9.3 "set ssl cert"): handshakes from now
 * on go by it, what is open stays. Resolves with what HAProxy has against it, and nothing has changed then. `text`: PEM without empty lines.
 */
export async function swapCertificate(
  socket: Pick<RuntimeSocket, 'ask'>,
  path: string,
  text: string,
): Promise<string | undefined> {
  const staged = await socket.ask(`set ssl cert ${path} <<\n${text.trim()}\n`);
  if (!/Transaction (created|updated)/.test(staged)) return staged.trim();
  const committed = await socket.ask(`commit ssl cert ${path}`);
  if (/Success/.test(committed)) return undefined;
  await socket.ask(`abort ssl cert ${path}`);
  return committed.trim();
}
