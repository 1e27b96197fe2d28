import type { Json } from './named-schemas.ts';

type Mapping = { readonly [key: string]: Json };

/** In the page, and by its hash in the policy. */
export const DOCS_STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 64rem; margin: 0 auto; padding: 1rem; }
section { border-top: 1px solid #8886; padding-bottom: 1rem; }
h2 { font-size: 1.1rem; margin-bottom: 0; } h3 { font-size: 1rem; margin-bottom: 0; }
code, pre { font: 0.875rem/1.4 ui-monospace, monospace; }
pre { overflow: auto; padding: 0.5rem; background: #8881; }
.method { display: inline-block; min-width: 4rem; font-weight: 700; }
table { border-collapse: collapse; } td, th { text-align: left; vertical-align: top; padding: 0.1rem 1rem 0.1rem 0; }
`;

/** The API for people to read: one page, no script, nothing from elsewhere. */
export function docsPage(document: Mapping): string {
  const { title = '', version = '', description = '' } = (document.info ?? {}) as Mapping;
  const operations = Object.entries((document.paths ?? {}) as Mapping).flatMap(([path, item]) =>
    Object.entries(item as Mapping).map(([method, operation]) => ({ path, method, operation: operation as Mapping })),
  );
  const schemas = Object.entries(((document.components as Mapping | undefined)?.schemas ?? {}) as Mapping);
  return [
    '<!doctype html>',
    '<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>${asText(title)}</title><style>${DOCS_STYLE}</style>`,
    `<h1>${asText(title)} <small>${asText(version)}</small></h1>`,
    `<p>${asText(description)} The same for programs: <a href="/api/v1/openapi.json">OpenAPI 3.1</a>.</p>`,
    '<nav aria-label="Operations"><ul>',
    ...operations.map(
      ({ path, method, operation }) =>
        `<li><a href="#${anchor(method, path)}"><code>${method.toUpperCase()} ${asText(path)}</code></a> ${asText(operation.summary)}</li>`,
    ),
    '</ul></nav><main>',
    ...operations.map(({ path, method, operation }) => describe(path, method, operation)),
    '<h2>Schemas</h2>',
    ...schemas.map(
      ([name, schema]) => `<section id="${asText(name)}"><h3>${asText(name)}</h3>${schemaBlock(schema)}</section>`,
    ),
    '</main></html>',
    '',
  ].join('\n');
}

function describe(path: string, method: string, operation: Mapping): string {
  const parameters = ((operation.parameters ?? []) as readonly Mapping[]).map(
    ({ name, in: where, required, schema, description }) =>
      `<tr><td><code>${asText(name)}</code></td><td>${asText(where)}${required === true ? ', required' : ''}</td><td>${asText(description)} <code>${asText(JSON.stringify(schema))}</code></td></tr>`,
  );
  const body = ((operation.requestBody as Mapping | undefined)?.content ?? {}) as Mapping;
  const responses = Object.entries((operation.responses ?? {}) as Mapping);
  const problems = responses.filter(([, response]) => '$ref' in (response as Mapping)).map(([status]) => status);
  return [
    `<section id="${anchor(method, path)}">`,
    `<h2><span class="method">${method.toUpperCase()}</span> <code>${asText(path)}</code></h2>`,
    `<p>${asText(operation.summary)} ${asText(operation.description)}</p>`,
    parameters.length === 0 ? '' : `<table>${parameters.join('')}</table>`,
    ...Object.entries(body).map(
      ([type, media]) => `<h3>Body: ${asText(type)}</h3>${schemaBlock((media as Mapping).schema)}`,
    ),
    ...responses.flatMap(([status, response]) =>
      contentOf(response).map(([type, schema]) => `<h3>${status}: ${asText(type)}</h3>${schemaBlock(schema)}`),
    ),
    `<p>Problems: ${problems.join(', ')}</p>`,
    '</section>',
  ].join('\n');
}

function contentOf(response: Json): [string, Json][] {
  const content = ((response as Mapping).content ?? {}) as Mapping;
  return Object.entries(content).map(([type, media]) => [type, (media as Mapping).schema ?? {}]);
}

function schemaBlock(schema: Json | undefined): string {
  const text = asText(JSON.stringify(schema, undefined, 2));
  return `<pre>${text.replaceAll(/#\/components\/schemas\/(\w+)/g, '<a href="#$1">$1</a>')}</pre>`;
}

function anchor(method: string, path: string): string {
  return asText(`${method}${path.replaceAll(/[^\w.]+/g, '-')}`);
}

function asText(value: Json | undefined): string {
  return String(value ?? '').replaceAll(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
