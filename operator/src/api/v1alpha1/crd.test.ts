import { describe, expect, test } from 'vitest';
import { customResourceDefinition } from './crd.ts';
import type { StructuralSchema } from './structural-schema.ts';

const { spec, metadata } = customResourceDefinition();
const version = spec.versions[0];
const schema = version?.schema.openAPIV3Schema ?? {};

type Node = { readonly path: string; readonly schema: StructuralSchema };

function nodes(path: string, at: StructuralSchema): Node[] {
  const fields = Object.entries(at.properties ?? {});
  return [
    { path, schema: at },
    ...fields.flatMap(([name, field]) => nodes(`${path}.${name}`, field)),
    ...(at.items === undefined ? [] : nodes(`${path}[]`, at.items)),
  ];
}

const specNodes = nodes('spec', schema.properties?.['spec'] ?? {});

test('is named after its plural and group, with a short name and a category', () => {
  expect(metadata.name).toBe('cqrsservices.cqrs.dev');
  expect(spec.names).toMatchObject({ shortNames: ['cqrs'], categories: ['cqrs'] });
});

test('kubectl get shows what matters first', () => {
  const columns = version?.additionalPrinterColumns ?? [];
  const shown = columns.filter(({ priority }) => priority === undefined);
  expect(shown.map(({ name }) => name)).toEqual([
    'Ready',
    'Command',
    'Query',
    'Desired',
    'Reads/s',
    'Lag',
    'Age',
  ]);
});

describe('the spec', () => {
  test.each(specNodes.filter(({ schema: { type } }) => type === 'string'))(
    '$path is a string with an end',
    ({ schema: text }) => {
      expect(text['maxLength'] ?? text['enum']).toBeDefined();
    },
  );

  test.each(specNodes.filter(({ schema: { type } }) => type === 'array'))(
    '$path is a list with an end, and says how it is merged',
    ({ schema: list }) => {
      expect(list['maxItems']).toBeTypeOf('number');
      expect(list['x-kubernetes-list-type']).toBeTypeOf('string');
    },
  );

  test('every rule answers with a sentence that says what to change', () => {
    const rules = specNodes.flatMap(
      ({ schema: at }) => (at['x-kubernetes-validations'] ?? []) as { message: string }[],
    );
    expect(rules.length).toBeGreaterThan(20);
    const remedy =
      /\b(use|name|give|put|write|keep|needs?|remove|choose|index|lower|add|create|goes with)\b/;
    for (const { message } of rules) expect(message).toMatch(remedy);
  });

  test('every field but a list item’s own says what it is for', () => {
    const silent = specNodes.filter(
      ({ path, schema: at }) => at['description'] === undefined && !path.endsWith('[]'),
    );
    expect(silent.map(({ path }) => path)).toEqual([]);
  });
});
