import type { Change } from './setting.ts';

/** Not Portico's own file: what a person writes there is for a person to take back. */
const BY_HAND = '90-local-portico.conf';

/** What root would type to the same end, now and for good. */
export function commandsFor(changes: readonly Change[]): string[] {
  return changes.flatMap((change) => {
    switch (change.kind) {
      case 'sysctl':
        return [
          `sysctl -w ${change.key}='${change.value}'`,
          `echo '${change.key} = ${change.value}' >> /etc/sysctl.d/${BY_HAND}`,
        ];
      case 'limits':
        return [`echo '${change.line}' >> /etc/security/limits.d/${BY_HAND}`];
      case 'service':
        return [
          'mkdir -p /etc/systemd/system/portico.service.d',
          `printf '[Service]\\n${change.line}\\n' > /etc/systemd/system/portico.service.d/${BY_HAND}`,
          'systemctl daemon-reload',
        ];
      default:
        return change satisfies never;
    }
  });
}

export function takeBackFor(id: string, changes: readonly Change[], current: string | undefined): string[] {
  if (changes.length === 0) return [];
  const byHand = changes.flatMap((change) =>
    change.kind === 'sysctl' && current !== undefined ? [`sysctl -w ${change.key}='${current}'`] : [],
  );
  return [`portico undo --only ${id}`, ...byHand.map((command) => `# or, by hand: ${command}`)];
}
