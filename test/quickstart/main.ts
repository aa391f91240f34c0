/**
 * `npm start`: from nothing to reads that scale, on a real cluster, one step after the other. Every step either
 * happens or ends the run with a non-zero exit and a sentence that says what to do.
 */
import { createInterface } from 'node:readline/promises';
import { buildImages } from '../cluster/images/build-images.ts';
import { createTerminal, type Terminal } from '../terminal/progress.ts';
import {
  applyExample,
  createNamespace,
  exampleNamespace,
  exampleServices,
  untilReady,
} from './examples.ts';
import { chooseCluster, openCluster, type Cluster } from './find-cluster.ts';
import {
  imageReferences,
  installOperator,
  operatorNamespace,
  type ImageReferences,
} from './install.ts';
import { scaleOutAndIn } from './scale-reads.ts';
import { parseOptions, type Options } from './options.ts';
import { recordCluster, removeEverything } from './remove.ts';
import { exampleOrder } from './traffic.ts';
import { writeAndReadBack } from './write-and-read.ts';

async function main(options: Options, terminal: Terminal): Promise<void> {
  terminal.heading('1  A cluster');
  const choice = await chooseCluster(options);
  const cluster = await terminal.step('find or start a cluster', async (update) =>
    openCluster(choice, update),
  );
  await recordCluster(choice, cluster);
  terminal.line(`  using ${cluster.title}`);

  terminal.heading('2  Images');
  const images = await provideImages(cluster, options, terminal);

  terminal.heading('3  The operator');
  await terminal.step('helm install cqrs-operator', async () => installOperator(cluster, images));

  terminal.heading('4  Three services: orders, payments, and order-history composed of both');
  await createNamespace(cluster.kubectl);
  for (const name of exampleServices) {
    await applyExample(cluster.kubectl, name);
  }
  for (const name of exampleServices) {
    await terminal.step(`${name} is Ready`, async (update) =>
      untilReady(cluster.kubectl, name, update),
    );
  }
  terminal.line(await cluster.kubectl.run(['get', 'cqrs', '-n', exampleNamespace]));

  terminal.heading('5  Write, then read back');
  const orderIds = await writeAndReadBack(cluster, terminal);

  terminal.heading('6  Reads scale alone');
  if (waitsForKeys(options))
    await pressEnter('  Press Enter to send reads until the HPA scales out ');
  await scaleOutAndIn(cluster, { orderIds, loadImage: images.services }, terminal);

  if (options.once && !options.keep) {
    terminal.heading('7  Tear down, as npm stop does');
    await removeEverything(terminal);
  } else {
    terminal.heading('What next');
    for (const line of farewell(cluster)) terminal.line(`  ${line}`);
  }
}

type Provided = ImageReferences & { readonly services: string };

async function provideImages(
  cluster: Cluster,
  options: Options,
  terminal: Terminal,
): Promise<Provided> {
  if (options.operatorImage !== undefined && options.servicesImage !== undefined) {
    return { operator: options.operatorImage, services: options.servicesImage };
  }
  if (!cluster.loadsImages) {
    throw new Error(
      `Images built here cannot be put into ${cluster.title}. Push the images of operator/Dockerfile and services/Dockerfile where it can pull them and give --operator-image and --services-image.`,
    );
  }
  const images = await terminal.step('build operator, services and stores', async (update) => {
    let done = 0;
    return buildImages((progress) => {
      if (progress.state !== 'building') done += 1;
      update({ done, label: `${progress.step} ${progress.state}` });
    });
  });
  await terminal.step('load them into the cluster', async () => cluster.load(images));
  return { ...imageReferences(images), services: images.services.reference };
}

function waitsForKeys(options: Options): boolean {
  return !options.once && process.stdin.isTTY && process.stdout.isTTY;
}

async function pressEnter(question: string): Promise<void> {
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  await prompt.question(question);
  prompt.close();
}

function farewell(cluster: Cluster): string[] {
  const order = JSON.stringify(exampleOrder(1));
  return [
    ...cluster.shell,
    `kubectl get cqrs,hpa,pods -n ${exampleNamespace}             # look`,
    `kubectl describe cqrs orders -n ${exampleNamespace}          # why`,
    `kubectl logs -n ${operatorNamespace} deploy/cqrs-operator -f # what the operator does`,
    `kubectl port-forward -n ${exampleNamespace} svc/orders-command 8080:80 &`,
    `kubectl port-forward -n ${exampleNamespace} svc/orders-query 8081:80 &`,
    `curl -i http://127.0.0.1:8080/order -H 'content-type: application/json' -d '${order}'`,
    `curl 'http://127.0.0.1:8081/orders?customerId=c1&order=-placedAt&limit=2'`,
    'npm stop',
  ];
}

const parsed = parseOptions(process.argv.slice(2));
switch (parsed.outcome) {
  case 'help':
    process.stdout.write(parsed.usage);
    break;
  case 'invalid':
    process.stderr.write(parsed.message);
    process.exitCode = 2;
    break;
  case 'run': {
    const terminal = createTerminal(process.stdout);
    try {
      await main(parsed.options, terminal);
    } catch (error) {
      terminal.line(`\n${error instanceof Error ? error.message : String(error)}`);
      terminal.line('What is running stays, so that you can look; `npm stop` removes it.');
      process.exitCode = 1;
    }
  }
}
