import type { Lsn } from './lsn.ts';

/**
 * The LSN below which every event is acknowledged by Kafka. Events are published in the order of the WAL, so counting
 * them is enough: a transaction is behind the watermark when all events up to its commit have been acknowledged.
 */
export class Watermark {
  #value: Lsn;
  #seen = 0;
  #acknowledged = 0;
  #inTransaction = false;
  /** Ends of transactions in order, each with how many events had been seen by then; `#first` is the oldest open one. */
  #ends: { readonly lsn: Lsn; readonly events: number }[] = [];
  #first = 0;

  constructor(start: Lsn) {
    this.#value = start;
  }

  get value(): Lsn {
    return this.#value;
  }

  /** Events acknowledged so far. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Events seen and not acknowledged. */
  get inFlight(): number {
    return this.#seen - this.#acknowledged;
  }

  begin(): void {
    this.#inTransaction = true;
  }

  event(): void {
    this.#seen += 1;
  }

  commit(endLsn: Lsn): void {
    this.#inTransaction = false;
    const last = this.#ends.at(-1);
    // Transactions without events of ours end with their predecessor, so the list grows only with events.
    if (last?.events === this.#seen && this.#ends.length > this.#first) this.#ends.pop();
    this.#ends.push({ lsn: endLsn, events: this.#seen });
    this.#advance();
  }

  /** Kafka has acknowledged the oldest `count` events that it had not acknowledged before. */
  acknowledge(count: number): void {
    if (count > this.inFlight) {
      throw new RangeError(`${count} events acknowledged and ${this.inFlight} in flight`);
    }
    this.#acknowledged += count;
    this.#advance();
  }

  /** The server has sent all there is up to `walEnd`: with nothing in flight there is nothing to wait for below it. */
  serverReached(walEnd: Lsn): void {
    if (this.inFlight === 0 && !this.#inTransaction) this.#raise(walEnd);
  }

  #advance(): void {
    for (let next = this.#ends[this.#first]; next !== undefined; next = this.#ends[this.#first]) {
      if (next.events > this.#acknowledged) break;
      this.#raise(next.lsn);
      this.#first += 1;
    }
    // Dropping the done half now and then costs less than shifting the list for every transaction.
    if (this.#first * 2 > this.#ends.length) {
      this.#ends = this.#ends.slice(this.#first);
      this.#first = 0;
    }
  }

  #raise(lsn: Lsn): void {
    if (lsn > this.#value) this.#value = lsn;
  }
}
