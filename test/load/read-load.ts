/**
 * Asks for documents at a fixed rate over keep-alive connections and prints one JSON line a second. It runs as a pod
 * (mounted alone, so it imports nothing of ours): node read-load.ts BASE_URL RATE SECONDS KEY…
 * The pace is open loop: a slow answer does not slow the next request down, so waiting shows as latency.
 */
import { Agent, request } from 'node:http';

const [baseUrl = '', rateText = '0', secondsText = '0', ...keys] = process.argv.slice(2);
const readsPerSecond = Number(rateText);
const runSeconds = Number(secondsText);
const runSecondsMax = 900;
const inFlightMax = 2_000;
const requestTimeoutMs = 5_000;
const tickMs = 10;

if (
  !(readsPerSecond > 0) ||
  !(runSeconds > 0 && runSeconds <= runSecondsMax) ||
  keys.length === 0
) {
  process.stderr.write('usage: read-load.ts BASE_URL READS_PER_SECOND SECONDS(<=900) KEY…\n');
  process.exit(2);
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
let served = 0;
let refused = 0;
let failed = 0;
let inFlight = 0;
let latenciesMs: number[] = [];

function ask(key: string): void {
  const startedMs = performance.now();
  inFlight += 1;
  let ended = false;
  const end = (count: () => void): void => {
    if (ended) return;
    ended = true;
    inFlight -= 1;
    latenciesMs.push(performance.now() - startedMs);
    count();
  };
  const outgoing = request(`${baseUrl}/${key}`, { agent, timeout: requestTimeoutMs }, (answer) => {
    answer.resume();
    answer.once('end', () => {
      if (answer.statusCode === 200) end(() => (served += 1));
      else if (answer.statusCode === 503) end(() => (refused += 1));
      else end(() => (failed += 1));
    });
    answer.once('error', () => end(() => (failed += 1)));
  });
  outgoing.once('timeout', () => outgoing.destroy(new Error('no answer in time')));
  outgoing.once('error', () => end(() => (failed += 1)));
  outgoing.end();
}

function report(): void {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const at = (q: number): number =>
    Math.round((sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0) * 10) / 10;
  process.stdout.write(
    `${JSON.stringify({ served, refused, failed, inFlight, p50Ms: at(0.5), p99Ms: at(0.99) })}\n`,
  );
  served = 0;
  refused = 0;
  failed = 0;
  latenciesMs = [];
}

const startedMs = performance.now();
let asked = 0;
const pace = setInterval(() => {
  const elapsedMs = performance.now() - startedMs;
  const due = Math.floor((elapsedMs / 1000) * readsPerSecond);
  while (asked < due && inFlight < inFlightMax) {
    ask(keys[asked % keys.length] ?? '');
    asked += 1;
  }
  // What could not be asked for lack of room is not asked later: the rate is a rate, not a debt.
  asked = due;
  if (elapsedMs > runSeconds * 1000) stop();
}, tickMs);
const reports = setInterval(report, 1_000);

function stop(): void {
  clearInterval(pace);
  clearInterval(reports);
  report();
  agent.destroy();
}
process.once('SIGTERM', stop);
