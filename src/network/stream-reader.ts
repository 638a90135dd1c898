/** Reads a stream of a peer piece by piece, with a deadline, and without holding more than it was asked for. */
import type { Stream, StreamCloseEvent, StreamMessageEvent } from "@libp2p/interface";
import { RequestFailed } from "../base/errors.ts";

/** Past this many unread bytes the peer is asked to wait. */
const HIGH_WATER_BYTES = 1 << 18;
/** What a muxer without flow control may pile up before the stream is reset. */
const MAX_PILED_BYTES = 1 << 24;

export class StreamReader {
  readonly #stream: Stream;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #hasEnded = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: Stream) {
    this.#stream = stream;
    stream.maxReadBufferLength = MAX_PILED_BYTES;
    stream.addEventListener("message", this.#onMessage);
    stream.addEventListener("end", this.#onEnd);
    stream.addEventListener("close", this.#onClose);
    this.#hasEnded = stream.remoteWriteStatus === "closed" && stream.readBufferLength === 0;
  }

  /** Bytes received and not yet read. */
  get bufferedBytes(): number {
    return this.#bytes;
  }

  /** Exactly so many bytes. @throws RequestFailed when the stream ends before, or the deadline passes */
  async read(count: number, deadlineMs: number): Promise<Uint8Array> {
    while (this.#bytes < count) {
      if (this.#failure !== undefined) throw this.#closed(this.#failure);
      if (this.#isEnded) throw new RequestFailed("MALFORMED", `the stream ended before ${count} more bytes`);
      await this.#more(deadlineMs);
    }
    return this.#take(count);
  }

  /** Whether the peer has sent all that it will; waits for a byte or the end. */
  async isAtEnd(deadlineMs: number): Promise<boolean> {
    while (this.#bytes === 0) {
      if (this.#failure !== undefined) throw this.#closed(this.#failure);
      if (this.#isEnded) return true;
      await this.#more(deadlineMs);
    }
    return false;
  }

  /** Lets go of the stream, which somebody else closes. */
  release(): void {
    this.#stream.removeEventListener("message", this.#onMessage);
    this.#stream.removeEventListener("end", this.#onEnd);
    this.#stream.removeEventListener("close", this.#onClose);
    this.#parts = [];
    this.#bytes = 0;
  }

  /** The event comes once, and may have come before what was put back is read. */
  get #isEnded(): boolean {
    const { readableEnded, readBufferLength } = this.#stream;
    return this.#hasEnded || (readableEnded && readBufferLength === 0);
  }

  #closed(cause: Error): RequestFailed {
    return new RequestFailed("CLOSED", `the stream was closed: ${cause.message}`, { cause });
  }

  async #more(deadlineMs: number): Promise<void> {
    const leftMs = deadlineMs - performance.now();
    if (leftMs <= 0) throw new RequestFailed("TIMEOUT", "the peer was too slow");
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, leftMs);
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }

  #take(count: number): Uint8Array {
    const out = new Uint8Array(count);
    let at = 0;
    while (at < count) {
      const part = this.#parts[0]!;
      const taken = part.subarray(0, count - at);
      out.set(taken, at);
      at += taken.length;
      if (taken.length === part.length) this.#parts.shift();
      else this.#parts[0] = part.subarray(taken.length);
    }
    this.#bytes -= count;
    if (this.#bytes <= HIGH_WATER_BYTES && this.#stream.readStatus === "paused") this.#stream.resume();
    return out;
  }

  readonly #onMessage = (event: StreamMessageEvent): void => {
    const bytes = event.data.subarray();
    if (bytes.length > 0) this.#parts.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > HIGH_WATER_BYTES && this.#stream.readStatus === "readable") this.#stream.pause();
    this.#wake?.();
  };

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.#wake?.();
  };

  readonly #onClose = (event: StreamCloseEvent): void => {
    if (event.error !== undefined) this.#failure = event.error;
    else if (this.#stream.readBufferLength === 0) this.#hasEnded = true;
    this.#wake?.();
  };
}
