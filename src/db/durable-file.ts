/** Files that are there whole or not at all, whenever the power goes. */
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StorageError } from "../base/errors.ts";

/** Ends the name of a file that is being written; whoever opens the folder removes what is left of them. */
export const PARTIAL_SUFFIX = ".partial";

/** Makes the names in a folder durable: new files, renames, deletions. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Lets `write` fill a new file, then gives it its name; when the promise resolves, the file survives a power cut.
 * @throws StorageError when the disk refuses; then nothing is left behind
 */
export async function writeDurably(path: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  const partial = path + PARTIAL_SUFFIX;
  try {
    const handle = await open(partial, "w");
    try {
      await write(handle);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(partial, { force: true });
    if (error instanceof Error && "syscall" in error) {
      throw new StorageError(`cannot write ${path}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** Removes what interrupted writes have left in a folder. @returns how many files */
export async function removePartials(folder: string): Promise<number> {
  const partials = (await readdir(folder)).filter((name) => name.endsWith(PARTIAL_SUFFIX));
  for (const name of partials) await rm(join(folder, name), { force: true });
  return partials.length;
}

/** Writes all of the bytes at a position of the file. */
export async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

/** Reads up to `length` bytes at a position: fewer only where the file ends. */
export async function readAt(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
