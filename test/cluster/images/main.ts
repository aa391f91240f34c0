/** `node test/cluster/images/main.ts` builds all images, prints a line for each step and then the references. */
import { buildImages } from './build-images.ts';
import { imageNames } from './image-set.ts';

const images = await buildImages(({ step, state, seconds }) => {
  const time = state === 'built' ? ` in ${seconds.toFixed(1)} s` : '';
  process.stdout.write(`${step} ${state}${time}\n`);
});
for (const name of imageNames) {
  const { reference, archivePath } = images[name];
  process.stdout.write(`${name} ${reference} ${archivePath}\n`);
}
