/**
 * How commands end: exit codes that scripts can use, and errors that say what, where and in which file.
 */
import { writeSync } from "node:fs";
import { type Command, CommanderError } from "commander";
import {
  CressetError,
  DecodeError,
  InvalidBlock,
  MemoryBudgetError,
  StorageError,
  UsageError,
} from "../base/errors.ts";

export const EXIT_OK = 0;
/** A check failed: two things differ, a block is invalid, a root does not match. */
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** A file or an answer is not what it should be. */
export const EXIT_BAD_INPUT = 3;
/** A fault of this program. */
export const EXIT_BUG = 70;

/** Input that could not be read as what it should be, with the file that it came from. */
export class InputError extends CressetError {
  readonly file: string;
  readonly path: string;
  readonly offset: number;
  constructor(file: string, what: string, cause: unknown) {
    super("BAD_INPUT", `${file}: ${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.file = file;
    this.path = cause instanceof DecodeError ? cause.path : "";
    this.offset = cause instanceof DecodeError ? cause.offset : -1;
  }
}

/** Runs `read` and names the file and the expected type in any error about the input. */
export function readingFrom<T>(file: string, typeName: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError || error instanceof StorageError || error instanceof MemoryBudgetError) {
      throw new InputError(file, typeName, error);
    }
    throw error;
  }
}

/** Parses the arguments, runs the command and sets the exit code. */
export async function runProgram(program: Command, argv: string[]): Promise<void> {
  overrideExit(program);
  process.stdout.on("error", exitOnBrokenPipe);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = reportError(error, argv.includes("--json"));
  }
}

/** Wraps a command's action: what it returns is the exit code, and nothing means success. */
export function action<Args extends unknown[]>(
  run: (...args: Args) => number | undefined | Promise<number | undefined>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    process.exitCode = (await run(...args)) ?? EXIT_OK;
  };
}

function overrideExit(command: Command): void {
  command.exitOverride();
  command.commands.forEach(overrideExit);
}

function reportError(error: unknown, isJson: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  if (isBrokenPipe(error)) return EXIT_OK;
  const code = exitCodeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (isJson) writeError(`${JSON.stringify({ error: errorFields(error, message) })}\n`);
  else if (code === EXIT_BUG) writeError(`fault of this program: ${error instanceof Error ? error.stack : message}\n`);
  else writeError(`error: ${message}\n`);
  return code;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT_USAGE;
  if (error instanceof InvalidBlock) return EXIT_FAILED;
  if (error instanceof CressetError) return EXIT_BAD_INPUT;
  // The system's errors about a file or an address.
  if (error instanceof Error && "syscall" in error) return EXIT_BAD_INPUT;
  return EXIT_BUG;
}

function errorFields(error: unknown, message: string): Record<string, unknown> {
  const { code, file, path, offset } = error as Partial<InputError>;
  return {
    code: code ?? "BUG",
    message,
    ...(file !== undefined && { file }),
    ...(path && { path }),
    ...(offset !== undefined && offset >= 0 && { offset }),
  };
}

function writeError(text: string): void {
  writeSync(2, text);
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "EPIPE";
}

function exitOnBrokenPipe(error: Error): void {
  if (isBrokenPipe(error)) process.exit(EXIT_OK);
  throw error;
}
