import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { settleMsMax, type World } from './world.ts';

/** What TopicAdmin promises. */
export function topicsSuite(world: World): void {
  const { address, client } = world;

  describe(`looking after topics with ${world.name}`, () => {
    test('makes, describes, changes and deletes, and leaves the settings of others alone', async () => {
      const topic = `conformance-${randomUUID()}`;
      await using admin = client.openTopicAdmin(address());
      await admin.create([{ topic, partitions: 3, settings: { 'retention.ms': '1000' } }]);
      // Kafka answers when its controller knows; the broker that is asked next learns it a moment later.
      await eventually('the topic', settleMsMax, async () => {
        return (await admin.existing([topic, 'nobody-made-this'])).join() === topic;
      });
      await admin.change(topic, { 'segment.bytes': '1048577' });
      await eventually('its changed setting', settleMsMax, async () => {
        const [described] = await admin.describe([topic]);
        return described?.settings['segment.bytes'] === '1048577';
      });
      const [described] = await admin.describe([topic]);
      expect(described).toMatchObject({
        topic,
        partitions: 3,
        settings: { 'retention.ms': '1000', 'cleanup.policy': 'delete' },
      });
      await expect(admin.create([{ topic, partitions: 3, settings: {} }])).rejects.toThrow(
        /exist/i,
      );
      await admin.delete([topic]);
      await eventually('the topic to be gone', settleMsMax, async () => {
        return (await admin.existing([topic])).length === 0;
      });
    });
  });
}
