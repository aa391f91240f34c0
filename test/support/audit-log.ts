import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One answered request (audit.k8s.io/v1 Event, level Metadata), as far as tests look at it. */
export type AuditEvent = {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly requestURI: string;
  /** Absent for what is no resource, such as `/readyz`. */
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number; readonly message?: string };
  /** RFC 3339 with six digits of a second. */
  readonly requestReceivedTimestamp: string;
};

const policy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  // An answer is enough for most; a watch is answered only when it ends, so its headers count as one.
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata' }],
};

/** Flags for an API server that writes its audit log into `folder`. */
export async function auditFlags(folder: string): Promise<readonly string[]> {
  const policyPath = join(folder, 'audit-policy.json');
  await writeFile(policyPath, JSON.stringify(policy));
  return [
    `--audit-policy-file=${policyPath}`,
    `--audit-log-path=${logPath(folder)}`,
    // Written before the request is answered: nothing is missing from a log that is read afterwards.
    '--audit-log-mode=blocking',
  ];
}

/** The requests in the order in which the API server took them in; a watch that has ended is there twice. */
export async function readAuditLog(folder: string): Promise<readonly AuditEvent[]> {
  const text = await readFile(logPath(folder), 'utf8').catch(() => '');
  const lines = text.split('\n').slice(0, -1);
  const events = lines.map((line) => JSON.parse(line) as AuditEvent);
  return events.toSorted((one, other) =>
    one.requestReceivedTimestamp < other.requestReceivedTimestamp ? -1 : 1,
  );
}

function logPath(folder: string): string {
  return join(folder, 'audit.log');
}
