import type { ProblemCode } from '@cqrs/contract/problems.ts';
import type { FastifyRequest } from 'fastify';
import type { Brought, Consistency } from '../consistency.ts';
import { idProblem } from '../identifiers.ts';
import { parseIdempotencyKey } from '../idempotency.ts';
import { parseEntityTags, type EntityTags } from '../preconditions.ts';

/** What a request says before its body. */
export type Head = {
  readonly ok: true;
  /** Absent where the path names no single aggregate. */
  readonly id: string | undefined;
  readonly ifMatch: EntityTags | undefined;
  readonly ifNoneMatch: EntityTags | undefined;
  readonly idempotencyKey: string | undefined;
  /** What the consistency tokens of the request cover. */
  readonly brought: Brought;
};

export type MalformedHead = {
  readonly ok: false;
  readonly code: ProblemCode;
  readonly detail: string;
};

export function readHead(
  request: FastifyRequest,
  { read }: Pick<Consistency, 'read'>,
): Head | MalformedHead {
  const { id } = request.params as { readonly id?: string };
  const wrongId = id === undefined ? undefined : idProblem(id);
  if (wrongId !== undefined) return malformed(wrongId);
  const ifMatch = parseEntityTags('if-match', headerOf(request, 'if-match'));
  if (!ifMatch.ok) return malformed(ifMatch.detail);
  const ifNoneMatch = parseEntityTags('if-none-match', headerOf(request, 'if-none-match'));
  if (!ifNoneMatch.ok) return malformed(ifNoneMatch.detail);
  const idempotencyKey = parseIdempotencyKey(headerOf(request, 'idempotency-key'));
  if (!idempotencyKey.ok) return malformed(idempotencyKey.detail);
  const tokens = read(headerOf(request, 'consistency-token'));
  if (!tokens.ok) return { ok: false, code: 'malformed-token', detail: tokens.detail };
  return {
    ok: true,
    id,
    ifMatch: ifMatch.tags,
    ifNoneMatch: ifNoneMatch.tags,
    idempotencyKey: idempotencyKey.key,
    brought: tokens,
  };
}

/** The value of a header; of one that came several times, all of them with commas between. */
export function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function malformed(detail: string): MalformedHead {
  return { ok: false, code: 'malformed-request', detail };
}
