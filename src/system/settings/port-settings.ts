import { type PortRange, parsePortList, parsePortRange } from '../../../lb/kernel/port-settings.ts';
import { PORTS_PER_SOURCE } from '../demand.ts';
import { count } from '../format.ts';
import { sourcesFor } from '../needs.ts';
import type { Context, Judgement, Setting } from '../setting.ts';
import { oneOf, sysctl } from '../sysctl-setting.ts';

/** The kernel's own choice: wide enough for the programs beside Portico. */
const STOCK = '32768 60999';
/** Ports of the kernel's range that a reservation leaves to it. */
const LEFT_TO_KERNEL = 4096;

const inRange = (port: number, { low, high }: PortRange): boolean => port >= low && port <= high;

function judgeSources({ demand, machine }: Context): Judgement {
  const { ports, connections } = demand;
  // Not all ports of an address that others use, too, are Portico's.
  const isKnown = ports !== undefined && ports.connections > 0;
  const needed = isKnown ? Math.ceil((demand.sources * connections) / ports.connections) : sourcesFor(demand);
  const each = isKnown ? Math.floor(ports.connections / demand.sources / demand.destinations) : PORTS_PER_SOURCE;
  const formula = `${count(connections)} connections ÷ (${count(each)} ports × ${demand.destinations} servers)`;
  const common = { wanted: `at least ${needed}`, formula, changes: [] };
  if (ports === undefined) {
    const detail = `the sources of portico.yaml: at least ${needed} for one server`;
    return { ...common, severity: 'skip', current: undefined, detail };
  }
  const current = String(demand.sources);
  if (ports.connections >= connections) return { ...common, severity: 'pass', current };
  const range = machine.sysctl('net.ipv4.ip_local_port_range');
  const shared = demand.sharesAddresses
    ? `, without ${range}, which is left to the kernel on addresses that are not claimed`
    : '';
  const detail = `they have ports for ${count(ports.connections)} connections${shared}; give "sources" ${needed} addresses`;
  return { ...common, severity: 'fail', current, detail, manual: ['# in portico.yaml: sources[].addresses'] };
}

export const portSettings: readonly Setting[] = [
  {
    id: 'sources',
    title: 'source addresses',
    why: 'one source address reaches one server at most 64,512 times at once, ports 1024 to 65535',
    ifLeft: 'connections wait for a port, and then get 503',
    risk: 'an address that somebody else on the link has is taken from them; Portico asks before it claims one',
    judge: judgeSources,
  },
  sysctl({
    key: 'net.ipv4.ip_local_port_range',
    title: 'ports the kernel chooses',
    why: 'Portico names the port of every connection itself and leaves this range alone on addresses that others connect from too; so here wider means fewer ports',
    ifLeft: 'Portico has fewer ports on each address that is not claimed',
    risk: 'programs beside Portico have fewer ports towards one server',
    want: ({ demand }, current) => {
      if (!demand.sharesAddresses) return undefined;
      const range = parsePortRange(current);
      const isWider = range !== undefined && range.high - range.low > 60_999 - 32_768;
      return {
        ...oneOf([STOCK], 'no wider than the kernel’s default, for addresses that are not claimed'),
        severityOf: (value) => (value === current && !isWider ? 'pass' : value === STOCK ? 'pass' : 'warn'),
      };
    },
  }),
  sysctl({
    key: 'net.ipv4.ip_local_reserved_ports',
    title: 'ports the kernel leaves alone',
    why: 'a port that Portico listens on must not be somebody’s outgoing port when Portico starts',
    ifLeft: 'a start fails with «port in use» when a program happens to connect from that port',
    risk: 'programs beside Portico have fewer ports',
    want: ({ machine, demand }, current) => {
      const range = parsePortRange(machine.sysctl('net.ipv4.ip_local_port_range') ?? STOCK);
      const reserved = parsePortList(current);
      if (range === undefined || reserved === undefined) return undefined;
      const whole = { low: range.low, high: range.high - LEFT_TO_KERNEL };
      const isWhole = demand.usesReserved && whole.low < whole.high;
      const wanted: PortRange[] = [
        ...demand.listenerPorts.filter((port) => inRange(port, range)).map((port) => ({ low: port, high: port })),
        ...(isWhole ? [whole] : []),
      ];
      if (wanted.length === 0) return undefined;
      const holds = (list: readonly PortRange[]): boolean =>
        wanted.every(({ low, high }) => list.some((each) => each.low <= low && each.high >= high));
      const text = (list: readonly PortRange[]): string =>
        list.map(({ low, high }) => (low === high ? `${low}` : `${low}-${high}`)).join(',');
      const all = text(parsePortList(text([...reserved, ...wanted]))!);
      return {
        value: all,
        formula: isWhole
          ? `the range of the kernel but its last ${count(LEFT_TO_KERNEL)}, for "reserved_ports: use"`
          : 'the listeners’ ports that are within ip_local_port_range',
        severityOf: (value) => (holds(parsePortList(value) ?? []) ? 'pass' : 'warn'),
      };
    },
  }),
  sysctl({
    key: 'net.ipv4.tcp_tw_reuse',
    title: 'reuse of resting ports',
    why: 'a port that this side closed rests for a minute; with 1 it can be used again after one second',
    ifLeft: 'at many short connections a second most ports of a source rest, towards servers on other machines',
    risk: 'none with timestamps, which keep old packets out; they are not needed by peers that have none',
    want: () => oneOf(['1'], 'on, for all addresses; 2 is for loopback only'),
  }),
  sysctl({
    key: 'net.ipv4.tcp_tw_recycle',
    title: 'recycling by peer',
    why: 'removed from Linux 4.12, because it drops clients that share an address',
    ifLeft: 'clients behind NAT cannot connect, at random',
    risk: 'none',
    want: () => oneOf(['0'], 'never on', 'fail'),
  }),
  sysctl({
    key: 'net.ipv4.tcp_timestamps',
    title: 'timestamps',
    why: 'without them no resting port can be used again',
    ifLeft: 'a port rests for a minute, whatever tcp_tw_reuse says',
    risk: 'twelve bytes in each packet',
    want: () => oneOf(['1', '2'], 'on'),
  }),
];
