import { describe, expect, it } from 'vitest';
import { parseConfig } from './config.ts';

const minimal = ['--services-image', 'cqrs/services:1'];
const parse = (...args: string[]): ReturnType<typeof parseConfig> =>
  parseConfig(args, {}, 'host-1');

describe('parseConfig', () => {
  it('needs only the services image and freezes what it read', () => {
    const parsed = parse(...minimal);
    expect(parsed).toMatchObject({
      outcome: 'run',
      config: {
        images: {
          services: 'cqrs/services:1',
          postgres: 'postgres:17',
          pullPolicy: 'IfNotPresent',
        },
        watchNamespaces: [],
        metricsApi: undefined,
        podStatus: 'apiserver-proxy',
        identity: 'host-1',
        statusRefreshMs: 5000,
      },
    });
    expect(parsed.outcome === 'run' && Object.isFrozen(parsed.config)).toBe(true);
  });

  it('takes name and namespace of the pod from the downward API', () => {
    const env = { POD_NAME: 'cqrs-operator-0', POD_NAMESPACE: 'cqrs-system' };
    expect(parseConfig(minimal, env, 'host-1')).toMatchObject({
      config: { identity: 'cqrs-operator-0', namespace: 'cqrs-system' },
    });
  });

  it('asks pods directly when it runs in one', () => {
    expect(parseConfig(minimal, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 'host-1')).toMatchObject({
      config: { podStatus: 'direct' },
    });
  });

  it('serves the metrics API where it is told a port', () => {
    expect(parse(...minimal, '--metrics-api-port=6443')).toMatchObject({
      config: { metricsApi: { port: 6443, service: 'cqrs-operator' } },
    });
  });

  it('splits the watched namespaces', () => {
    expect(parse(...minimal, '--watch-namespaces=shop,billing')).toMatchObject({
      config: { watchNamespaces: ['shop', 'billing'] },
    });
  });

  it('prints every flag on --help, whatever else is given', () => {
    const parsed = parse('--help');
    expect(parsed.outcome).toBe('help');
    expect(parsed.outcome === 'help' && parsed.usage).toContain('--services-image IMAGE');
  });

  it.each([
    { args: [], problem: '--services-image needs a value' },
    { args: [...minimal, '--colour', 'red'], problem: "Unknown option '--colour'" },
    { args: [...minimal, 'stray'], problem: "Unexpected argument 'stray'" },
    {
      args: [...minimal, '--image-pull-policy', 'Sometimes'],
      problem: '--image-pull-policy is "Sometimes"; give one of IfNotPresent, Always, Never',
    },
    {
      args: [...minimal, '--ops-port', '99999'],
      problem: '--ops-port is "99999"; give a whole number from 0 to 65535',
    },
  ])('refuses $args', ({ args, problem }) => {
    const parsed = parse(...args);
    expect(parsed.outcome).toBe('invalid');
    expect(parsed.outcome === 'invalid' && parsed.problem).toContain(problem);
    expect(parsed.outcome === 'invalid' && parsed.usage).toContain('Usage:');
  });
});
