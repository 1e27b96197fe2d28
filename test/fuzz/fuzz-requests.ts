import { RawClient } from '../fixtures/raw-client.ts';
import { startPlane } from '../fixtures/running-plane.ts';
import { type Answer, readAnswer } from './answer-reader.ts';
import { split } from './mutate.ts';
import { randomOf } from './random.ts';
import { readRequests, type Stream } from './read-requests.ts';
import type { ReportingServer } from './reporting-servers.ts';
import { requestBytes } from './request-bytes.ts';
import { runCases, Tally } from './tally.ts';

const AT_ONCE = 24;
/** What Portico says for a server that says nothing. */
const UNANSWERED = new Set([502, 504]);

/**
 * Sends the bytes of each case through a plane to `server`, and compares what the server reports with what the plane's parsers make of the
 * same bytes. A request that the server refuses is no disagreement: it had no other reading of it. One that it leaves without an answer is
 * one, but for what a make is known not to read; and the server must have read as many requests as there are reports, not one more.
 */
export async function fuzzRequests(server: ReportingServer, seed: number, from: number, to: number): Promise<Tally> {
  const tally = new Tally();
  const plane = startPlane({ servers: [{ port: server.port }], backend: { retries: 0 } });
  const fallbackHost = `127.0.0.1:${plane.port}`;
  let reports = 0;
  const before = await server.count();
  const one = async (id: number): Promise<void> => {
    tally.cases++;
    const random = randomOf(seed, id);
    const bytes = requestBytes(random);
    const stream = readRequests(bytes, fallbackHost);
    // What follows an answer that closes meets a closed socket, and its reset may overtake the answer.
    const parts = stream.ends && stream.refused === undefined ? [bytes] : split(bytes, random);
    const client = new RawClient(plane.port);
    try {
      await compare(client, parts, stream, server, tally, () => {
        reports += 1;
      });
    } catch (error) {
      tally.disagree(seed, id, `${server.name}: ${(error as Error).message}`, bytes);
    } finally {
      client.close();
    }
  };
  await runCases(from, to, AT_ONCE, one);
  plane.stop();
  await plane.allPortsBack();
  const seen = (await server.count()) - before;
  if (seen !== reports)
    tally.disagree(seed, from, `${server.name} has read ${seen} requests, clients have ${reports} reports`, '');
  return tally;
}

/** uWebSockets.js 20 ends the connection instead of reading a field whose name has more than letters, digits and `-`. */
function isLeftUnread(server: ReportingServer, hasUnusualName: boolean): boolean {
  return server.name === 'uws' && hasUnusualName;
}

/** `onReport` runs for each report. Throws where the two differ. */
async function compare(
  client: RawClient,
  parts: readonly string[],
  stream: Stream,
  server: ReportingServer,
  tally: Tally,
  onReport: () => void,
): Promise<void> {
  client.socket.setNoDelay(true);
  for (const part of parts) {
    client.send(part);
    if (parts.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }
  let at = 0;
  for (const [i, expected] of stream.requests.entries()) {
    const answer = await next(client, at, expected.method === 'HEAD');
    if (answer === undefined && isRefusal(client.received.slice(at))) {
      // Refused before the end of its body, and reset with the rest of it unread: the refusal may not come whole.
      tally.count('refused by the server, and broken off');
      return;
    }
    if (answer === undefined)
      throw new Error(`no answer to ${JSON.stringify(expected)}, but the end: ${client.received.slice(at)}`);
    at = answer.end;
    const report = /\r\nx-report: (\S*)\r\n/i.exec(answer.head)?.[1];
    if (report === undefined) {
      if (UNANSWERED.has(answer.status) && !isLeftUnread(server, stream.haveUnusualNames[i]!))
        throw new Error(`${answer.status} to ${JSON.stringify(expected)}`);
      tally.count(`answered ${answer.status} by the server or for it`);
      // A server that refuses before the end of a body takes the connection with it.
      if (/\r\nConnection: close\r\n/.test(answer.head)) return;
      continue;
    }
    onReport();
    tally.count('read alike');
    const reading = decodeURIComponent(report);
    if (reading !== JSON.stringify(expected)) throw new Error(`read ${reading}, not ${JSON.stringify(expected)}`);
  }
  if (stream.refused !== undefined) {
    tally.count('refused');
    const refusal = await next(client, at, false);
    // What is wrong in a line that came in parts, and has no end, shows when the time for it is over.
    const isLate = refusal?.status === 408 && parts.length > 1;
    const isEarly = stream.hasOpenBody && refusal !== undefined && isRefusal(refusal.head);
    if (refusal === undefined || (refusal.status !== stream.refused && !isLate && !isEarly))
      throw new Error(`${refusal?.status ?? 'nothing'} instead of ${stream.refused}`);
    at = refusal.end;
  }
  if (!stream.ends) client.socket.end();
  await client.closed();
  // A body that does not end may have been asked for all the same.
  const rest = client.received.slice(at).replace(/^(HTTP\/1\.1 100 Continue\r\n(.+\r\n)*\r\n)*/, '');
  if (rest === '') return;
  if (!stream.hasOpenBody || !isRefusal(rest)) throw new Error(`more than the answers: ${JSON.stringify(rest)}`);
  tally.count('refused by the server before the end of a body that has none');
}

/** By a server, or Portico for it; of a request that it has not read whole. */
function isRefusal(text: string): boolean {
  return /^HTTP\/1\.1 [45]\d\d /.test(text) && !/\r\nx-report:/i.test(text);
}

/** Undefined when the connection ends before. */
async function next(client: RawClient, at: number, toHead: boolean): Promise<Answer | undefined> {
  for (;;) {
    const answer = readAnswer(client.received, at, toHead, client.isClosed);
    if (answer !== undefined || client.isClosed) return answer;
    const { length } = client.received;
    await client.until((received) => received.length > length).catch(() => {});
  }
}
