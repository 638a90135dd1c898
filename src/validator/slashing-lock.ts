/** The right to write one slashing protection file: of one process at a time, given back by the kernel when it ends. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { StorageError } from "../base/errors.ts";

const SQLITE_BUSY = 5;

/**
 * An exclusive lock on an empty file. SQLite is used for nothing but the lock it takes from the kernel on an open file:
 * unlike a file with a process number it cannot be left behind, and it holds across containers that share the folder.
 */
export class SlashingLock {
  readonly #handle: DatabaseSync;
  readonly #ownerPath: string;

  private constructor(handle: DatabaseSync, ownerPath: string) {
    this.#handle = handle;
    this.#ownerPath = ownerPath;
  }

  /** @throws StorageError at once when somebody else holds it, this process included */
  static take(path: string): SlashingLock {
    const ownerPath = `${path}.owner`;
    let handle: DatabaseSync | undefined;
    try {
      handle = new DatabaseSync(path);
      handle.exec("PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
      writeFileSync(ownerPath, `${process.pid}\n`);
      return new SlashingLock(handle, ownerPath);
    } catch (error) {
      handle?.close();
      if ((error as { errcode?: number }).errcode === SQLITE_BUSY) {
        throw new StorageError(
          `${path} is locked${ownerOf(ownerPath)}: two processes that sign with the same keys get them slashed`,
          { cause: error },
        );
      }
      throw new StorageError(`cannot lock ${path}: ${(error as Error).message}`, { cause: error });
    }
  }

  release(): void {
    // First the note, while it is still ours.
    rmSync(this.#ownerPath, { force: true });
    this.#handle.close();
  }
}

function ownerOf(path: string): string {
  try {
    return ` by process ${Number.parseInt(readFileSync(path, "utf8").slice(0, 20), 10)}`;
  } catch {
    return "";
  }
}
