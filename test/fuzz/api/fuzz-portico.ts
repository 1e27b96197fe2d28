import http from 'node:http';
import { ApiFuzzer, type FuzzRequest } from '../../fixtures/api-fuzzer.ts';
import { KeptLoad } from '../../fixtures/kept-load.ts';
import { type Answer, OpenApiContract, type Operation } from '../../fixtures/openapi-contract.ts';
import { freePorts, PorticoProcess, writeConfig } from '../../fixtures/portico-process.ts';
import { Random } from '../random.ts';

export interface ApiFuzzOptions {
  readonly seed: number;
  readonly requests: number;
  /** Requests to the API under way at a time. */
  readonly clients?: number;
}

export interface ApiFuzzResult {
  readonly requests: number;
  readonly statuses: ReadonlyMap<number, number>;
  /** Operations that have succeeded at least once, and all that there are but for streams. */
  readonly succeeded: ReadonlySet<string>;
  readonly operations: readonly string[];
  /** Answers of 5xx that are none of those that say why, and answers that the description does not promise. At most a hundred. */
  readonly faults: readonly string[];
  readonly traffic: { readonly requests: number; readonly failures: readonly string[] };
  /** What Portico wrote of errors within its admin server. */
  readonly complaints: readonly string[];
}

/** The clients whose requests go through the balancer meanwhile. */
const TRAFFIC_CLIENTS = 4;
const MOST_FAULTS = 100;

/**
 * What the requests are about (`fuzzed`) is not what the traffic goes through: that an operator who takes every server of a backend away
 * disturbs its clients is as it should be.
 */
const configText = (port: number, admin: number): string => `# kept
planes: 2
admin: { listen: "127.0.0.1:${admin}" }
sources:
  - { name: default, addresses: [127.0.7.1-127.0.7.2] }
  - { name: fuzzed, addresses: [127.0.8.1-127.0.8.3] }
listeners:
  - name: web
    bind: 127.0.0.1:${port}
    routes: [{ path: /fuzzed, backend: fuzzed }, { backend: app }]
backends:
  - { name: app, workers: { module: builtin:echo, count: 1 } }
  - { name: fuzzed, source: fuzzed, servers: [{ address: 127.0.0.1:1 }, { address: 127.0.0.1:2, weight: 3 }] }
`;

/** Sends requests made from its own description to a real Portico that has traffic at the same time. */
export async function fuzzPortico({ seed, requests, clients = 8 }: ApiFuzzOptions): Promise<ApiFuzzResult> {
  const [port, admin] = await freePorts();
  const text = configText(port, admin);
  const portico = new PorticoProcess(['run', '-c', writeConfig(text)]);
  try {
    await portico.until(/Portico is running\./);
    const described = await send(admin, { method: 'GET', url: '/api/v1/openapi.json', headers: {}, body: undefined });
    const contract = new OpenApiContract(JSON.parse(described.body) as Record<string, unknown>);
    const load = new KeptLoad(port, TRAFFIC_CLIENTS);
    const run = new Run(contract, admin, text, seed);
    await Promise.all(Array.from({ length: clients }, () => run.client(requests)));
    await load.stop();
    portico.child.kill('SIGTERM');
    await portico.ended();
    return {
      requests: run.sent,
      statuses: run.statuses,
      succeeded: run.succeeded,
      operations: contract.operations.map(nameOf),
      faults: run.faults,
      traffic: load,
      complaints: portico.stderr.split('\n').filter((line) => line.includes('could not answer')),
    };
  } finally {
    portico.child.kill('SIGKILL');
    await portico.ended();
  }
}

class Run {
  sent = 0;
  readonly statuses = new Map<number, number>();
  readonly succeeded = new Set<string>();
  readonly faults: string[] = [];
  private readonly contract: OpenApiContract;
  private readonly admin: number;
  private readonly fuzzer: ApiFuzzer;

  constructor(contract: OpenApiContract, admin: number, text: string, seed: number) {
    this.contract = contract;
    this.admin = admin;
    this.fuzzer = new ApiFuzzer(new Random(seed), {
      backend: ['fuzzed'],
      server: ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'],
      address: ['127.0.0.1:3', '127.0.8.9'],
      pool: ['fuzzed'],
      ip: ['127.0.8.1', '127.0.8.2', '127.0.8.9'],
      listener: ['web'],
      source: ['127.0.8.1'],
      pair: ['127.0.8.1 127.0.0.1:1'],
      'if-match': ['*', '"x"', 'x'],
      text: [
        text,
        text,
        text.replace('weight: 3', 'weight: 4'),
        text.replace('127.0.8.1-127.0.8.3', '127.0.8.1-127.0.8.4'),
        text.replace('/fuzzed', '/other'),
        text.replace('name', 'nam'),
        '',
        'a: [',
      ],
    });
  }

  async client(requests: number): Promise<void> {
    const { operations } = this.contract;
    while (this.sent < requests) {
      const operation = operations[this.sent++ % operations.length]!;
      await this.one(operation, harmless(operation, this.fuzzer.request(operation)));
    }
  }

  private async one(operation: Operation, request: FuzzRequest): Promise<void> {
    try {
      const answer = await send(this.admin, request);
      const { status } = answer;
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      if (status < 300) this.succeeded.add(nameOf(operation));
      const fault = status === 500 ? 'an error within' : this.contract.check(operation, answer);
      if (fault !== undefined) this.blame(request, `${status} ${answer.body.slice(0, 300)}: ${fault}`);
    } catch (error) {
      this.blame(request, String(error));
    }
  }

  private blame({ method, url, body }: FuzzRequest, what: string): void {
    if (this.faults.length < MOST_FAULTS) this.faults.push(`${method} ${url} ${body?.slice(0, 300) ?? ''}: ${what}`);
  }
}

const nameOf = ({ method, path }: Operation): string => `${method} ${path}`;

/** Of what changes the machine itself only the dry run is asked for, and a drain goes no further than it can be taken back. */
function harmless({ method, path }: Operation, request: FuzzRequest): FuzzRequest {
  if (method === 'POST' && path === '/api/v1/drain') return { ...request, url: `${path}?hold=true` };
  if (!path.startsWith('/api/v1/system/') || request.body === undefined) return request;
  let value: unknown;
  try {
    value = JSON.parse(request.body);
  } catch {
    return request; // nobody can read it
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return request;
  return { ...request, body: JSON.stringify({ ...value, dry_run: true }) };
}

/** Rejects when there is no answer. Of a stream only the head is read. */
function send(port: number, { method, url, headers, body }: FuzzRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ port, host: '127.0.0.1', method, path: url, headers, agent: false }, (response) => {
      const { statusCode: status = 0, headers: fields } = response;
      const type = fields['content-type'];
      if (type?.startsWith('text/event-stream') === true) {
        request.destroy();
        resolve({ status, type, body: '' });
        return;
      }
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('error', reject).on('end', () => resolve({ status, type, body: text }));
    });
    request.on('error', reject).end(body);
  });
}
