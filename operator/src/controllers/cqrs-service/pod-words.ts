const wordsLengthMax = 400;

/**
 * What the end of a container's log says of why it ended, in one sentence without a full stop: a JSON line of ours, what
 * Node prints of an error that nobody caught, or the line in which a store gives up. Times are left out, since each
 * restart has its own and a status would be written for every one of them.
 */
export function lastWords(log: string): string | undefined {
  const lines = log
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  for (const read of readers) {
    const found = lines.findLast((line) => read(line, log) !== undefined);
    const words = found === undefined ? undefined : read(found, log);
    if (words !== undefined) return shortened(words);
  }
  const last = lines.at(-1);
  return last === undefined ? undefined : shortened(withoutTime(last));
}

type Reader = (line: string, log: string) => string | undefined;

const pinoWarning = 40;

type LogLine = {
  readonly level?: unknown;
  readonly message?: unknown;
  readonly detail?: unknown;
  readonly code?: unknown;
  readonly err?: { readonly message?: unknown; readonly code?: unknown };
};

const ofOurLog: Reader = (line) => {
  const { level, message, detail, code, err }: LogLine = parsed(line);
  if (typeof level !== 'number' || level < pinoWarning) return undefined;
  const text = [err?.message, detail, message].find((value) => typeof value === 'string');
  return typeof text === 'string' ? coded(err?.code ?? code, text) : undefined;
};

const ofNode: Reader = (line, log) => {
  const [, text] = /^(?:Uncaught )?[A-Z]\w*Error(?: \[\w+\])?: (.+)$/.exec(line) ?? [];
  if (text === undefined) return undefined;
  return coded(/^\s*code: '(\w+)'/m.exec(log)?.[1], text);
};

const ofStore: Reader = (line) =>
  /\b(?:FATAL|PANIC|ERROR|Fatal error)\b/.test(line) ? withoutTime(line) : undefined;

const readers: readonly Reader[] = [ofOurLog, ofNode, ofStore];

function coded(code: unknown, text: string): string {
  return typeof code === 'string' && !text.startsWith(code) ? `${code}: ${text}` : text;
}

function parsed(line: string): LogLine {
  if (!line.startsWith('{')) return {};
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return {};
  }
}

// As Postgres and Kafka write it, and as Redis does; a process id may stand on either side.
const times = [
  /^\[?\d{4}-\d\d-\d\d[T ][\d:.,]+(?: ?(?:Z|[A-Z]{3,4}|[+-]\d\d:?\d\d))?\]?\s*(?:\[\d+\]\s*)?/,
  /^\d+:[A-Z] \d{1,2} \w{3} \d{4} [\d:.]+ [.*#-] /,
] as const;

function withoutTime(line: string): string {
  return times.reduce((text, time) => text.replace(time, ''), line);
}

function shortened(words: string): string {
  const text = words.length > wordsLengthMax ? `${words.slice(0, wordsLengthMax)}…` : words;
  return text.toWellFormed().replace(/\.$/, '');
}
