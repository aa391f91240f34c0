import type { KafkaUsers } from './kafka-users.ts';
import { consistencyLabels } from './labels.ts';
import { consistencyName } from './names.ts';
import { sharedOwners } from './owner.ts';
import { secretKeys } from './secret-keys.ts';
import { opaqueSecret, type Secret } from './secret.ts';

/**
 * The key that signs consistency tokens. One for all CqrsServices of a namespace, because a token of one service is
 * read by the views of another; collected with the last of them, which costs no more than the tokens in flight.
 */
export function consistencySecret(users: KafkaUsers, tokenKey: string): Secret {
  const metadata = {
    name: consistencyName,
    namespace: users[0].metadata.namespace,
    labels: consistencyLabels,
    ownerReferences: sharedOwners(users),
  };
  return opaqueSecret(metadata, { [secretKeys.token]: tokenKey });
}
