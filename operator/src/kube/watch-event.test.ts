import { expect, test } from 'vitest';
import { parseWatchEvent } from './watch-event.ts';

const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', resourceVersion: '7' } };

test.each(['ADDED', 'MODIFIED', 'DELETED'])('%s carries its object', (type) => {
  expect(parseWatchEvent(JSON.stringify({ type, object }))).toEqual({ type, object });
});

test.each([
  [{ 'k8s.io/initial-events-end': 'true' }, true],
  [undefined, false],
])(
  'a bookmark with annotations %o ends the initial events: %s',
  (annotations, endsInitialEvents) => {
    const bookmark = { ...object, metadata: { ...object.metadata, annotations } };
    expect(parseWatchEvent(JSON.stringify({ type: 'BOOKMARK', object: bookmark }))).toEqual({
      type: 'BOOKMARK',
      resourceVersion: '7',
      endsInitialEvents,
    });
  },
);

test('an ERROR is thrown with the code and reason of its Status', () => {
  const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
  expect(() => parseWatchEvent(JSON.stringify({ type: 'ERROR', object: status }))).toThrow(
    expect.objectContaining({ code: 'KUBE_WATCH', isGone: true, reason: 'Expired' }),
  );
});

test.each(['{"type":"ADD', '{"type":"OTHER","object":{}}', '{}'])('%s is no event', (line) => {
  expect(() => parseWatchEvent(line)).toThrow(
    expect.objectContaining({ code: 'KUBE_RESPONSE_INVALID' }),
  );
});
