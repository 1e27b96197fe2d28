import { setDrainHandler } from './drain.ts';
import { workerLink } from './link.ts';
import { loadUws, type TemplatedApp } from './uws.ts';

export type { HttpRequest, HttpResponse, TemplatedApp, WebSocket, WebSocketBehavior } from './uws.ts';

export interface ServeOptions {
  /** Where to listen when Portico does not say; under Portico always a free port of 127.0.0.1. */
  readonly host?: string;
  readonly port?: number;
  /** The path of the health check, answered with 200; false leaves it to the app. Default `/healthz`. */
  readonly health?: string | false;
}

/**
 * Runs a uWebSockets.js app as a worker: `routes` puts its routes on the app, and this listens, tells Portico the port, answers the
 * health check, and closes when Portico drains. Resolves with the port. Works without Portico as well.
 *
 * Handlers that answer before they return can take pipelined requests (`pipelining` in portico.yaml). uWebSockets.js closes a connection
 * on which a second request arrives before the first is answered, so a backend with handlers that answer later must keep
 * `pipelining: 1`, the default.
 */
export function serve(routes: (app: TemplatedApp) => void, options: ServeOptions = {}): Promise<number> {
  const { host = '127.0.0.1', port = 0, health = '/healthz' } = options;
  const uws = loadUws();
  // Leaves out the header that names uWebSockets and its version; the number is the switch that its author gives for that.
  uws._cfg('999999990007');
  const app = uws.App();
  if (health !== false) app.get(health, (response) => void response.end('ok'));
  routes(app);
  const link = workerLink();
  const isSupervised = link !== undefined;
  return new Promise((resolve, reject) => {
    app.listen(isSupervised ? '127.0.0.1' : host, isSupervised ? 0 : port, (socket) => {
      if (socket === false) {
        reject(new Error(`cannot listen on ${host}:${port}; is another program there?`));
        return;
      }
      const bound = uws.us_socket_local_port(socket);
      link?.listening(bound);
      setDrainHandler(() => {
        uws.us_listen_socket_close(socket);
        process.exit(0);
      });
      resolve(bound);
    });
  });
}
