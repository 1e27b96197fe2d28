import type { Finding } from './finding.ts';
import type { ConfigFile } from './schema.ts';

/** What the schema knows and this version cannot run: said plainly, rather than passed over. */
export function findUnsupported(file: ConfigFile): Finding[] {
  const found: Finding[] = [];
  file.listeners.forEach((listener, i) => {
    if (listener.engine === 'haproxy') {
      found.push({
        path: ['listeners', i, 'engine'],
        message: 'this version has no engine "haproxy" yet; use "http", "tcp" or "kernel"',
      });
    }
  });
  return found;
}
