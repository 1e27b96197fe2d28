import { cancel, confirm, isCancel, multiselect, select, text } from '@clack/prompts';

/** The person pressed Ctrl-C or Escape; nothing was changed. */
export class CancelledError extends Error {
  readonly code = 'CANCELLED';
}

function answered<T>(answer: T | symbol): Exclude<T, symbol> {
  if (isCancel(answer)) {
    cancel('Given up; nothing was changed.');
    throw new CancelledError('given up');
  }
  return answer as Exclude<T, symbol>;
}

export async function askYesNo(message: string, initialValue = true): Promise<boolean> {
  return answered(await confirm({ message, initialValue }));
}

export async function askText(
  message: string,
  initial: string,
  validate: (value: string) => string | undefined,
): Promise<string> {
  // An empty answer is the one that is shown.
  const answer = await text({
    message,
    placeholder: initial,
    defaultValue: initial,
    validate: (value) => (value === undefined || value === '' ? undefined : validate(value)),
  });
  return answered(answer);
}

export interface Choice<T> {
  readonly value: T;
  readonly label: string;
  readonly hint?: string;
}

export async function askOne<const T extends string>(message: string, choices: readonly Choice<T>[]): Promise<T> {
  return answered(await select({ message, options: choices as never })) as T;
}

/** All are chosen at first. */
export async function askSome(message: string, choices: readonly Choice<string>[]): Promise<string[]> {
  const all = choices.map(({ value }) => value);
  return answered(
    await multiselect({ message, options: choices as never, initialValues: all, required: false }),
  ) as string[];
}
