import { randomBytes } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import type { Fault } from '../../config/fault.ts';
import type { Actor } from '../actor.ts';
import type { AdminApp } from '../admin-app.ts';
import type { AdminSource } from '../admin-source.ts';
import { CoveredConfig } from '../config/covered-config.ts';
import { runningDifferences } from '../config/running-differences.ts';
import type { ConfigChange, ConfigRefusal, ConfigSource } from '../config-source.ts';
import type { Audit } from '../events/audit.ts';
import { parseIfMatch } from '../if-match.ts';
import { sendProblem } from '../problem.ts';
import { ChangeAnswer, ConfigAnswer, IfMatch, PutQuery, RollbackQuery, TextBody, Verdict } from './config-schema.ts';

const URL = '/api/v1/config';

export interface ConfigRoutesDeps {
  readonly source: AdminSource;
  /** Absent: Portico was started by a program with a config of its own, and there is no file. */
  readonly config: ConfigSource | undefined;
  readonly audit: Audit;
}

/** `GET` and `PUT /api/v1/config`, `POST /api/v1/config/validate` and `/rollback`. */
export function configRoutes(app: AdminApp, deps: ConfigRoutesDeps): void {
  const { config } = deps;
  const covered = new CoveredConfig(randomBytes(32));
  // For `curl --data-binary @portico.yaml`: pages of other origins may not send this type without asking first.
  app.addContentTypeParser('application/yaml', { parseAs: 'string' }, (_request, text, done) => done(null, { text }));

  app.get(
    URL,
    {
      config: { problems: [409] },
      schema: {
        summary: 'The config file, and where what runs is not what it says',
        tags: ['config'],
        response: { 200: ConfigAnswer },
      },
    },
    async (_request, reply) => {
      if (config === undefined) return noFile(reply) as never;
      const current = await config.current();
      if ('ok' in current) return refuse(reply, current) as never;
      const running = config.running();
      const state = { backends: deps.source.backends(), sources: deps.source.sources() };
      reply.header('ETag', `"${current.etag}"`);
      return {
        file: config.file,
        text: covered.text(current.text),
        etag: current.etag,
        is_running: current.etag === running.etag,
        can_roll_back: config.previous() !== undefined,
        differences:
          runningDifferences(current.text, running.text, state)?.map((each) => covered.difference(each)) ?? null,
      };
    },
  );

  app.put(
    URL,
    {
      config: { problems: [409, 412, 422, 428, 503], alsoTakes: ['application/yaml'] },
      schema: {
        summary: 'Put another config in force',
        tags: ['config'],
        headers: IfMatch,
        querystring: PutQuery,
        body: TextBody,
        response: { 200: ChangeAnswer },
      },
    },
    async (request, reply) => {
      if (config === undefined) return noFile(reply) as never;
      const { dry_run: isDryRun, keep: isKept } = request.query;
      const field = request.headers['if-match'];
      if (field === undefined) {
        return sendProblem(
          reply,
          428,
          'Say in If-Match which config this is to replace: the ETag that GET gave.',
        ) as never;
      }
      const wanted = parseIfMatch(field);
      if (wanted === undefined) return sendProblem(reply, 400, 'If-Match is no list of entity tags.') as never;
      const current = await config.current();
      if ('ok' in current) return refuse(reply, current) as never;
      if (wanted !== 'any' && !wanted.includes(current.etag)) return sendProblem(reply, 412, CHANGED) as never;
      const text = covered.reveal(request.body.text, [current.text, config.running().text], config.file);
      if (typeof text !== 'string') return sendFaults(reply, [text]) as never;
      const ifMatch = wanted === 'any' ? undefined : current.etag;
      const change = await config.apply(text, { ifMatch, isDryRun, isKept, actor: request.actor });
      if (!change.ok) return refuse(reply, change) as never;
      if (!isDryRun) await record(request.actor, 'config.put', current.etag, change, isKept);
      return answer(reply, change, isDryRun, isKept);
    },
  );

  app.post(
    `${URL}/validate`,
    {
      config: { problems: [409], alsoTakes: ['application/yaml'], isReading: true },
      schema: {
        summary: 'Say what is wrong with a config',
        tags: ['config'],
        body: TextBody,
        response: { 200: Verdict },
      },
    },
    async (request, reply) => {
      if (config === undefined) return noFile(reply) as never;
      const current = await config.current();
      const originals = [...('ok' in current ? [] : [current.text]), config.running().text];
      const text = covered.reveal(request.body.text, originals, config.file);
      if (typeof text !== 'string') return { valid: false, faults: [text], warnings: [] };
      const verdict = config.validate(text);
      return verdict.ok
        ? { valid: true, faults: [], warnings: [...verdict.warnings] }
        : { valid: false, faults: [...verdict.faults], warnings: [] };
    },
  );

  app.post(
    `${URL}/rollback`,
    {
      config: { problems: [409, 412, 422, 503] },
      schema: {
        summary: 'Go back to the config before the last change',
        tags: ['config'],
        querystring: RollbackQuery,
        response: { 200: ChangeAnswer },
      },
    },
    async (request, reply) => {
      if (config === undefined) return noFile(reply) as never;
      const { dry_run: isDryRun } = request.query;
      const before = config.running().etag;
      const change = await config.rollback({ isDryRun, actor: request.actor });
      if (!change.ok) return refuse(reply, change) as never;
      if (!isDryRun) await record(request.actor, 'config.rollback', before, change, true);
      return answer(reply, change, isDryRun, true);
    },
  );

  type Made = Extract<ConfigChange, { readonly ok: true }>;

  const jsonChanges = ({ changes }: Made) => changes.map((each) => covered.difference(each));

  async function record(actor: Actor, action: string, etag: string, change: Made, isKept: boolean): Promise<void> {
    const after = { etag: change.etag, changes: jsonChanges(change) };
    await deps.audit.record(actor, { action, target: 'config', before: { etag }, after, isKept });
  }

  function answer(reply: FastifyReply, change: Made, isDryRun: boolean, isKept: boolean) {
    reply.header('ETag', `"${change.etag}"`);
    return {
      dry_run: isDryRun,
      kept: isKept && !isDryRun,
      etag: change.etag,
      changes: jsonChanges(change),
      warnings: [...change.warnings],
      needs_restart: [...change.needsRestart],
    };
  }
}

const CHANGED = 'The config is another one by now: read it again, and make your change in that.';

function noFile(reply: FastifyReply): FastifyReply {
  return sendProblem(reply, 409, 'This Portico was started without a config file.');
}

function sendFaults(reply: FastifyReply, faults: readonly Fault[]): FastifyReply {
  return sendProblem(reply, 422, 'The config is not valid.', { faults });
}

function refuse(reply: FastifyReply, refusal: ConfigRefusal): FastifyReply {
  switch (refusal.reason) {
    case 'faults':
      return sendFaults(reply, refusal.faults);
    case 'changed':
      return sendProblem(reply, 412, CHANGED);
    case 'no-previous':
    case 'failed':
    case 'file':
      return sendProblem(reply, 409, refusal.detail);
    case 'stopping':
      return sendProblem(reply, 503, refusal.detail);
    default:
      return refusal satisfies never;
  }
}
