import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const TIMEOUT_MS = 10_000;

/** Has systemd read its files again, where it runs. Throws where it does not answer. */
export function reloadServices(): void {
  if (!existsSync('/run/systemd/system')) return;
  const { status, error, stderr } = spawnSync('systemctl', ['daemon-reload'], {
    timeout: TIMEOUT_MS,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(error?.message ?? stderr.trim());
}
