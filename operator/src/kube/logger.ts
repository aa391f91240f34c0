type Log = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** Structured logging as the runtime needs it; a pino logger fits. */
export type KubeLogger = { debug: Log; info: Log; warn: Log; error: Log };

const ignore: Log = () => undefined;

export const silentLogger: KubeLogger = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
};
