import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { postgresSecret } from './postgres-secret.ts';
import { redisSecret } from './redis-secret.ts';

const passwords = { postgres: 'p', command: 'c', relay: 'r', redis: 'd' };
const retained = wholeService('orders', ordersSpec);
const deleted = wholeService('orders', { ...ordersSpec, deletionPolicy: 'Delete' });

test('passwords are base64 under the keys that the pods read', () => {
  expect(postgresSecret(retained, passwords).data).toEqual({
    'postgres-password': 'cA==',
    'command-password': 'Yw==',
    'relay-password': 'cg==',
  });
  expect(redisSecret(retained, passwords).data).toEqual({ 'redis-password': 'ZA==' });
});

test.each([postgresSecret, redisSecret])('with Retain it outlives the service: %o', (secret) => {
  expect(secret(retained, passwords).metadata.ownerReferences).toBeUndefined();
  expect(secret(deleted, passwords).metadata.ownerReferences).toMatchObject([
    { name: 'orders', controller: true },
  ]);
});
