import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../../lb/clock.ts';
import { Notices } from '../../../lb/netlink/notices.ts';
import { enterNamespace, sh } from '../../fixtures/netns.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const skip = enterNamespace(import.meta.url) ?? false;

t.test('every change is told of, also after more of them than the kernel could keep', { skip }, async (t) => {
  const alive = setInterval(() => {}, 1000);
  let changes = 0;
  let losses = 0;
  let wake = (): void => {};
  const until = async (test: () => boolean): Promise<void> => {
    while (!test()) await new Promise<void>((resolve) => (wake = resolve));
  };
  const notices = new Notices({
    clock: systemClock,
    onChange: () => {
      changes++;
      wake();
    },
    onLost: () => {
      losses++;
      wake();
    },
  });
  t.teardown(() => {
    notices.stop();
    clearInterval(alive);
  });
  await notices.start();
  sh('ip link set lo up');
  await until(() => changes > 0);

  const { pid } = notices;
  process.kill(pid!, 'SIGSTOP');
  const lines = Array.from({ length: 1500 }, (_, i) => `address add 10.4.${i >> 8}.${i & 255}/32 dev lo`);
  sh(`ip -batch ${writeLines(lines)}`);
  process.kill(pid!, 'SIGCONT');
  await until(() => losses === 1);
  t.not(notices.pid, pid, 'another process listens');

  process.kill(notices.pid!, 'SIGKILL');
  await until(() => losses === 2);
  changes = 0;
  sh('ip address add 10.5.0.1/32 dev lo');
  await until(() => changes > 0);
  t.ok(changes > 0);
});

function writeLines(lines: readonly string[]): string {
  const file = join(temporaryFolder(), 'batch');
  writeFileSync(file, lines.join('\n'));
  return file;
}
