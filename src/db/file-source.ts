import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { StorageError } from "../base/errors.ts";
import type { ByteSource } from "../columns/column.ts";

/** A file read piece by piece, so that decoding a state never holds the file in memory. */
export class FileSource implements ByteSource {
  readonly length: number;
  readonly #path: string;
  readonly #fd: number;
  #buffer = new Uint8Array(1 << 16);

  /** @throws StorageError when the file cannot be opened */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#fd = openSync(path, "r");
      this.length = fstatSync(this.#fd).size;
    } catch (error) {
      throw new StorageError(`cannot open ${path}: ${(error as Error).message}`, { cause: error });
    }
  }

  read(offset: number, length: number): Uint8Array {
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const count = readSync(this.#fd, this.#buffer, done, length - done, offset + done);
      if (count === 0) throw new StorageError(`${this.#path} ended at ${offset + done}: it shrank while being read`);
      done += count;
    }
    return this.#buffer.subarray(0, length);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
