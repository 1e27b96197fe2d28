import type { FastifyReply } from 'fastify';
import { editText, type RuntimeEdit } from '../../config/edit-text.ts';
import type { Actor } from '../actor.ts';
import type { ConfigSource } from '../config-source.ts';
import type { Audit, AuditedChange } from '../events/audit.ts';
import { sendProblem } from '../problem.ts';

export interface RuntimeChangesDeps {
  readonly audit: Audit;
  /** Absent: there is no config file. */
  readonly config: ConfigSource | undefined;
}

export interface RuntimeChange extends Omit<AuditedChange, 'isKept'> {
  /** The same change in the config file; undefined: there is no place for it. */
  readonly edit: RuntimeEdit | undefined;
}

/** What becomes of a change after it was made: it is audited, and written into the config file if that is wanted. */
export class RuntimeChanges {
  private readonly deps: RuntimeChangesDeps;

  constructor(deps: RuntimeChangesDeps) {
    this.deps = deps;
  }

  /** Resolves with undefined when all is as wanted; else the problem has been sent, and the change is made all the same. */
  async settle(
    { edit, ...change }: RuntimeChange,
    isKept: boolean,
    actor: Actor,
    reply: FastifyReply,
  ): Promise<FastifyReply | undefined> {
    const trouble = isKept ? await this.keep(edit, actor) : undefined;
    await this.deps.audit.record(actor, { ...change, isKept: isKept && trouble === undefined });
    if (trouble === undefined) return undefined;
    return sendProblem(reply, 409, `The change was made, and not kept: ${trouble}`, { applied: true });
  }

  private async keep(edit: RuntimeEdit | undefined, actor: Actor): Promise<string | undefined> {
    const { config } = this.deps;
    if (config === undefined) return 'this Portico was started without a config file.';
    let hasPlace = true;
    const change = await config.keep((text) => {
      const edited = edit === undefined ? undefined : editText(text, edit);
      hasPlace = edited !== undefined;
      return edited;
    }, actor);
    if (change.ok) return undefined;
    return hasPlace ? change.detail : 'the config file has no place for it; change the file yourself.';
  }
}
