import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** JSON lines on standard output; the message is constant text, what varies is in fields. */
export function createLogger(program: string, env: NodeJS.ProcessEnv): Logger {
  return pino({
    base: { program },
    level: env['CQRS_LOG_LEVEL'] ?? 'info',
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
  });
}
