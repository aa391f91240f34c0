import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

type BareAnswer = { readonly status: number; readonly body: string };

/** One connection of HTTP/1.1 that carries one request at a time. */
export type BareHttp = {
  readonly send: (method: 'GET' | 'POST', path: string, json?: string) => Promise<BareAnswer>;
  readonly close: () => void;
};

const headEnd = Buffer.from('\r\n\r\n');
const statusPlace = 'HTTP/1.1 '.length;
const statusLength = 3;

/**
 * Writes and reads a bare socket: a client library costs more than the service under test, and would be what is
 * measured. It understands what our services answer: bodies of a known length, and connections closed after an answer.
 */
export async function openBareHttp(base: string): Promise<BareHttp> {
  const { hostname, port, host } = new URL(base);
  let socket: Socket | undefined;
  let waiting: PromiseWithResolvers<BareAnswer> | undefined;
  let received = Buffer.alloc(0);

  const open = async (): Promise<Socket> => {
    const opened = connect(Number(port), hostname).setNoDelay(true);
    await once(opened, 'connect');
    opened.on('data', receive);
    opened.on('error', (error) => waiting?.reject(error));
    opened.on('close', () => {
      if (socket !== opened) return;
      socket = undefined;
      waiting?.reject(new Error('The service hung up'));
    });
    socket = opened;
    return opened;
  };
  const receive = (chunk: Buffer<ArrayBuffer>): void => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const end = received.indexOf(headEnd);
    if (end < 0) return;
    const head = received.toString('latin1', 0, end);
    const bodyBytes = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const bodyPlace = end + headEnd.length;
    if (received.length < bodyPlace + bodyBytes) return;
    const body = received.toString('utf8', bodyPlace, bodyPlace + bodyBytes);
    received = Buffer.alloc(0);
    if (/\r\nconnection: close/i.test(head)) close();
    const status = Number(head.slice(statusPlace, statusPlace + statusLength));
    waiting?.resolve({ status, body });
    waiting = undefined;
  };
  const close = (): void => {
    const closing = socket;
    socket = undefined;
    closing?.destroy();
  };
  await open();
  return {
    send: async (method, path, json) => {
      const to = socket ?? (await open());
      waiting = Promise.withResolvers();
      const content =
        json === undefined
          ? '\r\n'
          : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
      to.write(`${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${content}`);
      return waiting.promise;
    },
    close,
  };
}
