/**
 * Every error class of the project. Each has a stable `code`, so that callers and metric labels never parse messages.
 */

export class CressetError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A block (or an operation in it, or the epoch it enters) breaks a rule of the spec. */
export class InvalidBlock extends CressetError {
  readonly values: Record<string, unknown>;
  constructor(code: string, values: Record<string, unknown> = {}) {
    super(code, `${code}${formatValues(values)}`);
    this.values = values;
  }
}

/** Bytes that are not the SSZ, JSON or YAML they should be: says what is wrong and where. */
export class DecodeError extends CressetError {
  /** Dotted path of the field, e.g. `validators[17].pubkey`; empty for the whole. */
  readonly path: string;
  /** Byte offset in the input, or -1 where the input has no bytes (JSON, YAML). */
  readonly offset: number;
  constructor(message: string, path = "", offset = -1, options?: { cause?: unknown }) {
    const where = [path && `field ${path}`, offset >= 0 && `offset ${offset}`].filter(Boolean).join(", ");
    super("DECODE", where ? `${message} (${where})` : message, options);
    this.path = path;
    this.offset = offset;
  }
}

/** A command line, config file or API request asks for something that does not exist or cannot be. */
export class UsageError extends CressetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("USAGE", message, options);
  }
}

/** A byte budget would be exceeded; nothing was allocated. */
export class MemoryBudgetError extends CressetError {
  constructor(message: string) {
    super("MEMORY_BUDGET", message);
  }
}

/** A file on disk is missing, torn, of another version, or fails its checksum. */
export class StorageError extends CressetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("STORAGE", message, options);
  }
}

export type EngineErrorCode =
  | "ENGINE_OFFLINE"
  | "ENGINE_TIMEOUT"
  | "ENGINE_AUTH"
  | "ENGINE_RPC"
  | "ENGINE_ANSWER"
  | "ENGINE_UNSUPPORTED";

/** An execution client does not answer, refuses, or answers nonsense. */
export class EngineError extends CressetError {
  declare readonly code: EngineErrorCode;
  /** Of JSON-RPC, with ENGINE_RPC. */
  readonly rpcCode: number | undefined;
  constructor(code: EngineErrorCode, message: string, options?: { cause?: unknown; rpcCode?: number }) {
    super(code, message, options);
    this.rpcCode = options?.rpcCode;
  }
}

/** Why a request to a peer gave no full answer. */
export type RequestFailure =
  | "TIMEOUT"
  | "CLOSED"
  | "MALFORMED"
  | "UNSUPPORTED"
  | "INVALID_REQUEST"
  | "SERVER_ERROR"
  | "RESOURCE_UNAVAILABLE"
  | "BUSY";

/** A peer refused a request, answered too late or broke the protocol. */
export class RequestFailed extends CressetError {
  override readonly code: RequestFailure;
  constructor(code: RequestFailure, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
    this.code = code;
  }
}

/** A rule of the spec, as a condition that a block must meet. */
export function assertValid(condition: boolean, code: string, values?: Record<string, unknown>): asserts condition {
  if (!condition) throw new InvalidBlock(code, values);
}

function formatValues(values: Record<string, unknown>): string {
  const parts = Object.entries(values).map(([key, value]) => `${key}=${formatValue(value)}`);
  return parts.length > 0 ? `: ${parts.join(" ")}` : "";
}

function formatValue(value: unknown): string {
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString("hex")}`;
  return String(value);
}
