/**
 * Asks for documents at a fixed rate over keep-alive connections and prints one JSON line a second. It runs as a pod
 * (mounted alone, so it imports nothing of ours) or as a process: read-load.ts [--each] BASE_URL RATE SECONDS KEY…
 * The pace is open loop: a slow answer does not slow the next read down, and a read's latency counts from the moment
 * it was due, so waiting shows as latency. With --each it tells every read instead, a line on stdin is a new rate,
 * and the end of stdin is the end.
 */
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    each: { type: 'boolean', default: false },
    connections: { type: 'string', default: '64' },
  },
});
const [baseUrl = '', rateText = '0', secondsText = '0', ...keys] = positionals;
let readsPerSecond = Number(rateText);
const connections = Number(values.connections);
const runSeconds = Number(secondsText);
const runSecondsMax = 900;
const connectionsMax = 1_000;
const inFlightMax = 2_000;
const requestTimeoutMs = 5_000;
const reportMs = values.each ? 100 : 1_000;

if (
  !(readsPerSecond > 0) ||
  !(connections >= 1 && connections <= connectionsMax) ||
  !(runSeconds > 0 && runSeconds <= runSecondsMax) ||
  keys.length === 0
) {
  process.stderr.write(
    'usage: read-load.ts [--each] [--connections N] BASE_URL READS_PER_SECOND SECONDS(<=900) KEY…\n',
  );
  process.exit(2);
}

/** Many clients with one connection each, which take turns: a pool would send all it can through the fewest. */
const clients = Array.from(
  { length: connections },
  () => new Agent({ keepAlive: true, maxSockets: 1 }),
);

/** When it was due, how long after that it ended, and with which status; 0 is no answer. */
type Read = readonly [dueAtMs: number, latencyMs: number, status: number];

let ended: Read[] = [];
let inFlight = 0;
let asked = 0;

function ask(dueAtMs: number): void {
  const end = (status: number): void => {
    ended.push([performance.timeOrigin + dueAtMs, performance.now() - dueAtMs, status]);
  };
  // What cannot be asked for lack of room is not asked later: the rate is a rate, not a debt.
  if (inFlight >= inFlightMax) {
    end(0);
    return;
  }
  const agent = clients[asked % clients.length];
  const url = `${baseUrl}/${keys[asked % keys.length]}`;
  asked += 1;
  inFlight += 1;
  let isEnded = false;
  const settle = (status: number): void => {
    if (isEnded) return;
    isEnded = true;
    inFlight -= 1;
    end(status);
  };
  const outgoing = request(url, { agent, timeout: requestTimeoutMs }, (answer) => {
    answer.resume();
    answer.once('end', () => settle(answer.statusCode ?? 0));
    answer.once('error', () => settle(0));
  });
  outgoing.once('timeout', () => outgoing.destroy(new Error('no answer in time')));
  outgoing.once('error', () => settle(0));
  outgoing.end();
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function report(): void {
  const reads = ended;
  ended = [];
  if (values.each) {
    print({ reads: reads.map(([due, ...rest]) => [tenth(due), ...rest.map(tenth)]) });
    return;
  }
  const count = (fits: (status: number) => boolean): number =>
    reads.filter(([, , status]) => fits(status)).length;
  const sorted = reads.map(([, latencyMs]) => latencyMs).toSorted((a, b) => a - b);
  const at = (q: number): number =>
    tenth(sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0);
  print({
    served: count((status) => status === 200),
    refused: count((status) => status === 503),
    failed: count((status) => status !== 200 && status !== 503),
    inFlight,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  });
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}

const stopAtMs = performance.now() + runSeconds * 1000;
let nextDueAtMs = performance.now();
let pace: NodeJS.Timeout | undefined;
function keepPace(): void {
  const nowMs = performance.now();
  for (; nextDueAtMs <= nowMs; nextDueAtMs += 1000 / readsPerSecond) ask(nextDueAtMs);
  if (nowMs > stopAtMs) stop();
  else pace = setTimeout(keepPace, nextDueAtMs - nowMs);
}
const reports = setInterval(report, reportMs);
keepPace();

if (values.each) {
  const rates = createInterface({ input: process.stdin });
  rates.on('line', (line) => {
    readsPerSecond = Number(line);
    nextDueAtMs = performance.now();
    print({ readsPerSecond, atMs: performance.timeOrigin + nextDueAtMs });
    clearTimeout(pace);
    keepPace();
  });
  rates.once('close', stop);
}

function stop(): void {
  clearTimeout(pace);
  clearInterval(reports);
  report();
  for (const agent of clients) agent.destroy();
  process.exit();
}
process.once('SIGTERM', stop);
