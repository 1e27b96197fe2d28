import type { Group } from './options.ts';
import type { Role, Subject, SubjectOptions } from './subject.ts';
import { startHaproxy } from './subjects/haproxy.ts';
import { startNginx } from './subjects/nginx.ts';
import { startPortico } from './subjects/portico.ts';

const STARTS: Readonly<Record<Role, (options: SubjectOptions) => Promise<Subject>>> = {
  portico: (options) => startPortico(options, 16),
  'portico-plain': (options) => startPortico(options, 1),
  haproxy: startHaproxy,
  nginx: startNginx,
};

const ROLES_OF: Readonly<Record<Group, readonly Role[]>> = {
  portico: ['portico', 'portico-plain'],
  haproxy: ['haproxy'],
  nginx: ['nginx'],
};

export const rolesOf = (groups: readonly Group[]): Role[] => groups.flatMap((group) => ROLES_OF[group]);

export const startSubject = (options: SubjectOptions): Promise<Subject> => STARTS[options.role](options);
