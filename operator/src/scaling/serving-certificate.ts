import { pause, type Clock } from '../kube/clock.ts';
import type { KubeClient } from '../kube/client.ts';
import { createInformer, type Informer } from '../kube/informer.ts';
import type { KubeLogger } from '../kube/logger.ts';
import type { ObjectRef } from '../kube/object.ts';
import { apiVersionOf, builtin } from '../kube/resource-type.ts';
import {
  apiServiceState,
  pointsTo,
  servedApiService,
  type ApiService,
  type ApiServiceState,
} from './api-service.ts';
import {
  certificateLifetimeMs,
  nextUpkeepStep,
  readStored,
  trustBundle,
  type CertificateSecret,
  type StoredCertificate,
} from './certificate-upkeep.ts';
import { issueCertificate } from './certificate.ts';

export type ServingCertificateOptions = {
  readonly client: KubeClient;
  /** The Service in front of the metrics API; the certificate is made out to it, and lies in its namespace. */
  readonly service: Required<ObjectRef>;
  readonly isLeader: () => boolean;
  readonly onCertificate: (certificate: StoredCertificate) => void;
  readonly onApiServiceChange: () => void;
  readonly logger: KubeLogger;
  readonly clock: Clock;
};

export type ServingCertificate = {
  start(): void;
  stop(): Promise<void>;
  apiService(): ApiServiceState;
};

const fieldManager = 'cqrs-operator/serving-certificate';
const upkeepIntervalMs = 1_000;
const retryDelayMsMax = 60_000;
// Time for every API server to hear of a CA before it meets a certificate of it.
const trustSpreadMs = 5_000;

type BeforeIssue = {
  readonly secret: CertificateSecret | undefined;
  /** The bundle that clients trust now; empty when they trust none yet. */
  readonly trusted: string;
  readonly ours: ApiService | undefined;
};

/**
 * Keeps the certificate that the metrics API serves with. The leader issues and renews it: it first lets the APIService
 * trust the new CA, then writes the Secret. Every replica serves what the Secret holds.
 */
export function createServingCertificate(options: ServingCertificateOptions): ServingCertificate {
  return new Upkeep(options);
}

class Upkeep implements ServingCertificate {
  readonly #options: ServingCertificateOptions;
  readonly #secrets: Informer<CertificateSecret>;
  readonly #apiServices: Informer<ApiService>;
  readonly #dnsNames: readonly string[];
  readonly #secretRef: Required<ObjectRef>;
  readonly #stopping = new AbortController();
  #secret: CertificateSecret | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ServingCertificateOptions) {
    const { client, logger, service } = options;
    this.#options = options;
    this.#secretRef = { ...service, name: `${service.name}-serving-cert` };
    this.#dnsNames = [`${service.name}.${service.namespace}.svc`];
    this.#secrets = createInformer<CertificateSecret>({
      client,
      logger,
      type: builtin.secret,
      namespace: service.namespace,
      fieldSelector: `metadata.name=${this.#secretRef.name}`,
    });
    this.#apiServices = createInformer<ApiService>({ client, logger, type: builtin.apiService });
    this.#secrets.onChange(({ type, object }) =>
      this.#remember(type === 'deleted' ? undefined : object),
    );
    this.#apiServices.onChange(() => options.onApiServiceChange());
  }

  start(): void {
    this.#secrets.start();
    this.#apiServices.start();
    this.#running ??= this.#run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#running, this.#secrets.stop(), this.#apiServices.stop()]);
  }

  apiService(): ApiServiceState {
    if (!this.#apiServices.isSynced()) {
      return { state: 'unknown', message: 'APIServices have not been listed yet' };
    }
    return apiServiceState(this.#apiServices.list(), this.#options.service);
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, isLeader, logger } = this.#options;
    let delayMs = upkeepIntervalMs;
    while (!signal.aborted) {
      try {
        if (isLeader() && this.#secrets.isSynced()) await this.#keepUp(signal);
        delayMs = upkeepIntervalMs;
      } catch (err) {
        delayMs = Math.min(delayMs * 2, retryDelayMsMax);
        if (!signal.aborted)
          logger.warn({ err, delayMs }, 'Failed to keep the serving certificate');
      }
      await pause(clock, delayMs, signal);
    }
  }

  async #keepUp(signal: AbortSignal): Promise<void> {
    const secret = this.#secret;
    const stored = readStored(secret, this.#dnsNames);
    const ours = this.#ourApiService();
    const trustedNow = ours && Buffer.from(ours.spec.caBundle ?? '', 'base64').toString('utf8');
    switch (nextUpkeepStep({ stored, trustedNow, nowMs: this.#options.clock.wallNow() })) {
      case 'none':
        return;
      case 'trust':
        if (ours && stored) await this.#trust(ours, stored.trusted, signal);
        return;
      case 'issue':
        await this.#issue({ secret, trusted: stored?.trusted ?? trustedNow ?? '', ours }, signal);
    }
  }

  async #issue(before: BeforeIssue, signal: AbortSignal): Promise<void> {
    const { client, clock, logger } = this.#options;
    const valid = { fromMs: clock.wallNow(), forMs: certificateLifetimeMs };
    const issued = issueCertificate(this.#dnsNames, valid);
    const trusted = trustBundle(issued, before.trusted);
    // First trusted, then served: no request in between meets a certificate that its sender does not know.
    if (before.ours) await this.#trust(before.ours, trusted, signal);
    if (before.ours && before.trusted !== '') await pause(clock, trustSpreadMs, signal);
    if (signal.aborted) return;
    const resourceVersion = before.secret?.metadata.resourceVersion;
    const written = await client.apply<CertificateSecret>(
      builtin.secret,
      {
        apiVersion: apiVersionOf(builtin.secret),
        kind: builtin.secret.kind,
        metadata: { ...this.#secretRef, ...(resourceVersion !== undefined && { resourceVersion }) },
        data: {
          'ca.crt': base64(trusted),
          'tls.crt': base64(issued.certificate),
          'tls.key': base64(issued.key),
        },
      } as CertificateSecret,
      { fieldManager, signal },
    );
    logger.info({ secret: this.#secretRef.name }, 'Issued a serving certificate');
    this.#remember(written);
  }

  // The resource version makes it one step with having seen that the APIService is ours.
  async #trust(ours: ApiService, trusted: string, signal: AbortSignal): Promise<void> {
    const { name, resourceVersion } = ours.metadata;
    const patch = {
      apiVersion: apiVersionOf(builtin.apiService),
      kind: builtin.apiService.kind,
      metadata: { name, ...(resourceVersion !== undefined && { resourceVersion }) },
      spec: { caBundle: base64(trusted) },
    };
    await this.#options.client.apply(builtin.apiService, patch, { fieldManager, signal });
    this.#options.logger.info({ apiService: name }, 'Made the APIService trust the certificate');
  }

  #ourApiService(): ApiService | undefined {
    const served = servedApiService(this.#apiServices.list());
    return served && pointsTo(served, this.#options.service) ? served : undefined;
  }

  #remember(secret: CertificateSecret | undefined): void {
    this.#secret = secret;
    const stored = readStored(secret, this.#dnsNames);
    if (stored) this.#options.onCertificate(stored);
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
