import { tokenKeyProblem } from '@cqrs/contract/consistency-token.ts';
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

/**
 * What is wrong with the keys that people put into the Secret, as a sentence: its `data` is base64, and what that
 * holds is base64 again. Undefined when pods can use them; that a key is missing is not said here.
 */
export function unusableTokenKey(data: Secret['data'] | undefined): string | undefined {
  const problems = [secretKeys.token, secretKeys.previousToken].flatMap((name) => {
    const text = Buffer.from(data?.[name] ?? '', 'base64').toString();
    const problem = text === '' ? null : tokenKeyProblem(text);
    return problem === null ? [] : [`${name} ${problem}`];
  });
  return problems.length === 0
    ? undefined
    : `Secret ${consistencyName} cannot be used: ${problems.join('; ')}.`;
}
