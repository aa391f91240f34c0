import { expect, test } from 'vitest';
import { yamlOf } from './example-context.ts';
import { sharedPod } from './example-parts.ts';

test('what every pod is: restricted, without credentials, with time to stop', () => {
  expect(yamlOf(sharedPod('store', { part: 'store' }))).toMatchInlineSnapshot(`
    "metadata:
      labels:
        part: store
      annotations:
        cqrs.dev/config-checksum: none
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 30
      securityContext:
        runAsNonRoot: true
        runAsUser: 1
        runAsGroup: 1
        fsGroup: 1
        fsGroupChangePolicy: OnRootMismatch
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: store
          image: store:1
          volumeMounts: []
          resources: {}
          imagePullPolicy: IfNotPresent
          terminationMessagePolicy: FallbackToLogsOnError
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop:
                - ALL
      volumes: []
    "
  `);
});
