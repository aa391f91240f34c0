import type { ServiceIdentity } from '@cqrs/contract/config.ts';

/** What a person runs to have the whole event table published again: every refusal of the relay ends in it. */
export function republish({ namespace, name }: ServiceIdentity): string {
  return `Run \`kubectl exec --namespace ${namespace} deploy/${name}-relay -- node services/relay/src/republish.ts\` to publish every event of the table again.`;
}
