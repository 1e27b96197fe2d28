import { writeFileSync } from 'node:fs';
import t from 'tap';
import { startPortico } from '../../src/start-portico.ts';
import { NatLab } from '../fixtures/nat-lab.ts';
import { enterNamespace, sh } from '../fixtures/netns.ts';
import { writeConfig } from '../fixtures/portico-process.ts';
import { closeAll, config, ONE } from '../fixtures/running-kernel.ts';

const skip = enterNamespace(import.meta.url) ?? false;
const withEngine = (engine: string): string =>
  config(`[{ name: raw, bind: "10.1.0.1:80", engine: ${engine}, backend: app }]`, ONE).replace(
    'drain_timeout: 1s',
    'drain: { timeout: 20s }',
  );

t.test('a listener goes from one engine to another and back; what is open stays', { skip }, async (t) => {
  const lab = await NatLab.create(t, ['10.2.1.1', '10.2.1.2', '10.2.1.3', 'fd00:2::1:1']);
  await lab.server('10.2.0.2', 9000);
  const file = writeConfig(withEngine('tcp'));
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  const portico = await startPortico({ config: file });
  t.teardown(async () => {
    await portico.stop();
    sh('nft delete table inet portico');
  });
  const clients = await lab.clients();
  let open = 0;
  const openMore = async (engine: string): Promise<void> => {
    for (let more = 0; more < 20; ) {
      // For a moment between the two nobody may have the port.
      const answer = await clients.open('10.1.0.1', 80, 1);
      more += answer.greetings.length;
      open = answer.open;
    }
    t.equal((await clients.ask({ type: 'check' })).alive, open, `all ${open} are alive with engine ${engine}`);
  };
  await openMore('tcp');
  for (const engine of ['kernel', 'tcp', 'kernel']) {
    writeFileSync(file, withEngine(engine));
    await portico.reload();
    t.equal((await clients.ask({ type: 'check' })).alive, open, `what was open before ${engine}`);
    await openMore(engine);
  }
  await closeAll(clients);
});
