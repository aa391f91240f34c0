/**
 * What can be built, from which folder of pinned modules (one go.mod a family) and which package.
 * `module` is the one whose version, read from go.mod, names the cache folder.
 */
export const families = {
  etcd: { module: 'go.etcd.io/etcd/server/v3', versionVariables: [] },
  kubernetes: {
    module: 'k8s.io/kubernetes',
    versionVariables: [
      'k8s.io/component-base/version.gitVersion',
      'k8s.io/client-go/pkg/version.gitVersion',
    ],
  },
  helm: {
    module: 'helm.sh/helm/v4',
    versionVariables: ['helm.sh/helm/v4/internal/version.version'],
  },
  containerd: {
    module: 'github.com/containerd/containerd/v2',
    versionVariables: ['github.com/containerd/containerd/v2/version.Version'],
  },
  cni: {
    module: 'github.com/containernetworking/plugins',
    versionVariables: [
      'github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion',
    ],
  },
  coredns: { module: 'github.com/coredns/coredns', versionVariables: [] },
  'metrics-server': {
    module: 'sigs.k8s.io/metrics-server',
    versionVariables: ['sigs.k8s.io/metrics-server/pkg/version.gitVersion'],
  },
  'helm-unittest': {
    module: 'github.com/helm-unittest/helm-unittest',
    versionVariables: ['github.com/helm-unittest/helm-unittest/internal/build.version'],
  },
} as const satisfies Record<string, { module: string; versionVariables: readonly string[] }>;

export type Family = keyof typeof families;

/**
 * The package of each tool below its family's module; the order is the one that serves the waiting
 * soonest.
 */
const packages = {
  etcd: ['etcd', ''],
  'kube-apiserver': ['kubernetes', '/cmd/kube-apiserver'],
  kubectl: ['kubernetes', '/cmd/kubectl'],
  kubeadm: ['kubernetes', '/cmd/kubeadm'],
  helm: ['helm', '/cmd/helm'],
  'kube-controller-manager': ['kubernetes', '/cmd/kube-controller-manager'],
  kubelet: ['kubernetes', '/cmd/kubelet'],
  'kube-scheduler': ['kubernetes', '/cmd/kube-scheduler'],
  'kube-proxy': ['kubernetes', '/cmd/kube-proxy'],
  containerd: ['containerd', '/cmd/containerd'],
  'containerd-shim-runc-v2': ['containerd', '/cmd/containerd-shim-runc-v2'],
  ctr: ['containerd', '/cmd/ctr'],
  ptp: ['cni', '/plugins/main/ptp'],
  loopback: ['cni', '/plugins/main/loopback'],
  'host-local': ['cni', '/plugins/ipam/host-local'],
  coredns: ['coredns', ''],
  'metrics-server': ['metrics-server', '/cmd/metrics-server'],
  'helm-unittest': ['helm-unittest', '/cmd/helm-unittest'],
} as const satisfies Record<string, readonly [Family, string]>;

export type ToolName = keyof typeof packages;

export const toolNames = Object.keys(packages).filter(isToolName);

export function isToolName(name: string): name is ToolName {
  return Object.hasOwn(packages, name);
}

/** The family of a tool and the import path of its main package. */
export function toolSource(tool: ToolName): { family: Family; packagePath: string } {
  const [family, below] = packages[tool];
  return { family, packagePath: families[family].module + below };
}

/**
 * The version that a go.mod pins a module to, with its leading `v`; undefined when go.mod does not
 * name it.
 */
export function pinnedVersion(goMod: string, module: string): string | undefined {
  const line = goMod.split('\n').find((text) => text.trim().startsWith(`${module} v`));
  return line?.trim().split(' ')[1];
}

/** Linker flags: no symbol tables, and the version where the program looks for it. */
export function linkerFlags(family: Family, version: string): string {
  const variables = families[family].versionVariables.map((name) => `-X ${name}=${version}`);
  return ['-s', '-w', ...variables].join(' ');
}
