import type { Labels } from './labels.ts';
import type { ComputeResources } from './compute-resources.ts';
import type { Images, PullPolicy } from './context.ts';

export type EnvVar = { readonly name: string } & (
  | { readonly value: string }
  | {
      readonly valueFrom: {
        readonly secretKeyRef: {
          readonly name: string;
          readonly key: string;
          /** Without the key the variable is absent, and the pod starts. */
          readonly optional?: true;
        };
      };
    }
);

export type Probe = {
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
  readonly initialDelaySeconds?: number;
} & (
  | { readonly httpGet: { readonly path: string; readonly port: string } }
  | { readonly tcpSocket: { readonly port: string } }
  | { readonly exec: { readonly command: readonly string[] } }
);

export type Volume = { readonly name: string } & (
  | { readonly emptyDir: { readonly sizeLimit: string } }
  | { readonly configMap: { readonly name: string } }
  | { readonly projected: { readonly sources: readonly ProjectedConfigMap[] } }
  | { readonly downwardAPI: { readonly items: readonly PodField[] } }
);

/** A field of the pod itself as a file. */
type PodField = { readonly path: string; readonly fieldRef: { readonly fieldPath: string } };

/** Keys of a ConfigMap, each as a file at a path below the mount. */
export type ProjectedConfigMap = {
  readonly configMap: {
    readonly name: string;
    readonly items: readonly { readonly key: string; readonly path: string }[];
  };
};

export type VolumeMount = {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
};

/** A container before the security context that all of ours share is added. */
export type ContainerInput = {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly VolumeMount[];
  readonly resources: ComputeResources;
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
};

type Container = ContainerInput & {
  readonly imagePullPolicy: PullPolicy;
  readonly terminationMessagePolicy: 'FallbackToLogsOnError';
  readonly securityContext: typeof containerSecurity;
};

export type PodTemplate = {
  readonly metadata: { readonly labels: Labels; readonly annotations: Labels };
  readonly spec: {
    readonly automountServiceAccountToken: false;
    readonly enableServiceLinks: false;
    readonly terminationGracePeriodSeconds: number;
    readonly securityContext: ReturnType<typeof podSecurity>;
    readonly imagePullSecrets?: readonly { readonly name: string }[];
    readonly initContainers?: readonly Container[];
    readonly containers: readonly Container[];
    readonly volumes: readonly Volume[];
    readonly restartPolicy?: 'Never';
    readonly topologySpreadConstraints?: readonly SpreadConstraint[];
  };
};

type SpreadConstraint = {
  readonly maxSkew: number;
  readonly topologyKey: string;
  readonly whenUnsatisfiable: 'ScheduleAnyway';
  readonly labelSelector: { readonly matchLabels: Labels };
};

export type PodTemplateInput = {
  readonly labels: Labels;
  readonly annotations?: Labels;
  /** Hash of what the pods read only once, so that a change of it rolls them. */
  readonly configChecksum: string;
  /** Numeric user and group of the image; volumes are given to it. */
  readonly userId: number;
  readonly images: Pick<Images, 'pullPolicy' | 'pullSecrets'>;
  readonly initContainers?: readonly ContainerInput[];
  readonly container: ContainerInput;
  readonly volumes: readonly Volume[];
  readonly restartPolicy?: 'Never';
  readonly spreadOver?: Labels;
};

// The programs give themselves 25 s to stop (services/runtime/lifecycle.ts); the kubelet kills after that.
const terminationGracePeriodSeconds = 30;

const configChecksumAnnotation = 'cqrs.dev/config-checksum';

/** The scratch folder of a container whose root file system is read-only. */
export const tmpVolume: Volume = { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } };
export const tmpMount: VolumeMount = { name: 'tmp', mountPath: '/tmp' };

const containerSecurity = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
} as const;

function podSecurity(userId: number) {
  return {
    runAsNonRoot: true,
    runAsUser: userId,
    runAsGroup: userId,
    fsGroup: userId,
    // Otherwise each start of a pod walks the whole volume, and loosens the mode of folders that
    // Postgres insists on keeping to itself.
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  } as const;
}

/** A pod that passes the `restricted` Pod Security Standard and gets no Kubernetes credentials. */
export function podTemplate(input: PodTemplateInput): PodTemplate {
  const secure = (container: ContainerInput): Container => ({
    ...container,
    imagePullPolicy: input.images.pullPolicy,
    // The pod's status then holds what a container said last, and the CqrsService's conditions pass it on.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: containerSecurity,
  });
  const { pullSecrets } = input.images;
  return {
    metadata: {
      labels: input.labels,
      annotations: { ...input.annotations, [configChecksumAnnotation]: input.configChecksum },
    },
    spec: {
      automountServiceAccountToken: false,
      // Service links would set variables such as REDIS_PORT that programs take for their own.
      enableServiceLinks: false,
      terminationGracePeriodSeconds,
      securityContext: podSecurity(input.userId),
      ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
      ...(input.initContainers && { initContainers: input.initContainers.map(secure) }),
      containers: [secure(input.container)],
      volumes: input.volumes,
      ...(input.restartPolicy && { restartPolicy: input.restartPolicy }),
      ...(input.spreadOver && {
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'kubernetes.io/hostname',
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: { matchLabels: input.spreadOver },
          },
        ],
      }),
    },
  };
}
