import { writeFileSync } from 'node:fs';
import { configReference } from './reference.ts';

// `npm run reference`: writes the key reference anew after a change of the schema. A test fails while it is out of date.
writeFileSync('config/REFERENCE.md', configReference());
