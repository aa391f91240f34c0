import { Agent, request, type IncomingHttpHeaders } from 'node:http';

export type Answer =
  | {
      readonly ok: true;
      readonly status: number;
      readonly text: string;
      readonly etag: string | null;
      readonly headers: IncomingHttpHeaders;
    }
  /** No answer came. `sent` is false only when no connection was made. */
  | { readonly ok: false; readonly sent: boolean; readonly reason: string };

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const getMsMax = 10_000;

/** One request, never repeated: node's own `fetch` leaves open whether it is, and here each must count once. */
export async function send(
  url: string,
  options: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | null;
    readonly timeoutMs: number;
  },
): Promise<Answer> {
  const { method, headers, body, timeoutMs } = options;
  return new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const reason = error.code ?? error.name;
      resolve({ ok: false, sent: reason !== 'ECONNREFUSED', reason });
    };
    const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const outgoing = request(
      url,
      {
        agent,
        method,
        headers: { ...headers, ...length },
        signal: AbortSignal.timeout(timeoutMs),
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.once('error', fail);
        answer.once('end', () =>
          resolve({
            ok: true,
            status: answer.statusCode ?? 0,
            text,
            etag: answer.headers.etag ?? null,
            headers: answer.headers,
          }),
        );
      },
    );
    outgoing.once('error', fail);
    outgoing.end(body ?? undefined);
  });
}

export async function get(url: string): Promise<Answer> {
  return send(url, { method: 'GET', headers: {}, body: null, timeoutMs: getMsMax });
}
