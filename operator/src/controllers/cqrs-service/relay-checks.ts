import type { Reason } from '../../api/v1alpha1/conditions.ts';
import { errorOf, sentence, verdict, type Check } from './stage-check.ts';

const slotReasons: Readonly<Record<string, Reason>> = {
  CQRS_SLOT_LOST: 'SlotLost',
  CQRS_SLOT_AHEAD: 'SlotAhead',
};

export const relayError: Check = ({ observed }) => {
  const error = errorOf(observed.readings.relay);
  if (error === undefined) return undefined;
  const reason = slotReasons[error.code ?? ''] ?? 'RelayNotStreaming';
  return verdict('False', reason, `The relay says: ${sentence(error.text)}`);
};

export const notStreaming: Check = ({ observed }) => {
  const isStreaming = observed.readings.relay?.some(
    (reading) => reading.outcome === 'answered' && reading.streaming,
  );
  if (isStreaming) return undefined;
  return verdict('False', 'RelayNotStreaming', 'The relay is connecting to Postgres and Kafka.');
};
