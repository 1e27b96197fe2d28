import { choice, closed, count, flag, optional } from './schema-parts.ts';
import { Type } from './typebox.ts';

// Routes, and what is done to the requests and answers that take them.

const valueMatch = (what: string, from: string) =>
  optional(
    Type.Array(
      Type.Object(
        {
          name: Type.String({ minLength: 1, description: `Name of the ${what}` }),
          present: optional(
            Type.Boolean({ description: `Whether there has to be one; alone or absent: there has to` }),
          ),
          exact: optional(Type.String({ description: 'The whole value' })),
          prefix: optional(Type.String({ minLength: 1, description: 'How the value starts' })),
          regex: optional(Type.String({ minLength: 1, description: 'Found in the value (RE2 syntax)' })),
        },
        closed,
      ),
      { minItems: 1, description: `What the ${from} must have, all of it` },
    ),
  );

const HeaderValues = (what: string) =>
  optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
      description: `${what}, as a mapping of name to value`,
    }),
  );

/** `where`: of what, for the reference. */
export const headerEdits = (where: string) =>
  optional(
    Type.Object(
      {
        remove: optional(Type.Array(Type.String(), { description: 'Names of header fields to take out' })),
        set: HeaderValues('Fields that replace all of the same name'),
        add: HeaderValues('Fields to add'),
      },
      { ...closed, description: where },
    ),
  );

const Rewrite = Type.Object(
  {
    host: optional(Type.String({ minLength: 1, description: 'Host that the server is asked for' })),
    path: optional(
      Type.String({
        pattern: '^/',
        description: 'Path instead of the whole one; $1 to $9 are groups of the path’s regex',
      }),
    ),
    prefix: optional(Type.String({ pattern: '^/', description: 'Path instead of the prefix that the route matches' })),
  },
  { ...closed, description: 'What the server is asked for instead' },
);

const Redirect = Type.Object(
  {
    scheme: optional(choice('Scheme to go to', ['http', 'https'])),
    host: optional(Type.String({ minLength: 1, description: 'Host to go to' })),
    port: optional(Type.Integer({ minimum: 1, maximum: 65_535, description: 'Port to go to' })),
    path: optional(
      Type.String({ pattern: '^/', description: 'Path to go to; $1 to $9 are groups of the path’s regex' }),
    ),
    prefix: optional(Type.String({ pattern: '^/', description: 'Path instead of the prefix that the route matches' })),
    query: optional(choice('What becomes of the query', ['keep', 'drop'], 'keep')),
    status: optional(
      Type.Union(
        [301, 302, 303, 307, 308].map((status) => Type.Literal(status)),
        { description: 'Status of the answer; 301, 302, 303, 307 or 308', default: 308 },
      ),
    ),
  },
  { ...closed, description: 'Instead of a backend: send the client elsewhere' },
);

const Answer = Type.Object(
  {
    status: count('Status of the answer', 200, 599, 200),
    body: optional(Type.String({ maxLength: 65_536, description: 'Its body' })),
    content_type: optional(
      Type.String({ minLength: 1, description: 'What the body is', default: 'text/plain; charset=utf-8' }),
    ),
  },
  { ...closed, description: 'Instead of a backend: Portico answers itself' },
);

export const Route = Type.Object(
  {
    host: optional(
      Type.String({
        minLength: 1,
        description:
          'Host name, or *.name for every name below it; with :port only requests for that port. Absent: every host',
      }),
    ),
    path: optional(
      Type.Union(
        [
          Type.String({ pattern: '^/' }),
          Type.Object({ exact: Type.String({ pattern: '^/' }) }, closed),
          Type.Object({ regex: Type.String({ minLength: 1 }) }, closed),
        ],
        {
          description:
            'Prefix of the path, on whole segments; or { exact: /path }, or { regex: ^/x } (RE2 syntax, found anywhere in the path). Absent: every path',
        },
      ),
    ),
    methods: optional(
      Type.Array(Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" }), {
        minItems: 1,
        description: 'Methods, in upper case as they are sent. Absent: every method',
      }),
    ),
    scheme: optional(
      choice('How the client came: by TLS or not, at a trusted proxy if there is one', ['http', 'https']),
    ),
    headers: valueMatch('header field', 'request’s header'),
    query: valueMatch('parameter', 'query'),
    backend: optional(Type.String({ description: 'Name of the backend' })),
    split: optional(
      Type.Array(
        Type.Object(
          {
            backend: Type.String({ description: 'Name of the backend' }),
            weight: Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Its share of the requests' }),
          },
          closed,
        ),
        { minItems: 1, description: 'Instead of one backend: several, each with a share' },
      ),
    ),
    redirect: optional(Redirect),
    answer: optional(Answer),
    rewrite: optional(Rewrite),
    request_headers: headerEdits('What to change in the header of the request'),
    response_headers: headerEdits('What to change in the header of the answer'),
    mirror: optional(
      Type.Object(
        {
          backend: Type.String({ description: 'Name of the backend' }),
          percent: optional(
            Type.Number({ minimum: 0, maximum: 100, description: 'How many of the requests', default: 100 }),
          ),
        },
        {
          ...closed,
          description:
            'Send a copy of the request there as well, and throw the answer away; WebSockets and requests with more than 16 KiB of body are not copied',
        },
      ),
    ),
    upgrades: optional(
      Type.Array(Type.String({ pattern: '^[A-Za-z0-9._+-]+(/[A-Za-z0-9._+-]+)?$' }), {
        minItems: 1,
        description:
          'Protocols besides websocket that servers may switch to, as in the Upgrade field: tcp (Docker), SPDY/3.1 (Kubernetes). What follows is relayed unseen. Absent: none',
      }),
    ),
    early_data: flag('Allow TLS 0-RTT on this route'),
  },
  closed,
);
