/**
 * `npm run check`: everything that judges the tree without starting a server. Each check is one row of the
 * table; all run even if one fails, and a failed one prints what it said.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureTools } from './cluster/tools/tools.ts';
import { createTerminal } from './terminal/progress.ts';
import { runCommand } from './terminal/run-command.ts';
import { vitestProject } from './vitest-project.ts';

type Check = {
  readonly name: string;
  readonly run: () => Promise<{ code: number; output: string }>;
};

const checkTimeoutMs = 120_000;
const command =
  (name: string, args: readonly string[]) => async (): Promise<{ code: number; output: string }> =>
    runCommand(name, args, { timeoutMs: checkTimeoutMs });

export type Counts = { readonly passed: number; readonly failed: number };

function checks(helm: string, helmUnittest: string): readonly Check[] {
  const charts = ['charts/cqrs-operator', 'charts/cqrs-service'];
  return [
    { name: 'types', run: command('tsc', ['-p', '.']) },
    { name: 'lint', run: command('oxlint', ['--deny-warnings', '.']) },
    { name: 'format', run: command('prettier', ['--check', '--log-level', 'warn', '.']) },
    { name: 'dead code', run: command('knip', ['--treat-config-hints-as-errors']) },
    {
      name: 'generated files',
      run: command('node', ['operator/src/api/v1alpha1/generate.ts', '--check']),
    },
    { name: 'charts lint', run: command(helm, ['lint', '--strict', ...charts]) },
    { name: 'charts unit tests', run: command(helmUnittest, charts) },
  ];
}

export async function runChecks(): Promise<Counts> {
  const terminal = createTerminal(process.stdout);
  const tools = await terminal.step('tools for the charts', async (update) => {
    return ensureTools(['helm', 'helm-unittest'], (tool) =>
      update({ label: `${tool.tool} ${tool.state}` }),
    );
  });
  // Helm writes repositories and caches below the home folder unless told otherwise.
  const helmHome = await mkdtemp(join(tmpdir(), 'cqrs-helm-'));
  process.env['HELM_CONFIG_HOME'] = helmHome;
  let passed = 0;
  let failed = 0;
  for (const check of checks(tools.helm, tools['helm-unittest'])) {
    try {
      await terminal.step(check.name, async () => {
        const { code, output } = await check.run();
        if (code !== 0) throw new Error(output);
      });
      passed += 1;
    } catch (error) {
      failed += 1;
      terminal.line(error instanceof Error ? error.message : String(error));
    }
  }
  await rm(helmHome, { recursive: true, force: true });
  const unit = await vitestProject('unit', terminal);
  return { passed: passed + unit.passed, failed: failed + unit.failed };
}

if (import.meta.main) {
  const { passed, failed } = await runChecks();
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}
