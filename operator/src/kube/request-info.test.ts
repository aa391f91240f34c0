import { expect, test } from 'vitest';
import {
  contentTypes,
  isWrite,
  requestInfo,
  type Method,
  type RequestInfo,
} from './request-info.ts';

test.each<[Method, string, RequestInfo]>([
  ['GET', '/api/v1/pods', { verb: 'list', resource: 'pods' }],
  ['GET', '/api/v1/namespaces', { verb: 'list', resource: 'namespaces' }],
  ['GET', '/api/v1/namespaces/shop', { verb: 'get', resource: 'namespaces' }],
  ['GET', '/api/v1/namespaces/shop/pods', { verb: 'list', resource: 'pods' }],
  ['GET', '/apis/apps/v1/namespaces/n/deployments/d', { verb: 'get', resource: 'deployments' }],
  ['GET', '/readyz', { verb: 'get', resource: 'readyz' }],
  ['POST', '/apis/apps/v1/namespaces/n/deployments', { verb: 'create', resource: 'deployments' }],
  ['PUT', '/api/v1/namespaces/n/configmaps/c', { verb: 'update', resource: 'configmaps' }],
  ['DELETE', '/api/v1/namespaces/n/configmaps/c', { verb: 'delete', resource: 'configmaps' }],
])('%s %s', (method, path, info) => {
  expect(requestInfo(method, path)).toEqual(info);
});

test('a PATCH is an apply by its content type only', () => {
  const path = '/apis/apps/v1/namespaces/n/deployments/d/status';
  const verbs = [contentTypes.apply, contentTypes.mergePatch, contentTypes.jsonPatch].map(
    (contentType) => requestInfo('PATCH', path, contentType).verb,
  );
  expect(verbs).toEqual(['apply', 'patch', 'patch']);
});

test('a review is created, but changes nothing', () => {
  const reviews = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  expect(isWrite(requestInfo('POST', reviews))).toBe(false);
  expect(isWrite(requestInfo('GET', '/api/v1/pods'))).toBe(false);
  expect(isWrite(requestInfo('PATCH', '/api/v1/namespaces/n/pods/p/status'))).toBe(true);
});
