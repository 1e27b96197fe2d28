import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpuMicroseconds } from '../process-usage.ts';
import type { Scenario } from '../scenarios.ts';
import { ratios } from '../statistics.ts';
import { spread } from './throughput.ts';

export const CLIENT = new URL('../load/websocket-client.js', import.meta.url);
const CONNECTIONS = 64;

export const webSocketEcho: Scenario = {
  name: 'websocket-echo',
  run: async (subjects, { rounds, seconds }) => {
    const compared = [subjects.pipelined, subjects.haproxy, subjects.nginx];
    const rates = new Map(compared.map(({ name }) => [name, { perSecond: [] as number[], cpu: [] as number[] }]));
    for (let round = 0; round < rounds; round++) {
      for (const { name, port, pid } of compared) {
        const client = fork(CLIENT, [String(port), String(CONNECTIONS), String(seconds)]);
        await once(client, 'message');
        const before = cpuMicroseconds(pid);
        const [{ messages }] = (await once(client, 'message')) as [{ messages: number }];
        const cpu = cpuMicroseconds(pid) - before;
        rates.get(name)!.perSecond.push(messages / seconds);
        rates.get(name)!.cpu.push(cpu / messages);
      }
    }
    const reference = rates.get(subjects.haproxy.name)!;
    return {
      title: 'WebSocket echo',
      text: `Messages of 16 bytes over ${CONNECTIONS} WebSockets, each sent when the one before has come back.`,
      columns: ['balancer', 'messages/s', '× HAProxy', 'CPU µs per message', '× HAProxy'],
      rows: compared.map(({ name }) => {
        const { perSecond, cpu } = rates.get(name)!;
        return [
          name,
          spread(perSecond, 0),
          spread(ratios(perSecond, reference.perSecond), 2),
          spread(cpu, 1),
          spread(ratios(cpu, reference.cpu), 2),
        ];
      }),
      targets: [],
    };
  },
};
