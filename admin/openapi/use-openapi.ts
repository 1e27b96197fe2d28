import { STATUS_CODES } from 'node:http';
import swagger from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import { Type } from '../../config/typebox.ts';
import type { AdminApp } from '../admin-app.ts';
import { problemsOf } from './route-config.ts';

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'What is wrong, for a person' }),
  },
  { title: 'Problem', description: 'RFC 9457; some problems have members of their own', additionalProperties: true },
);

/** Collects the routes that are added after it, in a plugin of their own, for `app.swagger()`. */
export function useOpenApi(app: AdminApp, version: string): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Portico admin API',
        version,
        description: 'What a running Portico does, and how to change it. Errors are problem details (RFC 9457).',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'Asked for where admin.token_file is set' },
        },
      },
      security: [{}, { token: [] }],
    },
    transform: ({ schema, url, route }) => {
      const { problems, alsoTakes = [], isUndocumented } = route.config ?? {};
      if (isUndocumented === true) return { schema: { ...schema, hide: true } as FastifySchema, url };
      const { response, body, ...rest } = schema ?? {};
      const own = (response ?? {}) as Record<string, unknown>;
      const known = problemsOf(problems, body !== undefined).map((status) => [status, problem(status)]);
      return {
        url,
        schema: {
          ...rest,
          ...(body === undefined ? {} : { body: withTypes(body, alsoTakes) }),
          // What a route says itself goes first.
          response: { ...Object.fromEntries(known), ...Object.fromEntries(Object.entries(own).map(withDescription)) },
        } as FastifySchema,
      };
    },
  });
}

const problem = (status: number) => ({
  description: STATUS_CODES[status] ?? 'Error',
  content: { 'application/problem+json': { schema: Problem } },
});

function withDescription([status, schema]: [string, unknown]): [string, unknown] {
  const response = 'content' in (schema as object) ? schema : { content: { 'application/json': { schema } } };
  return [status, { description: STATUS_CODES[status] ?? '', ...(response as object) }];
}

function withTypes(body: unknown, types: readonly string[]): unknown {
  if (types.length === 0) return body;
  const more = types.map((type) => [type, { schema: { type: 'string' } }]);
  return { content: { 'application/json': { schema: body }, ...Object.fromEntries(more) } };
}
