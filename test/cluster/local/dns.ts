/** CoreDNS as a process of the node, behind the Service that pods are told to ask. */
import { join } from 'node:path';
import { addresses, dnsDomain, stateFolders } from './layout.ts';
import { kubeconfigPath } from './certificates.ts';
import { answersOk } from './probe.ts';
import type { Part } from './processes.ts';

const dnsPort = 53;
const readyPort = 8181;

export function coreDns(command: string): Part {
  const corefile = join(stateFolders().config, 'Corefile');
  return {
    name: 'coredns',
    command,
    args: [`-conf=${corefile}`],
    files: { [corefile]: configuration() },
    isReady: async () => answersOk(`http://${addresses.node}:${readyPort}/ready`),
  };
}

/** The Service and, because no pod stands behind it, its endpoint: the node's own address. */
export function dnsManifests(): object[] {
  const namespace = 'kube-system';
  const ports = [
    { name: 'dns', port: dnsPort, protocol: 'UDP' },
    { name: 'dns-tcp', port: dnsPort, protocol: 'TCP' },
  ];
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace },
      spec: { clusterIP: addresses.dnsService, ports },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'kube-dns-node',
        namespace,
        labels: { 'kubernetes.io/service-name': 'kube-dns' },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: [addresses.node], conditions: { ready: true } }],
      ports,
    },
  ];
}

/**
 * Answers for the cluster's names; that no other name exists is said at once, because the node has
 * no way out to ask. These are two zones: in one, the plugin that denies would come before the one
 * that knows.
 */
function configuration(): string {
  return `${dnsDomain}:${dnsPort} in-addr.arpa:${dnsPort} {
  bind ${addresses.node}
  errors
  ready ${addresses.node}:${readyPort}
  kubernetes ${dnsDomain} in-addr.arpa {
    kubeconfig ${kubeconfigPath('admin')}
    ttl 5
  }
}
.:${dnsPort} {
  bind ${addresses.node}
  errors
  template ANY ANY {
    rcode NXDOMAIN
  }
}
`;
}
