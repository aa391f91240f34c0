import type { AggregateConfig } from '@cqrs/contract/config.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import { createAdmission, type Admission } from '../admission.ts';
import { preconditionFailed, type Current } from '../decide.ts';
import type { Decision } from '../handle-command.ts';
import { decisionOf, type NamedCommand } from './decision.ts';
import { createSandbox, type Sandbox } from './sandbox.ts';

/** The behavior in code of one aggregate. */
export type Behavior = Pick<Sandbox, 'offer'> & {
  /** For its commands only: however long they take, those of other aggregates have places of their own. */
  readonly admission: Admission;
  readonly decide: (command: NamedCommand, current: Current) => Promise<Decision>;
};

export type Behaviors = {
  /** By the name of the aggregate; those without behavior are absent. */
  readonly byAggregate: ReadonlyMap<string, Behavior>;
  readonly admissions: readonly Admission[];
  /** Settles when each module was loaded, or could not be. */
  readonly tried: Promise<void>;
  /** The sentence of a module that cannot be used now. */
  readonly error: () => string | null;
  readonly close: () => void;
};

const limits = { runningMax: 64, waitingMax: 256, waitMsMax: 2_000 };

/** Loads the modules of all aggregates that have one, each in a thread of its own. */
export function loadBehaviors(aggregates: readonly AggregateConfig[], logger: Logger): Behaviors {
  const byAggregate = new Map<string, Behavior>();
  const sandboxes: Sandbox[] = [];
  for (const { name, behavior } of aggregates) {
    if (behavior === undefined) continue;
    const sandbox = createSandbox({ aggregate: name, module: behavior.module, logger });
    sandboxes.push(sandbox);
    byAggregate.set(name, behaviorIn(sandbox, logger));
  }
  return {
    byAggregate,
    admissions: [...byAggregate.values()].map(({ admission }) => admission),
    tried: Promise.all(sandboxes.map(({ tried }) => tried)).then(() => undefined),
    error: () => {
      for (const { offer } of sandboxes) {
        const now = offer();
        if (!now.ok) return now.reason;
      }
      return null;
    },
    close: () => sandboxes.forEach(({ close }) => close()),
  };
}

function behaviorIn(sandbox: Sandbox, logger: Logger): Behavior {
  return {
    offer: sandbox.offer,
    admission: createAdmission(limits),
    decide: async (command, current) => {
      const failed = preconditionFailed(command, current);
      if (failed !== undefined) return failed;
      const { name, data, id, now, aggregate } = command;
      const answer = await sandbox.ask({ name, data, id, now, state: current.state });
      const decision = decisionOf(command, current, answer);
      if (decision.kind === 'refused' && decision.code === 'behavior-failed') {
        const { detail, errors } = decision;
        const thrown = answer.kind === 'failed' ? answer.thrown : undefined;
        logger.error(
          { aggregate: aggregate.name, id, detail, errors, thrown },
          'A behavior failed',
        );
      }
      return decision;
    },
  };
}
