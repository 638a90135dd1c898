/** `cresset validator`: keys here, a beacon node there. */
import { join } from "node:path";
import { type Command, Option } from "commander";
import { fromHex } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import { createLogger, LOG_LEVELS, type Logger, type LogLevel } from "../base/log.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import type { BeaconApi } from "../validator/beacon-api.ts";
import { LocalSigner } from "../validator/signer.ts";
import { ValidatorClient } from "../validator/validator-client.ts";
import { action, EXIT_OK } from "./exit.ts";
import { addSpecOptions, type SpecOptions, specOf } from "./options.ts";
import { type KeyOptions, loadKeys, parseInteropRange, VALIDATORS_FOLDER } from "./validator-keys.ts";

const ADDRESS_BYTES = 20;
const GRAFFITI_BYTES = 32;

interface ValidatorOptions extends SpecOptions, KeyOptions {
  beaconNode: URL;
  dataDir: string;
  feeRecipient?: Uint8Array;
  graffiti?: Uint8Array;
  logLevel: LogLevel;
}

/** How a beacon node is reached. */
export type ConnectBeaconNode = (url: URL, spec: ChainSpec, log: Logger) => BeaconApi;

/** The options that say which validators run and for whom; the beacon node that runs some in its process has them too. */
export function addValidatorOptions(command: Command): Command {
  return command
    .option("--keystores <folder>", "keystores (EIP-2335), or folders with one each")
    .option("--passwords <path>", "a file with the password of all, or a folder with one file a keystore")
    .option("--interop-validators <range>", "the well-known keys of test networks, like 0..63", parseInteropRange)
    .option("--fee-recipient <address>", "who gets the fees of blocks", parseAddress)
    .option("--graffiti <text>", "what blocks say, at most 32 bytes", parseGraffiti);
}

export function registerValidator(program: Command, connect: ConnectBeaconNode): void {
  const command = program
    .command("validator")
    .description("attest and propose with your keys, through a beacon node")
    .option("--beacon-node <url>", "the beacon node's API", parseUrl, new URL("http://127.0.0.1:5052"))
    .requiredOption("--data-dir <folder>", "where is kept what was signed: always the same for the same keys")
    .addOption(new Option("--log-level <level>", "least level of the log").choices([...LOG_LEVELS]).default("info"));
  addSpecOptions(addValidatorOptions(command)).action(action((options: ValidatorOptions) => run(options, connect)));
}

/** @throws UsageError when real keys would give their fees to nobody */
export function feeRecipientOf(options: KeyOptions & { feeRecipient?: Uint8Array }): Uint8Array {
  if (options.feeRecipient) return options.feeRecipient;
  if (options.keystores !== undefined) throw new UsageError("--fee-recipient is missing: blocks would burn their fees");
  return new Uint8Array(ADDRESS_BYTES);
}

async function run(options: ValidatorOptions, connect: ConnectBeaconNode): Promise<number> {
  const spec = specOf(options);
  const feeRecipient = feeRecipientOf(options);
  const log = createLogger({ level: options.logLevel }).child({ part: "validator" });
  const keys = await loadKeys(options, (done, of) => log.info({ done, of }, "opened keystores"));
  const api = connect(options.beaconNode, spec, log);
  const signer = new LocalSigner(keys);
  const stop = stopSignal();
  const folder = join(options.dataDir, VALIDATORS_FOLDER);
  const { graffiti } = options;
  try {
    const client = await ValidatorClient.start({
      spec,
      api,
      signer,
      folder,
      log,
      feeRecipient,
      graffiti,
      signal: stop,
    });
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener("abort", resolve, { once: true }));
    await client.stop();
  } catch (error) {
    if (!stop.aborted) throw error;
  }
  log.info("stopped");
  return EXIT_OK;
}

/** The first Ctrl-C ends in order, the second at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => controller.abort());
  return controller.signal;
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) throw new UsageError(`${text} is no URL like http://127.0.0.1:5052`);
  return url;
}

function parseAddress(text: string): Uint8Array {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) throw new UsageError(`${text} is no address`);
  return fromHex(text);
}

function parseGraffiti(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > GRAFFITI_BYTES) throw new UsageError(`the graffiti has ${bytes.length} bytes, more than 32`);
  const graffiti = new Uint8Array(GRAFFITI_BYTES);
  graffiti.set(bytes);
  return graffiti;
}
