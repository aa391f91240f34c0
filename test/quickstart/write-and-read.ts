import type { Terminal } from '../terminal/progress.ts';
import { exampleNamespace } from './examples.ts';
import type { Cluster } from './find-cluster.ts';
import { exampleOrder, examplePayment, quantile, read, untilVisible, write } from './traffic.ts';

const ordersCount = 200;
const writersCount = 4;
const visibleSamples = 50;

/** Sends commands, reads them back through the query side, and prints what it saw. Returns the orders' ids. */
export async function writeAndReadBack(cluster: Cluster, terminal: Terminal): Promise<string[]> {
  const reached = await Promise.all(
    ['orders-command', 'orders-query', 'payments-command', 'order-history-query'].map(
      async (service) => cluster.reach(exampleNamespace, service),
    ),
  );
  const [orders, ordersQuery, payments, history] = reached.map(({ url }) => url);
  try {
    const ids = await terminal.step(`${ordersCount} orders and their payments`, async (update) => {
      return writeOrders(`${orders}/order`, `${payments}/payment`, (done) =>
        update({ done, total: ordersCount }),
      );
    });
    await terminal.step('the last order and its payment are in order-history', async () => {
      await untilVisible(`${history}/order-history/${ids.at(-1)}`);
    });
    const latencies = await terminal.step('commit → visible in the query API', async (update) => {
      const samples: number[] = [];
      for (let n = 0; n < visibleSamples; n += 1) {
        const { id } = await write(`${orders}/order`, exampleOrder(n));
        samples.push(await untilVisible(`${ordersQuery}/orders/${id}`));
        update({ done: n + 1, total: visibleSamples });
      }
      return samples;
    });
    const p50 = quantile(latencies, 0.5).toFixed(1);
    const p99 = quantile(latencies, 0.99).toFixed(1);
    terminal.line(
      `  visible after p50 ${p50} ms, p99 ${p99} ms (from the command's answer, ${visibleSamples} orders)`,
    );
    terminal.line(`  GET /orders?customerId=c1&order=-placedAt&limit=2`);
    terminal.line(
      indent(await read(`${ordersQuery}/orders?customerId=c1&order=-placedAt&limit=2`)),
    );
    terminal.line(`  GET /order-history/${ids[0]}   (one read instead of a call to each service)`);
    terminal.line(indent(await read(`${history}/order-history/${ids[0]}`)));
    return ids;
  } finally {
    for (const { close } of reached) close();
  }
}

async function writeOrders(
  ordersUrl: string,
  paymentsUrl: string,
  progress: (done: number) => void,
): Promise<string[]> {
  const ids: string[] = [];
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < ordersCount) {
      const order = exampleOrder(next);
      next += 1;
      const { id } = await write(ordersUrl, order);
      await write(paymentsUrl, examplePayment(id, order['total']));
      ids.push(id);
      progress(ids.length);
    }
  };
  await Promise.all(Array.from({ length: writersCount }, writer));
  return ids;
}

function indent(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(/^/gmu, '    ');
}
