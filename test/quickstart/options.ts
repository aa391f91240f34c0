import { parseArgs } from 'node:util';

export type Options = {
  readonly context: string | undefined;
  readonly once: boolean;
  readonly keep: boolean;
  readonly operatorImage: string | undefined;
  readonly servicesImage: string | undefined;
};

const usage = `npm start -- [--context NAME] [--once] [--keep] [--operator-image REF --services-image REF]

  --context NAME         use this context of your kubeconfig instead of finding or making a cluster
  --once                 wait for no key, and tear everything down at the end (as npm stop does)
  --keep                 with --once: leave everything running
  --operator-image REF   with --context: an image that the cluster can pull (default: built here and loaded,
  --services-image REF   which works for the local cluster and for kind)
`;

export type Parsed =
  | { readonly outcome: 'run'; readonly options: Options }
  | { readonly outcome: 'help'; readonly usage: string }
  | { readonly outcome: 'invalid'; readonly message: string };

export function parseOptions(args: readonly string[]): Parsed {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        context: { type: 'string' },
        once: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        'operator-image': { type: 'string' },
        'services-image': { type: 'string' },
      },
    });
    if (values.help) return { outcome: 'help', usage };
    return {
      outcome: 'run',
      options: {
        context: values.context,
        once: values.once,
        keep: values.keep,
        operatorImage: values['operator-image'],
        servicesImage: values['services-image'],
      },
    };
  } catch (error) {
    return {
      outcome: 'invalid',
      message: `${error instanceof Error ? error.message : String(error)}\n\n${usage}`,
    };
  }
}
