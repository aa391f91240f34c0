import { join } from 'node:path';
import { kubeconfigPath } from './certificates.ts';
import { clusterName, stateFolders } from './layout.ts';
import type { Part } from './processes.ts';

/**
 * The program that makes volumes, as a part of the cluster. It has no state, so it is ready as soon
 * as it runs.
 */
export function volumeProvisioner(): Part {
  const program = join(import.meta.dirname, 'provisioner.ts');
  return {
    name: 'volume-provisioner',
    command: process.execPath,
    args: [program, kubeconfigPath('admin'), stateFolders().volumes, clusterName],
    isReady: async () => true,
  };
}
