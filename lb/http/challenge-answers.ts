import type { ChallengeAnswer } from '../control/messages.ts';
import type { LocalAnswer } from './local-answer.ts';
import type { RequestHead } from './request-head.ts';

/** RFC 8555 §8.3. */
const FOLDER = '/.well-known/acme-challenge/';

/**
 * What an authority is to find that asks whether a name is this host's. Any plane may be asked, on any http listener, before routes; what is not
 * in here is a request like others, as a server may order certificates of its own.
 */
export class ChallengeAnswers {
  private readonly answers = new Map<string, LocalAnswer>();

  /** Nothing is ordered: no request needs to be looked at. */
  get isEmpty(): boolean {
    return this.answers.size === 0;
  }

  replace(answers: readonly ChallengeAnswer[]): void {
    this.answers.clear();
    for (const answer of answers) {
      if (answer.type !== 'http-01') continue;
      const fields = 'Content-Type: application/octet-stream\r\n';
      this.answers.set(FOLDER + answer.token, { status: 200, fields, body: Buffer.from(answer.text) });
    }
  }

  find({ method, targetStart, pathEnd }: RequestHead, bytes: Buffer): LocalAnswer | undefined {
    if (method !== 'GET' && method !== 'HEAD') return undefined;
    return this.answers.get(bytes.latin1Slice(targetStart, pathEnd));
  }
}
