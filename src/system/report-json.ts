import { countSeverity, type SystemReport } from './report.ts';

/** The report as JSON has it, for `--json` and the API alike. */
export function reportJson({ demand, planes, findings, capacity, journal, facts }: SystemReport) {
  return {
    target: demand.connections,
    planes,
    summary: {
      pass: countSeverity(findings, 'pass'),
      warn: countSeverity(findings, 'warn'),
      fail: countSeverity(findings, 'fail'),
      skip: countSeverity(findings, 'skip'),
    },
    can_apply: findings.some(({ by }) => by === 'portico') || !findings.some(({ by }) => by === 'root'),
    container: facts.container ?? null,
    journal,
    findings: findings.map((finding) => ({
      id: finding.id,
      title: finding.title,
      severity: finding.severity,
      current: finding.current ?? null,
      wanted: finding.wanted,
      formula: finding.formula,
      why: finding.why,
      if_left: finding.ifLeft,
      risk: finding.risk,
      detail: finding.detail ?? null,
      changed_by: finding.by ?? null,
      is_changed: finding.isOurs,
      commands: [...finding.commands],
      take_back: [...finding.takeBack],
    })),
    capacity: capacity.map(({ id, title, connections, formula }) => ({ id, title, connections, formula })),
  };
}
