import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Terminal } from './terminal/progress.ts';
import { runCommand } from './terminal/run-command.ts';

export type Project = 'unit' | 'integration' | 'apiserver' | 'cluster';

/** The two fields of vitest's JSON report (Jest's format) that we count. */
type Report = { readonly numPassedTests: number; readonly numFailedTests: number };

const timeoutMsOf: Record<Project, number> = {
  unit: 5 * 60_000,
  integration: 25 * 60_000,
  apiserver: 20 * 60_000,
  cluster: 40 * 60_000,
};

/** Runs one vitest project and counts from its JSON report; a run that broke before reporting counts as one failure. */
export async function vitestProject(
  project: Project,
  terminal: Terminal,
): Promise<{ readonly passed: number; readonly failed: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'cqrs-vitest-'));
  const report = join(folder, 'report.json');
  let failed = 0;
  let passed = 0;
  try {
    await terminal.step(`${project} tests`, async (update) => {
      const { code, output } = await runCommand(
        'vitest',
        [
          'run',
          '--project',
          project,
          '--reporter=default',
          '--reporter=json',
          `--outputFile.json=${report}`,
        ],
        {
          timeoutMs: timeoutMsOf[project],
          env: { NO_COLOR: '1', FORCE_COLOR: '0' },
          onLine: (line) => {
            const done = /[✓✗×❯]\s+(?:\S+\s+)?(\S+\.test\.ts.*)/u.exec(line)?.[1];
            if (done !== undefined) update({ label: done });
          },
        },
      );
      const counts = await readCounts(report);
      passed = counts?.passed ?? 0;
      // A suite that fails outside a test (a hook, an import) has no failed test, only a failed run.
      failed = Math.max(counts?.failed ?? 0, code === 0 ? 0 : 1);
      if (failed > 0) throw new Error(withoutPassed(output));
    });
  } catch (error) {
    failed = Math.max(failed, 1);
    terminal.line(error instanceof Error ? error.message : String(error));
  }
  await rm(folder, { recursive: true, force: true });
  return { passed, failed };
}

/** What a reader of a failed run needs: everything but the list of what went well. */
function withoutPassed(output: string): string {
  return output
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('✓'))
    .join('\n');
}

async function readCounts(path: string): Promise<{ passed: number; failed: number } | null> {
  try {
    const report = JSON.parse(await readFile(path, 'utf8')) as Report;
    return { passed: report.numPassedTests, failed: report.numFailedTests };
  } catch {
    return null;
  }
}
