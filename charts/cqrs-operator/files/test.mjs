// `helm test`: the operator is ready behind its Service, and the API server knows CqrsServices and the metrics API.
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

const requestMsMax = 5_000;
const retryDelayMs = 1_000;
const attemptsMax = 30;

const { OPERATOR_URL, CQRS_SERVICES_PATH, METRICS_API_PATH } = process.env;
const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const authorization = `Bearer ${await readFile(tokenPath, 'utf8')}`;
const apiServer = 'https://kubernetes.default.svc';

const checks = [
  { name: 'operator is ready', url: `${OPERATOR_URL}/readyz` },
  {
    name: 'CqrsServices are known',
    url: apiServer + CQRS_SERVICES_PATH,
    headers: { authorization },
  },
  ...(METRICS_API_PATH === undefined
    ? []
    : [
        {
          name: 'metrics API is served',
          url: apiServer + METRICS_API_PATH,
          headers: { authorization },
        },
      ]),
];

async function attempt({ url, headers }) {
  try {
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(requestMsMax) });
    const body = await answer.text();
    return answer.ok ? undefined : `${answer.status} ${body.slice(0, 500)}`;
  } catch (error) {
    return `${error.message} ${error.cause?.message ?? ''}`;
  }
}

for (const check of checks) {
  let problem = await attempt(check);
  for (let attempts = 1; problem !== undefined && attempts < attemptsMax; attempts += 1) {
    await pause(retryDelayMs);
    problem = await attempt(check);
  }
  process.stdout.write(
    `${problem === undefined ? 'ok  ' : 'FAIL'} ${check.name} ${problem ?? ''}\n`,
  );
  if (problem !== undefined) process.exitCode = 1;
}
