import type { BackendConfig, ListenerConfig, RouteConfig } from '../../config/config.ts';
import type { HeaderEdits } from '../../config/route-config.ts';
import { RequestCounters } from '../metrics/request-counters.ts';
import { compilePathChange } from '../route/path-changer.ts';
import { Router } from '../route/router.ts';
import type { Backend } from './backend.ts';
import { FieldEdits } from './field-edits.ts';
import type { Forwarding } from './forwarding.ts';
import { Mirror } from './mirror.ts';
import type { RequestEdits } from './request-edits.ts';
import type { RequestView } from './request-view.ts';
import { compileFixedAnswer, compileRedirect, type RouteAnswer } from './route-answer.ts';

/** A backend that a route leads to, with the counters of this listener and backend. */
export interface Target {
  readonly kind: 'backend';
  readonly backend: Backend;
  readonly hash: BackendConfig['hash'] | undefined;
  readonly counters: RequestCounters;
  /** Undefined: requests go on with nothing but the usual `X-Forwarded-*` added. */
  readonly requestEdits: RequestEdits | undefined;
  /** Undefined: answers go on as they come. */
  readonly answerEdits: FieldEdits | undefined;
  readonly mirror: Mirror | undefined;
  /** Of a request that may be a replay. */
  readonly takesEarlyData: boolean;
  /** Protocols besides WebSocket that servers may switch to, in lower case. */
  readonly upgrades: ReadonlySet<string> | undefined;
  /** Workers are uWebSockets.js, which leaves a request with a `_` in the name of a field without an answer (measured: 20.x). */
  readonly dropsUnusualNames: boolean;
}

/** A route that asks no server. */
export interface LocalTarget {
  readonly kind: 'local';
  readonly answer: RouteAnswer;
}

type Choice = LocalTarget | Split;

/** One target, or several with a share each. */
class Split {
  readonly kind = 'backends';
  readonly targets: readonly Target[];
  private readonly weights: readonly number[];
  private readonly total: number;

  constructor(parts: readonly { readonly target: Target; readonly weight: number }[]) {
    const used = parts.filter(({ weight }) => weight > 0);
    this.targets = used.map(({ target }) => target);
    this.weights = used.map(({ weight }) => weight);
    this.total = this.weights.reduce((sum, weight) => sum + weight, 0);
  }

  pick(random: () => number): Target {
    const { targets, weights } = this;
    if (targets.length === 1) return targets[0]!;
    let left = random() * this.total;
    for (let i = 0; i < weights.length - 1; i++) {
      left -= weights[i]!;
      if (left < 0) return targets[i]!;
    }
    return targets.at(-1)!;
  }
}

export interface RouteTargetsDeps {
  readonly backends: ReadonlyMap<string, Backend>;
  readonly backendConfigs: ReadonlyMap<string, BackendConfig>;
  readonly forwarding: Forwarding;
  readonly random: () => number;
}

/** Where the routes of one listener lead. */
export class RouteTargets {
  /** One backend takes every request. */
  readonly only: Target | undefined;
  /** False: `only` takes every request as it is, and there is no need to look at any. */
  readonly needsView: boolean;
  private readonly router: Router;
  private readonly choices: readonly Choice[];
  private readonly counters: Map<string, RequestCounters>;
  private readonly deps: RouteTargetsDeps;
  private readonly listener: string;

  /** `counters`: those of the listener, by backend; one that is missing is added. */
  constructor(deps: RouteTargetsDeps, { name, routes }: ListenerConfig, counters: Map<string, RequestCounters>) {
    this.counters = counters;
    this.deps = deps;
    this.listener = name;
    this.router = new Router(routes);
    this.choices = routes.map((route) => this.compile(route));
    const [first] = this.choices;
    const isOnly = this.router.isCatchAll && first?.kind === 'backends' && first.targets.length === 1;
    this.only = isOnly ? first.targets[0] : undefined;
    const { only } = this;
    this.needsView = only === undefined || only.requestEdits !== undefined || only.answerEdits?.hasVariables === true;
  }

  /** Undefined if no route matches. */
  find(view: RequestView): Target | LocalTarget | undefined {
    const index = this.router.match(view);
    if (index === undefined) return undefined;
    const choice = this.choices[index]!;
    return choice.kind === 'local' ? choice : choice.pick(this.deps.random);
  }

  /** Copies that are under way have no client whose end would end them. */
  stop(): void {
    for (const choice of this.choices) {
      if (choice.kind === 'backends') for (const { mirror } of choice.targets) mirror?.stop();
    }
  }

  get hasCopies(): boolean {
    return this.choices.some(
      (choice) => choice.kind === 'backends' && choice.targets.some(({ mirror }) => mirror?.isBusy === true),
    );
  }

  private compile(route: RouteConfig): Choice {
    const { backend, split, redirect, answer, path, responseHeaders } = route;
    const edits = responseHeaders === undefined ? undefined : new FieldEdits(responseHeaders);
    if (redirect !== undefined) return { kind: 'local', answer: compileRedirect(redirect, path, edits) };
    if (answer !== undefined) return { kind: 'local', answer: compileFixedAnswer(answer, edits) };
    const parts = split ?? [{ backend: backend!, weight: 1 }];
    return new Split(parts.map((part) => ({ target: this.target(part.backend, route), weight: part.weight })));
  }

  private target(name: string, route: RouteConfig): Target {
    const { path, rewrite, requestHeaders, responseHeaders, mirror } = route;
    const { backends, backendConfigs, forwarding, random } = this.deps;
    const counters = this.counters.get(name) ?? new RequestCounters(this.listener, name);
    this.counters.set(name, counters);
    const { balance, hash, workers } = backendConfigs.get(name)!;
    const isPlain = forwarding.isPlain && rewrite === undefined && requestHeaders === undefined;
    const change = rewrite?.change;
    const answers = forwarding.answerEdits(responseHeaders);
    return {
      kind: 'backend',
      backend: backends.get(name)!,
      hash: balance === 'hash' || balance === 'maglev' ? hash : undefined,
      counters,
      requestEdits: isPlain
        ? undefined
        : {
            forwarding,
            fields: compileFields(requestHeaders),
            host: rewrite?.host,
            path: change === undefined ? undefined : compilePathChange(change, path),
          },
      answerEdits: compileFields(answers),
      mirror:
        mirror === undefined
          ? undefined
          : new Mirror({ backend: backends.get(mirror.backend)!, random }, mirror.percent),
      upgrades: route.upgrades === undefined ? undefined : new Set(route.upgrades),
      takesEarlyData: route.takesEarlyData === true,
      dropsUnusualNames: workers !== undefined,
    };
  }
}

function compileFields(edits: HeaderEdits | undefined): FieldEdits | undefined {
  return edits === undefined ? undefined : new FieldEdits(edits);
}
