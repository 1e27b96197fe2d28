/** What routes look at in a request. Reading a part may cost something; none is read that no route asks for. */
export interface RouteRequest {
  /** In lower case, with its port if the client gave one. */
  readonly host: string;
  /** As it was sent, without the query. */
  readonly path: string;
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** The values of all fields of that name, joined with a comma (RFC 9110 §5.3). `name` in lower case. */
  header(name: string): string | undefined;
  /** The first parameter of that name, decoded. */
  parameter(name: string): string | undefined;
}
