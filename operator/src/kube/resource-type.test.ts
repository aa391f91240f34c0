import { expect, test } from 'vitest';
import { apiVersionOf, builtin, resourcePath } from './resource-type.ts';

test.each([
  [builtin.pod, {}, '/api/v1/pods'],
  [builtin.pod, { namespace: 'shop' }, '/api/v1/namespaces/shop/pods'],
  [
    builtin.deployment,
    { namespace: 'shop', name: 'orders', subresource: 'status' },
    '/apis/apps/v1/namespaces/shop/deployments/orders/status',
  ],
  [builtin.namespace, { namespace: 'ignored', name: 'shop' }, '/api/v1/namespaces/shop'],
  // RBAC names may hold what a URL may not.
  [
    builtin.clusterRole,
    { name: 'system:a/b' },
    '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aa%2Fb',
  ],
])('%o at %o', (type, place, path) => {
  expect(resourcePath(type, place)).toBe(path);
});

test('apiVersion has no slash in the core group', () => {
  expect(apiVersionOf(builtin.pod)).toBe('v1');
  expect(apiVersionOf(builtin.deployment)).toBe('apps/v1');
});
