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
import { installOperator, operatorNamespace, type ImageReferences } from './install.ts';
import { scaleOutAndIn } from './scale-reads.ts';
import { parseOptions, type Options } from './options.ts';
import { recordCluster, removeEverything } from './remove.ts';
import { writeAndReadBack } from './write-and-read.ts';

async function main(options: Options, terminal: Terminal): Promise<void> {
  terminal.heading('1  A cluster');
  const choice = await chooseCluster(options);
  const cluster = await terminal.step('find or start a cluster', async (update) =>
    openCluster(choice, update),
  );
  await recordCluster(choice);
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

  terminal.heading('What next');
  terminal.line(farewell(cluster));
  if (options.once && !options.keep) await removeEverything(terminal);
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
  const references = Object.entries(images).map(([name, image]) => [name, image.reference]);
  return {
    ...(Object.fromEntries(references) as ImageReferences),
    services: images.services.reference,
  };
}

function waitsForKeys(options: Options): boolean {
  return !options.once && process.stdin.isTTY && process.stdout.isTTY;
}

async function pressEnter(question: string): Promise<void> {
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  await prompt.question(question);
  prompt.close();
}

function farewell(cluster: Cluster): string {
  const kubectl = cluster.kubectlCommand;
  return [
    `  Look:    ${kubectl} get cqrs,hpa,pods -n ${exampleNamespace}`,
    `  Why:     ${kubectl} describe cqrs orders -n ${exampleNamespace}`,
    `  Write:   ${kubectl} port-forward -n ${exampleNamespace} svc/orders-command 8080:80    then POST http://127.0.0.1:8080/order`,
    `  Read:    ${kubectl} port-forward -n ${exampleNamespace} svc/orders-query 8081:80      then GET http://127.0.0.1:8081/orders?customerId=c1`,
    `  Logs:    ${kubectl} logs -n ${operatorNamespace} deploy/cqrs-operator -f`,
    '  Stop:    npm stop',
  ].join('\n');
}

const parsed = parseOptions(process.argv.slice(2));
const terminal = createTerminal(process.stdout);
if (!parsed.ok) {
  process.stderr.write(parsed.message);
  process.exitCode = 2;
} else {
  try {
    await main(parsed.options, terminal);
  } catch (error) {
    terminal.line(`\n${error instanceof Error ? error.message : String(error)}`);
    terminal.line('What is running stays, so that you can look; `npm stop` removes it.');
    process.exitCode = 1;
  }
}
