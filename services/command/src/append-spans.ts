import { postgresNames } from '@cqrs/contract/postgres-names.ts';
import { semanticNames } from '@cqrs/runtime/telemetry/semantic-names.ts';
import { isSampled } from '@cqrs/runtime/telemetry/traceparent.ts';
import type { Tracing } from '@cqrs/runtime/telemetry/tracing.ts';
import type { Session, Store } from './store.ts';

/** A store whose appends leave a span below that of their command, where its trace is recorded. */
export function withAppendSpans(store: Store, tracing: Tracing | undefined): Store {
  if (tracing === undefined) return store;
  return {
    ...store,
    ...spanned(store, tracing),
    locked: (key, work) => store.locked(key, (session) => work(spanned(session, tracing))),
  };
}

function spanned<S extends Session>(session: S, tracing: Tracing): S {
  return {
    ...session,
    append: async (append) => {
      const { traceparent } = append;
      if (traceparent === null || !isSampled(traceparent)) return session.append(append);
      const span = tracing.start({
        name: 'append',
        kind: 'client',
        parent: traceparent,
        attributes: {
          [semanticNames.database]: 'postgresql',
          [semanticNames.table]: `${postgresNames.schema}.event`,
          [semanticNames.statement]: 'append',
        },
      });
      try {
        const appended = await session.append(append);
        span.end(
          appended.kind === 'outrun' || appended.kind === 'busy' ? { error: appended.kind } : {},
        );
        return appended;
      } catch (error) {
        span.end({ error: error instanceof Error ? error.name : 'unknown' });
        throw error;
      }
    },
  };
}
