import t from 'tap';
import type { Static } from 'typebox';
import type { Backend } from '../../../admin/routes/backends.ts';
import type { Overview } from '../../../admin/routes/overview.ts';
import type { PortRow } from '../../../admin/routes/ports.ts';
import type { Source } from '../../../admin/routes/source.ts';
import type * as page from '../../../admin/ui/api/types.ts';

/** Compiles only where everything that the API answers with is what the pages expect. */
type Expect<Answer extends Shown, Shown> = [Answer, Shown];

type Held = [
  Expect<Static<typeof Overview>, page.Overview>,
  Expect<Static<typeof Backend>, page.Backend>,
  Expect<Static<typeof Source>, page.Source>,
  Expect<Static<typeof PortRow>, page.PortRow>,
];

t.test('the pages know the API as it is', async (t) => {
  const held: Held['length'] = 4;
  t.equal(held, 4, 'checked by the compiler');
});
