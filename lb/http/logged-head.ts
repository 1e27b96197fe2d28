import type { LoggedRequest } from '../access-log/log-format.ts';
import type { RequestHead } from './request-head.ts';

/** A request head as the access log reads it. */
export class LoggedHead implements LoggedRequest {
  bytes!: Buffer;
  methodStart = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  hostStart = 0;
  hostEnd = 0;
  isOld = false;
  private head!: RequestHead;

  of(head: RequestHead, bytes: Buffer): this {
    this.head = head;
    this.bytes = bytes;
    this.methodStart = head.methodStart;
    this.methodEnd = head.methodEnd;
    this.targetStart = head.targetStart;
    this.targetEnd = head.targetEnd;
    this.hostStart = head.hostStart;
    this.hostEnd = head.hostEnd;
    this.isOld = head.isOld;
    return this;
  }

  findField(name: string): number {
    return this.head.fields.find(this.bytes, name);
  }

  valueStart(field: number): number {
    return this.head.fields.valueStart(field);
  }

  valueEnd(field: number): number {
    return this.head.fields.valueEnd(field);
  }
}
