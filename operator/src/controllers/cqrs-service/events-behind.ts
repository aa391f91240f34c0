import type { Measured } from '../../scaling/served-metrics.ts';
import { mergedViews, type StageReading } from './stage-reading.ts';

/** What a ready projector pod last said; undefined before it was asked. */
export type ProjectorReading = { readonly pod: string; readonly reading: StageReading | undefined };

/**
 * Events that a service's views have yet to apply, all together. Those of a halted partition count as nothing, since more
 * pods would not bring it on. With a pod that is not heard there is no number: its partitions are unknown.
 */
export function eventsBehind(
  projectors: readonly ProjectorReading[],
  { nowMs, pollMs }: { readonly nowMs: number; readonly pollMs: number },
): Measured {
  if (projectors.length === 0) {
    return {
      state: 'stale',
      message: 'No projector pod is ready, so nobody tells how far behind views are',
    };
  }
  const answers = projectors.flatMap(({ reading }) =>
    reading?.outcome === 'answered' ? [reading] : [],
  );
  if (answers.length < projectors.length) {
    const silent = projectors.find(({ reading }) => reading?.outcome !== 'answered');
    return {
      state: 'stale',
      message: `Projector pod ${silent?.pod} has not told how far behind it is`,
    };
  }
  const views = mergedViews(answers.flatMap((answer) => answer.views));
  if (views.length === 0) {
    return { state: 'stale', message: 'No projector has taken up a view yet' };
  }
  const value = views.reduce((sum, { movingEvents }) => sum + movingEvents, 0);
  return { state: 'fresh', value, windowSeconds: Math.ceil(pollMs / 1000), atMs: nowMs };
}
