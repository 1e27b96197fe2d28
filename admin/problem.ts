import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { AdminApp } from './admin-app.ts';

export type OnError = (error: unknown) => void;

const TYPE = 'application/problem+json';

const problem = (status: number, detail: string, more: object = {}): string =>
  JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, ...more });

/** An error as RFC 9457 problem details; `more` are members of its own. */
export function sendProblem(reply: FastifyReply, status: number, detail: string, more?: object): FastifyReply {
  return reply
    .code(status)
    .type(TYPE)
    .send(problem(status, detail, more));
}

/** Makes problem details of every error and of every path that is not there. */
export function useProblems(app: AdminApp, onError: OnError): void {
  app.setErrorHandler((error: Partial<FastifyError>, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) onError(error);
    return sendProblem(reply, status, status < 500 ? `${error.message}.` : 'The request could not be answered.');
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, 404, `There is nothing at ${request.method} ${request.url}.`),
  );
}

/** For requests whose URL no route can be looked up for; hooks have not run. */
export function answerBadRequest(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(reply, error.statusCode ?? 400, `${error.message}.`);
}

/** For what is not HTTP: there is no request to reply to, only the socket. */
export function answerMalformed(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const body = problem(status, 'The request could not be read.');
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroy(error);
}
