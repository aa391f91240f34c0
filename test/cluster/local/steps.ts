/** How long-running work tells what it is doing. */
export interface StepProgress {
  step: string;
  state: 'running' | 'done' | 'failed';
  /** Since the step began; 0 when it begins. */
  seconds: number;
}

export type Report = (line: StepProgress) => void;

/** Gives a function that runs one step and reports its beginning and its end. */
export function stepReporter(report: Report) {
  return async <Result>(step: string, work: () => Promise<Result>): Promise<Result> => {
    const startedAtMs = performance.now();
    const seconds = (): number => (performance.now() - startedAtMs) / 1000;
    report({ step, state: 'running', seconds: 0 });
    try {
      const result = await work();
      report({ step, state: 'done', seconds: seconds() });
      return result;
    } catch (error) {
      report({ step, state: 'failed', seconds: seconds() });
      throw error;
    }
  };
}

/**
 * Waits for all of them, so that nothing goes on behind a failure, and then throws what failed
 * first in the list.
 */
export async function allSteps(steps: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(steps);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    throw failed.reason;
  }
}
