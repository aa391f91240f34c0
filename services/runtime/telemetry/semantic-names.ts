/**
 * The attributes of our spans, by the names of OpenTelemetry's semantic conventions. Those of messaging and databases
 * still change from one version of the conventions to the next: this is where to follow them.
 */
export const semanticNames = {
  requestMethod: 'http.request.method',
  route: 'http.route',
  statusCode: 'http.response.status_code',
  errorType: 'error.type',
  database: 'db.system.name',
  table: 'db.collection.name',
  statement: 'db.operation.name',
  messagingSystem: 'messaging.system',
  destination: 'messaging.destination.name',
  partition: 'messaging.destination.partition.id',
  messagingOperation: 'messaging.operation.type',
  messageCount: 'messaging.batch.message_count',
  view: 'cqrs.view',
  serviceName: 'service.name',
} as const;

export type SemanticName = (typeof semanticNames)[keyof typeof semanticNames];
