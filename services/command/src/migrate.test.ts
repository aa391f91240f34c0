import { expect, it } from 'vitest';
import { migrationText, readMigrations } from './migrate.ts';

it('finds migrations in order, numbered without a gap', async () => {
  const versions = (await readMigrations()).map(({ version }) => version);
  expect(versions).toEqual(versions.map((_, index) => index + 1));
  expect(versions.length).toBeGreaterThan(0);
});

it('puts all that is pending into one text, each step with its row', () => {
  const pending = [2, 3].map((version) => ({
    version,
    name: `n${version}`,
    text: `-- step ${version}`,
  }));
  const text = migrationText(pending, [1]);
  expect(text.indexOf('-- step 2')).toBeLessThan(text.indexOf("values (2, 'n2')"));
  expect(text.indexOf("values (2, 'n2')")).toBeLessThan(text.indexOf('-- step 3'));
  expect(text).toContain('<> 1 then');
});
