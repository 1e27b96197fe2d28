import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The config that Portico ships and runs when it is given none. The compiler leaves YAML behind, so dist/ refers to the source tree. */
export function defaultConfigPath(): string {
  const beside = fileURLToPath(new URL('./default.yaml', import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL('../../config/default.yaml', import.meta.url));
}
