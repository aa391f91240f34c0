import { styleText } from 'node:util';

/** A long piece of work that says where it is: `done` of `total`, in whatever unit the label names. */
export type Update = (progress: { done?: number; total?: number; label?: string }) => void;

const barWidth = 24;
const redrawPeriodMs = 200;

/** `███████░░░░░ 7/12`: a bar for a known total; the label alone for an unknown one. */
function bar(done: number, total: number): string {
  const filled = total <= 0 ? 0 : Math.round((Math.min(done, total) / total) * barWidth);
  return `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}

export type Terminal = {
  /** Runs one step: a live line with a bar while it runs, one line with its time when it ended. */
  readonly step: <T>(title: string, work: (update: Update) => Promise<T>) => Promise<T>;
  readonly heading: (text: string) => void;
  readonly line: (text: string) => void;
  /** A line that is redrawn in place on a terminal; in a log it is printed only when its `state` is another one. */
  readonly live: (text: string, state: string) => void;
  readonly endLive: () => void;
};

/**
 * On a terminal steps are redrawn in place; in a log (CI) each step is a line at its start, at every tenth of its
 * bar and at its end, so that a long build never looks stuck.
 */
export function createTerminal(out: NodeJS.WriteStream): Terminal {
  const colours = out.isTTY && process.env['NO_COLOR'] === undefined;
  const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
    colours ? styleText(format, text) : text;
  let liveState = '';
  const clear = (): void => {
    if (out.isTTY) out.write('\r\u001B[2K');
  };

  const step = async <T>(title: string, work: (update: Update) => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    let state: { done: number; total: number; label: string } = { done: 0, total: 0, label: '' };
    let printedKey = '';
    const draw = (): void => {
      const elapsed = seconds(performance.now() - startedMs);
      const gauge = state.total > 0 ? ` ${bar(state.done, state.total)}` : '';
      if (out.isTTY) {
        clear();
        out.write(`${paint('cyan', '…')} ${title}${gauge} ${state.label} ${paint('dim', elapsed)}`);
        return;
      }
      const tenth = state.total > 0 ? Math.floor((state.done / state.total) * 10) : 0;
      const key = `${tenth} ${state.label}`;
      if (key !== printedKey) out.write(`  … ${title}${gauge} ${state.label} (${elapsed})\n`);
      printedKey = key;
    };
    draw();
    const timer = setInterval(draw, out.isTTY ? redrawPeriodMs : redrawPeriodMs * 25);
    try {
      const result = await work((update) => {
        state = { ...state, ...update };
      });
      clear();
      out.write(
        `${paint('green', '✓')} ${title} ${paint('dim', seconds(performance.now() - startedMs))}\n`,
      );
      return result;
    } catch (error) {
      clear();
      out.write(`${paint('red', '✗')} ${title} ${seconds(performance.now() - startedMs)}\n`);
      throw error;
    } finally {
      clearInterval(timer);
    }
  };

  return {
    step,
    heading: (text) => out.write(`\n${paint('bold', text)}\n`),
    line: (text) => out.write(`${text}\n`),
    live: (text, state) => {
      if (out.isTTY) {
        clear();
        out.write(text);
      } else if (state !== liveState) out.write(`${text}\n`);
      liveState = state;
    },
    endLive: () => {
      if (out.isTTY && liveState !== '') out.write('\n');
      liveState = '';
    },
  };
}
