import type { Reason } from '../../api/v1alpha1/conditions.ts';
import { relayReasons } from './relay-reasons.ts';
import { errorOf, sentence, verdict, type Check } from './stage-check.ts';

const reasonOf: Readonly<Record<string, Reason>> = relayReasons;

export const relayError: Check = ({ observed }) => {
  const error = errorOf(observed.readings.relay);
  if (error === undefined) return undefined;
  const reason = reasonOf[error.code ?? ''] ?? 'RelayNotStreaming';
  const message = `The relay says: ${sentence(error.text)}`;
  // Where a command helps, the relay's own sentence may name it already.
  const isTold = error.text.includes('kubectl exec');
  return isTold ? { status: 'False', reason, message } : verdict('False', reason, message);
};

export const notStreaming: Check = ({ observed }) => {
  const isStreaming = observed.readings.relay?.some(
    (reading) => reading.outcome === 'answered' && reading.streaming,
  );
  if (isStreaming) return undefined;
  return verdict('False', 'RelayNotStreaming', 'The relay is connecting to Postgres and Kafka.');
};
