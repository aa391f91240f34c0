import { describe, expect, it } from 'vitest';
import { toolNames, toolSource } from './catalogue.ts';
import { toolVersion } from './tools.ts';

describe('the catalogue of tools', () => {
  it.each(toolNames)('pins a version of %s', async (tool) => {
    expect(await toolVersion(tool)).toMatch(/^v\d+\.\d+\.\d+$/);
  });

  it('builds each tool from a package below the module that names its version', () => {
    expect(toolSource('kubelet')).toEqual({
      family: 'kubernetes',
      packagePath: 'k8s.io/kubernetes/cmd/kubelet',
    });
  });
});
