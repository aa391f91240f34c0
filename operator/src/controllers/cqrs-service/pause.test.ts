import { describe, expect, it } from 'vitest';
import { findCondition } from '../../api/v1alpha1/conditions.ts';
import {
  ordersSpec,
  wholeService,
  type WholeService,
} from '../../api/v1alpha1/example-services.ts';
import { exampleObserved } from './example-observed.ts';
import { isPaused, pauseAnnotation } from './pause.ts';
import { statusOf } from './status.ts';

const orders = wholeService('orders', ordersSpec);
const statusAt = (service: WholeService) =>
  statusOf({ service, observed: exampleObserved(service), refusals: [], nowMs: 0 });

/** The service as it stands after its first spec, at a later generation. */
function changed(annotation: string): WholeService {
  const annotations = { [pauseAnnotation]: annotation };
  const metadata = { ...orders.metadata, generation: 2, annotations };
  return { ...orders, metadata, status: statusAt(orders) };
}

describe('a pause', () => {
  it('is asked for by the word true alone', () => {
    expect(['true', 'false', '', 'yes'].map((value) => isPaused(changed(value)))).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(isPaused(orders)).toBe(false);
  });

  it('leaves the spec unobserved, says so, and goes on telling how the stages are', () => {
    const { conditions, observedGeneration } = statusAt(changed('true'));
    expect(observedGeneration).toBe(1);
    expect(findCondition(conditions ?? [], 'Reconciling')).toMatchObject({
      status: 'False',
      reason: 'Paused',
      message:
        'The operator changes nothing of this service. Remove the annotation cqrs.dev/pause-reconciliation to let the operator go on.',
    });
    expect(findCondition(conditions ?? [], 'Ready')?.status).toBe('True');
    expect(statusAt(changed('false')).observedGeneration).toBe(2);
  });

  it('from the beginning observes nothing', () => {
    // The API server's own default says that nobody has looked at it yet.
    const unseen = { ...changed('true'), status: { observedGeneration: -1 } };
    const { conditions, observedGeneration } = statusAt(unseen);
    expect(observedGeneration).toBeUndefined();
    expect(new Set(conditions?.map((condition) => condition.observedGeneration))).toEqual(
      new Set([0]),
    );
  });
});
