import t from 'tap';
import type { Static } from 'typebox';
import type { Backend } from '../../../admin/routes/backends.ts';
import type { ChangeAnswer, ConfigAnswer, Verdict } from '../../../admin/routes/config-schema.ts';
import type { Event, StatusTick } from '../../../admin/routes/event-schema.ts';
import type { Overview } from '../../../admin/routes/overview.ts';
import type { PortMap, Strip } from '../../../admin/routes/port-map.ts';
import type { RouteMatch, Routes } from '../../../admin/routes/route-match.ts';
import type { Source } from '../../../admin/routes/source.ts';
import type { Changes, System } from '../../../admin/routes/system.ts';
import type * as page from '../../../admin/ui/api/types.ts';

/** Compiles only where everything that the API answers with is what the pages expect. */
type Expect<Answer extends Shown, Shown> = [Answer, Shown];

type Held = [
  Expect<Static<typeof Overview>, page.Overview>,
  Expect<Static<typeof StatusTick>, page.StatusTick>,
  Expect<Static<typeof Event>, page.PorticoEvent>,
  Expect<Static<typeof Backend>, page.Backend>,
  Expect<Static<typeof Source>, page.Source>,
  Expect<Static<typeof PortMap>, page.PortMap>,
  Expect<Static<typeof Strip>, page.PortStrip>,
  Expect<Static<typeof Routes>, page.Routes>,
  Expect<Static<typeof RouteMatch>, page.RouteMatch>,
  Expect<Static<typeof ConfigAnswer>, page.ConfigAnswer>,
  Expect<Static<typeof ChangeAnswer>, page.ConfigChange>,
  Expect<Static<typeof Verdict>, page.Verdict>,
  Expect<Static<typeof System>, page.System>,
  Expect<Static<typeof Changes>, page.SystemChanges>,
];

t.test('the pages know the API as it is', async (t) => {
  const held: Held['length'] = 14;
  t.equal(held, 14, 'checked by the compiler');
});
