import { checkAggregateSchemas, type SchemaProblem } from '../../api/v1alpha1/check-schema.ts';
import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import { objectKey } from '../../kube/object.ts';

export type SchemaCheck = {
  problems(service: CqrsService): readonly SchemaProblem[];
  forget(key: string): void;
};

type Checked = {
  readonly uid: string;
  readonly generation: number | undefined;
  readonly problems: readonly SchemaProblem[];
};

/** Compiling a schema takes milliseconds, so each generation of a CqrsService is checked once. */
export function createSchemaCheck(): SchemaCheck {
  const checked = new Map<string, Checked>();
  return {
    problems(service) {
      const key = objectKey(service);
      const { uid, generation } = service.metadata;
      const known = checked.get(key);
      if (known?.uid === uid && known.generation === generation) return known.problems;
      const problems = checkAggregateSchemas(service.spec.aggregates ?? []);
      checked.set(key, { uid, generation, problems });
      return problems;
    },
    forget: (key) => void checked.delete(key),
  };
}
