import { checkAggregateSchemas, type SchemaProblem } from '../../api/v1alpha1/check-schema.ts';
import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import { bodyHash } from '../../kube/applied.ts';
import { objectKey } from '../../kube/object.ts';

export type SchemaCheck = {
  problems(service: CqrsService): readonly SchemaProblem[];
  forget(key: string): void;
};

type Checked = {
  readonly uid: string;
  readonly generation: number | undefined;
  readonly aggregatesHash: string;
  readonly problems: readonly SchemaProblem[];
};

/**
 * Compiling a schema takes milliseconds, in which nothing else goes on: so each generation of a CqrsService is looked at
 * once, and compiled only when it is the aggregates that have changed.
 */
export function createSchemaCheck(): SchemaCheck {
  const checked = new Map<string, Checked>();
  return {
    problems(service) {
      const key = objectKey(service);
      const { uid, generation } = service.metadata;
      const known = checked.get(key);
      if (known?.uid === uid && known.generation === generation) return known.problems;
      const { aggregates = [] } = service.spec;
      const aggregatesHash = bodyHash(aggregates);
      const isSame = known?.aggregatesHash === aggregatesHash;
      const problems = isSame ? known.problems : checkAggregateSchemas(aggregates);
      checked.set(key, { uid, generation, aggregatesHash, problems });
      return problems;
    },
    forget: (key) => void checked.delete(key),
  };
}
