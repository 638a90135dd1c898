/** Asynchronous work one after the other, in a queue that refuses what is too much. */

export class QueueFullError extends Error {
  readonly limit: number;
  constructor(limit: number) {
    super(`the queue is full: ${limit} wait already`);
    this.name = "QueueFullError";
    this.limit = limit;
  }
}

export class SerialQueue {
  readonly limit: number;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @param limit how many may wait or run */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** How many wait or run. */
  get size(): number {
    return this.#waiting;
  }

  /** Runs the work when all before it is done, failed or not. @throws QueueFullError as a rejection */
  run<T>(work: () => Promise<T> | T): Promise<T> {
    if (this.#waiting >= this.limit) return Promise.reject(new QueueFullError(this.limit));
    this.#waiting++;
    const result = this.#last.then(work).finally(() => {
      this.#waiting--;
    });
    this.#last = result.catch(() => {});
    return result;
  }

  /** Resolves when everything given so far is done. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
