import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';

/**
 * Which HAProxy is run, and where it has its files: one directory for each admin address, as no two of a machine have the same, so that the next
 * Portico finds what the last one has left. PORTICO_HAPROXY names another program.
 */
export function haproxyPlace({ admin: { listen } }: Config): { readonly command: string; readonly directory: string } {
  const { PORTICO_HAPROXY: command = 'haproxy', XDG_RUNTIME_DIR: runtime } = process.env;
  const isOwn = !('path' in listen) && listen.port === 0;
  const name = createHash('sha256')
    .update(JSON.stringify(isOwn ? process.pid : listen))
    .digest('hex')
    .slice(0, 8);
  const parent = process.getuid?.() === 0 ? '/run' : (runtime ?? tmpdir());
  return { command, directory: join(parent, `portico-haproxy-${name}`) };
}
