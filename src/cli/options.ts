/**
 * The options that commands share: which network's rules apply, which fork, and in which form to answer.
 */
import { readFileSync, statSync } from "node:fs";
import { type Command, Option } from "commander";
import { UsageError } from "../base/errors.ts";
import { type ChainSpec, createChainSpec } from "../spec/chain-spec.ts";
import { type Config, defaultConfig } from "../spec/config.ts";
import { parseConfig } from "../spec/config-file.ts";
import { FORK_NAMES, Fork, isForkName } from "../spec/fork.ts";
import type { PresetName } from "../spec/preset.ts";
import { readingFrom } from "./exit.ts";
import { loadNetwork, loadNetworkFolder, type Network } from "./networks.ts";

const MAX_CONFIG_BYTES = 1 << 20;

export interface SpecOptions {
  network?: string;
  networkDir?: string;
  config?: string;
  preset?: PresetName;
  fork?: string;
  json?: boolean;
}

export function addSpecOptions(command: Command): Command {
  return command
    .option("--network <name>", "a built-in network (default: mainnet)")
    .option("--network-dir <folder>", "a network's folder: config.yaml, genesis.ssz, ...")
    .option("--config <file>", "a config in YAML")
    .addOption(new Option("--preset <preset>", "the preset's own config").choices(["mainnet", "minimal"]))
    .addOption(new Option("--fork <fork>", "fork of the input, where the input does not tell").choices([...FORK_NAMES]))
    .option("--json", "answer in JSON");
}

/** The rules that the options choose; warns on stderr about keys of a config that are unknown or missing. */
export function specOf(options: SpecOptions): ChainSpec {
  return createChainSpec(configOf(options));
}

export function forkOption(options: SpecOptions): Fork | undefined {
  if (options.fork === undefined) return undefined;
  if (!isForkName(options.fork)) throw new UsageError(`no fork ${options.fork}: known are ${FORK_NAMES.join(", ")}`);
  return Fork[options.fork];
}

/** The network of the options, where they name one. */
export function networkOf(options: SpecOptions): Network | undefined {
  if (options.networkDir !== undefined) return loadNetworkFolder(options.networkDir);
  return options.network === undefined ? undefined : loadNetwork(options.network);
}

function configOf(options: SpecOptions): Config {
  const given = (["network", "networkDir", "config"] as const).filter((key) => options[key] !== undefined);
  if (given.length > 1) throw new UsageError("give one of --network, --network-dir and --config");
  const config = options.config === undefined ? networkConfig(options) : configFromFile(options.config);
  if (options.preset !== undefined && config.PRESET_BASE !== options.preset) {
    throw new UsageError(`${config.CONFIG_NAME} has the ${config.PRESET_BASE} preset, not ${options.preset}`);
  }
  return config;
}

function networkConfig(options: SpecOptions): Config {
  const network = networkOf(options);
  if (network === undefined) return defaultConfig(options.preset ?? "mainnet");
  if (network.config === undefined) {
    throw new UsageError(`${network.name} has no lasting config: give --network-dir with the current one`);
  }
  warnOfKeys(network.name, network.unknownKeys, network.missingKeys);
  return network.config;
}

function configFromFile(file: string): Config {
  const { size } = statSync(file);
  if (size > MAX_CONFIG_BYTES) throw new UsageError(`${file}: ${size} bytes are too many for a config`);
  const { config, unknown, missing } = readingFrom(file, "config", () => parseConfig(readFileSync(file, "utf8")));
  warnOfKeys(file, unknown, missing);
  return config;
}

function warnOfKeys(source: string, unknown: readonly string[], missing: readonly string[]): void {
  if (unknown.length > 0) console.error(`${source}: unknown keys ${unknown.join(", ")}`);
  if (missing.length > 0) console.error(`${source}: missing keys ${missing.join(", ")} (the preset's values are used)`);
}
