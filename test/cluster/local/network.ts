/**
 * The whole node lives in one network namespace, joined to the host by a pair of interfaces, so
 * that the host's own network rules stay as they are. Two routes let the host reach pods and
 * Services.
 */
import { addresses, clusterName, hostInterface, netnsPath, nodeInterface } from './layout.ts';
import { commandSucceeds, run } from '../tools/command.ts';

const inNetns = [`--net=${netnsPath}`, '--'] as const;

/** Makes what is missing of the namespace, the pair and the routes. */
export async function ensureNetwork(): Promise<void> {
  if (!(await commandSucceeds('nsenter', [...inNetns, 'true']))) {
    await removeNetwork();
    await run('ip', ['netns', 'add', clusterName]);
  }
  if (!(await commandSucceeds('ip', ['link', 'show', hostInterface]))) {
    const pair = ['link', 'add', hostInterface, 'type', 'veth'];
    await run('ip', [...pair, 'peer', 'name', nodeInterface, 'netns', clusterName]);
  }
  const bits = addresses.pairPrefixBits;
  const onHost = [
    ['addr', 'replace', `${addresses.host}/${bits}`, 'dev', hostInterface],
    ['link', 'set', hostInterface, 'up'],
    ['route', 'replace', addresses.podCidr, 'via', addresses.node],
    ['route', 'replace', addresses.serviceCidr, 'via', addresses.node],
  ];
  const onNode = [
    ['link', 'set', 'lo', 'up'],
    ['addr', 'replace', `${addresses.node}/${bits}`, 'dev', nodeInterface],
    ['link', 'set', nodeInterface, 'up'],
    ['route', 'replace', 'default', 'via', addresses.host],
  ];
  for (const args of onHost) {
    await run('ip', args);
  }
  for (const args of onNode) {
    await run('nsenter', [...inNetns, 'ip', ...args]);
  }
  const forward = 'echo 1 > /proc/sys/net/ipv4/ip_forward';
  await run('nsenter', [...inNetns, 'sh', '-c', forward]);
}

/**
 * Removes the namespace; with it go its end of the pair, hence the host's end, hence the routes.
 */
export async function removeNetwork(): Promise<void> {
  await commandSucceeds('ip', ['link', 'delete', hostInterface]);
  await commandSucceeds('ip', ['netns', 'delete', clusterName]);
}

/** What is left of the network, as sentences for an error; empty when nothing is. */
export async function networkLeftovers(): Promise<string[]> {
  const checks: [string, string[]][] = [
    [`the interface ${hostInterface}`, ['ip', 'link', 'show', hostInterface]],
    [`the network namespace ${netnsPath}`, ['test', '-e', netnsPath]],
  ];
  const leftovers: string[] = [];
  for (const [what, [command = '', ...args]] of checks) {
    if (await commandSucceeds(command, args)) {
      leftovers.push(what);
    }
  }
  return leftovers;
}
