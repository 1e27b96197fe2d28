import { readBootValue } from './boot-values.ts';
import { normalise } from './machine.ts';
import type { Change, Context, Judgement, Setting, Severity } from './setting.ts';

/** What a setting of the kernel should be for a demand. */
export interface Want {
  /** What it is set to. */
  readonly value: string;
  /** As a person reads it. Default: the value. */
  readonly shown?: string;
  readonly formula: string;
  severityOf(current: string): Exclude<Severity, 'skip'>;
}

export interface SysctlEntry extends Omit<Setting, 'id' | 'judge'> {
  readonly key: string;
  /** Undefined: the demand does not depend on it. `current` has one space between numbers. */
  want(context: Context, current: string): Want | undefined;
}

/** A setting of the kernel, changed at once and in sysctl.d. */
export function sysctl({ key, want, ...texts }: SysctlEntry): Setting {
  return {
    id: key,
    ...texts,
    judge: (context) => judge(key, context, want),
  };
}

function judge(key: string, context: Context, want: SysctlEntry['want']): Judgement {
  const current = context.machine.sysctl(key);
  if (current === undefined)
    return { severity: 'skip', current, wanted: '', formula: 'not on this kernel', changes: [] };
  const wish = want(context, current);
  if (wish === undefined) {
    return { severity: 'skip', current, wanted: current, formula: 'not needed for this demand', changes: [] };
  }
  const severity = wish.severityOf(current);
  const changes: Change[] = [{ kind: 'sysctl', key, value: wish.value }];
  const common = { current, wanted: wish.shown ?? wish.value, formula: wish.formula };
  if (severity !== 'pass') return { ...common, severity, changes };
  const boot = readBootValue(context.machine, key);
  if (boot === undefined || wish.severityOf(normalise(boot.value)) === 'pass')
    return { ...common, severity, changes: [] };
  const detail = `${boot.file} sets it to ${boot.value} at every start of the machine`;
  return boot.isLast
    ? { ...common, severity: 'warn', detail, changes: [], manual: [`# in ${boot.file}: ${key} = ${wish.value}`] }
    : { ...common, severity: 'warn', detail, changes };
}

/** Below `value` a warning; below `need`, where the target is out of reach, a failure. */
export function atLeast(value: number, formula: string, need = 0): Want {
  return {
    value: String(value),
    shown: `at least ${value}`,
    formula,
    severityOf: (current) => (Number(current) >= value ? 'pass' : Number(current) >= need ? 'warn' : 'fail'),
  };
}

export function atMost(value: number, formula: string): Want {
  return {
    value: String(value),
    shown: `at most ${value}`,
    formula,
    severityOf: (current) => (Number(current) <= value ? 'pass' : 'warn'),
  };
}

/** The first is what it is set to. */
export function oneOf(values: readonly string[], formula: string, otherwise: 'warn' | 'fail' = 'warn'): Want {
  return {
    value: values[0]!,
    shown: values.join(' or '),
    formula,
    severityOf: (current) => (values.includes(current) ? 'pass' : otherwise),
  };
}
