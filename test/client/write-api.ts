import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generateApi } from './generate-api.ts';

writeFileSync(fileURLToPath(new URL('../../../admin/client/api.ts', import.meta.url)), await generateApi());
