/**
 * `npm test`: check, then every kind of test, from the fastest to the slowest. Each kind installs what it needs
 * and cleans up after itself. Closes with the plain line that counts.
 */
import { runChecks } from './check.ts';
import { createTerminal } from './terminal/progress.ts';
import { vitestProject, type Project } from './vitest-project.ts';

const slowProjects: readonly Project[] = ['integration', 'apiserver', 'cluster'];

const terminal = createTerminal(process.stdout);
let { passed, failed } = await runChecks();
for (const project of slowProjects) {
  const counts = await vitestProject(project, terminal);
  passed += counts.passed;
  failed += counts.failed;
}
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
