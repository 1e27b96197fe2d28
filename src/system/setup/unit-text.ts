export interface UnitOptions {
  /** The command line that runs Portico, without its config. */
  readonly command: readonly string[];
  /** Absolute. */
  readonly config: string;
  /** Addresses are claimed, or the kernel forwards. */
  readonly needsNetAdmin: boolean;
  /** A listener has a port below 1024. */
  readonly needsLowPorts: boolean;
  readonly nofile: number;
  /** It can tell systemd that it is ready. */
  readonly notifies: boolean;
}

/**
 * A unit for systemd that gives Portico what it needs and no more. The user is made with the start and goes with the stop, so that no file
 * of others is edited; where there is a user `portico` already, systemd takes that one.
 */
export function unitText({ command, config, needsNetAdmin, needsLowPorts, nofile, notifies }: UnitOptions): string {
  const capabilities = [
    ...(needsNetAdmin ? ['CAP_NET_ADMIN'] : []),
    ...(needsLowPorts ? ['CAP_NET_BIND_SERVICE'] : []),
  ].join(' ');
  return `# Written by Portico; \`portico undo\` takes it back. Changes made here by hand keep it from doing so.
[Unit]
Description=Portico load balancer
Documentation=https://www.npmjs.com/package/portico
Wants=network-online.target
After=network-online.target

[Service]
${notifies ? 'Type=notify\nNotifyAccess=main\nWatchdogSec=30\n' : 'Type=exec\n'}ExecStart=${[...command, 'run', '-c', config].map(quote).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=1
# Planes and workers serve on when the primary dies, and the next one takes them over; at a stop the primary drains them itself.
KillMode=process
RuntimeDirectoryPreserve=restart
TimeoutStopSec=60
LimitNOFILE=${nofile}
TasksMax=infinity

User=portico
DynamicUser=yes
ConfigurationDirectory=portico
RuntimeDirectory=portico
AmbientCapabilities=${capabilities}
CapabilityBoundingSet=${capabilities}
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`;
}

/** systemd.service(5): quotes around a word with white space, and % doubled. */
function quote(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('\\', '\\\\');
  return /[\s"';$]/.test(word) ? `"${escaped.replaceAll('"', '\\"').replaceAll('$', '$$$$')}"` : escaped;
}
