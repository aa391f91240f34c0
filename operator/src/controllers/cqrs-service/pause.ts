import type { CqrsService } from '../../api/v1alpha1/schema.ts';

/** An annotation by which people keep the operator away from the children of one CqrsService, to change them by hand. */
export const pauseAnnotation = 'cqrs.dev/pause-reconciliation';

/** Whether no child may be written. Status goes on, and so does a deletion, which must never hold up a namespace. */
export function isPaused({ metadata }: CqrsService): boolean {
  return metadata.annotations?.[pauseAnnotation] === 'true';
}
