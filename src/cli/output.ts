/** Writes answers of any size: piece by piece, at the pace of whoever reads. */
import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";

export type Sink = (data: string | Uint8Array) => void;

const WAIT_MS = 5;
const BUFFER_CHARS = 1 << 16;

/**
 * Calls `write` with a sink to stdout or to a file. A file appears under its name only when it is complete.
 * @param file undefined or `-` for stdout
 */
export function writeOutput(file: string | undefined, write: (sink: Sink) => void): void {
  if (file === undefined || file === "-") {
    writeTo(1, write);
    return;
  }
  const partial = `${file}.${process.pid}.partial`;
  const descriptor = openSync(partial, "wx");
  try {
    writeTo(descriptor, write);
    closeSync(descriptor);
    renameSync(partial, file);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

function writeTo(descriptor: number, write: (sink: Sink) => void): void {
  let pending: string[] = [];
  let chars = 0;
  const flush = () => {
    if (chars > 0) writeAll(descriptor, Buffer.from(pending.join("")));
    pending = [];
    chars = 0;
  };
  write((data) => {
    if (typeof data !== "string") {
      flush();
      writeAll(descriptor, data);
      return;
    }
    pending.push(data);
    chars += data.length;
    if (chars >= BUFFER_CHARS) flush();
  });
  flush();
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      // A pipe whose reader is slower.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
    }
  }
}
