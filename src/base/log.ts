/** Structured logs: one line an event, as JSON in files and as text on a terminal. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type DestinationStream, destination, type Logger as PinoLogger, pino } from "pino";

export type Logger = PinoLogger;

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOptions {
  level?: LogLevel;
  /** Appends JSON lines to a file instead of writing to stdout. */
  file?: string;
  /** Text for people instead of JSON; by default where stdout is a terminal. */
  isText?: boolean;
}

/** A logger; `child({ part })` makes one that names the part of the program. */
export function createLogger(options: LogOptions = {}): Logger {
  return pino(
    { level: options.level ?? "info", base: null, timestamp: pino.stdTimeFunctions.epochTime },
    sinkOf(options),
  );
}

export const silentLogger: Logger = pino({ level: "silent" });

function sinkOf(options: LogOptions): DestinationStream {
  if (options.file !== undefined) {
    mkdirSync(dirname(options.file), { recursive: true });
    return destination({ dest: options.file, sync: false, minLength: 0 });
  }
  if (options.isText ?? process.stdout.isTTY) return { write: (line) => void process.stdout.write(formatLine(line)) };
  return destination({ dest: 1, sync: false, minLength: 0 });
}

const LEVEL_NAMES: Readonly<Record<number, string>> = {
  10: "TRACE",
  20: "DEBUG",
  30: "INFO",
  40: "WARN",
  50: "ERROR",
  60: "FATAL",
};

/** `12:00:01.250 INFO  chain: imported a block slot=5 root=0xab..`, from pino's JSON. */
export function formatLine(line: string): string {
  const { level, time, msg = "", part, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const clock = new Date(Number(time)).toISOString().slice(11, 23);
  const name = (LEVEL_NAMES[Number(level)] ?? "?").padEnd(5);
  const fields = Object.entries(rest).map(([key, value]) => ` ${key}=${plain(value)}`);
  const cause = err === undefined ? "" : ` error=${plain((err as { message?: string }).message ?? err)}`;
  return `${clock} ${name} ${part === undefined ? "" : `${plain(part)}: `}${plain(msg)}${fields.join("")}${cause}\n`;
}

function plain(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  // What peers send must not move the cursor of somebody's terminal.
  return (text ?? "").replaceAll(/\p{Cc}/gu, "?");
}
