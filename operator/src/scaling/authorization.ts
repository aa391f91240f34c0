import type { Clock } from '../kube/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Caller } from './authentication.ts';

/** What a caller wants, in the words of Kubernetes' authorization. */
export type ResourceAttributes = {
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
};

type Decision = { readonly allowed: boolean; readonly reason: string };

export type Authorizer = {
  /** Asks the API server (SubjectAccessReview), or remembers; throws `KubeError` when it cannot be asked. */
  decide(caller: Caller, resourceAttributes: ResourceAttributes): Promise<Decision>;
};

/** As long as the API server's own delegated authorizers remember. */
const decisionAgeMsMax = 10_000;
const decisionsMax = 1_000;
const reviewPath = '/apis/authorization.k8s.io/v1/subjectaccessreviews';

type Remembered = { readonly decision: Promise<Decision>; readonly atMs: number };
type Review = { readonly status?: { readonly allowed?: boolean; readonly reason?: string } };

export function createAuthorizer(options: { client: KubeClient; clock: Clock }): Authorizer {
  const { client, clock } = options;
  // In order of asking, so that the first entry is the oldest.
  const remembered = new Map<string, Remembered>();

  const review = async (
    caller: Caller,
    resourceAttributes: ResourceAttributes,
  ): Promise<Decision> => {
    const { user, groups, extra } = caller;
    const answer = await client.request<Review>('POST', reviewPath, {
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user, groups, extra, resourceAttributes },
      },
    });
    return { allowed: answer.status?.allowed === true, reason: answer.status?.reason ?? '' };
  };

  return {
    async decide(caller, attributes) {
      const key = JSON.stringify([caller, attributes]);
      const known = remembered.get(key);
      if (known && clock.now() - known.atMs < decisionAgeMsMax) return known.decision;
      const decision = review(caller, attributes);
      remembered.delete(key);
      remembered.set(key, { decision, atMs: clock.now() });
      const [oldest] = remembered.keys();
      if (remembered.size > decisionsMax && oldest !== undefined) remembered.delete(oldest);
      try {
        return await decision;
      } catch (error) {
        if (remembered.get(key)?.decision === decision) remembered.delete(key);
        throw error;
      }
    },
  };
}
