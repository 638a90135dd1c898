/** `cresset ssz`: look at, compare and convert SSZ objects of any type, fork and preset. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { bytesEqual, concatBytes, toHex } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import { compressBlock, compressFrames } from "../base/snappy.ts";
import { action, EXIT_FAILED, EXIT_OK } from "./exit.ts";
import { DEFAULT_MAX_BYTES, FORMATS, type Format, formatOfName } from "./input.ts";
import { addSpecOptions, forkOption, type SpecOptions, specOf } from "./options.ts";
import { writeOutput } from "./output.ts";
import { diffObjects } from "./ssz-diff.ts";
import { loadObject } from "./ssz-load.ts";
import type { SszObject } from "./ssz-object.ts";
import { printJson, printYaml } from "./ssz-print.ts";
import { firstDifferingNode, isValidProof, parsePlace, proveNode, treeLines, treeText } from "./ssz-tree.ts";
import { describeType, listTypes } from "./ssz-types.ts";

interface SszOptions extends SpecOptions {
  from?: Format;
  maxBytes: number;
  out?: string;
}

const INPUT = "a file, an address of a beacon API, or - for stdin";

export function registerSsz(program: Command): void {
  const ssz = program.command("ssz").description("look at, compare and convert SSZ objects");
  registerShow(ssz);
  registerConvert(ssz);
  registerCompare(ssz);
  const types = ssz
    .command("types")
    .argument("[type]", "show the parts of this type")
    .description("list all types by fork, or the parts of one");
  addSpecOptions(types).action(
    action((type: string | undefined, options: SpecOptions) => {
      const spec = specOf(options);
      const text = type === undefined ? listTypes(spec, options) : describeType(spec, type, options);
      writeOutput(undefined, (sink) => sink(text));
      return EXIT_OK;
    }),
  );
}

function registerShow(ssz: Command): void {
  subcommand(ssz, "pretty", "print an object as indented JSON")
    .option("-o, --out <file>", "write there")
    .action(
      action(async (type: string, input: string, options: SszOptions) => {
        const object = await load(type, input, options);
        writeOutput(options.out, (sink) => printJson(object, sink, true));
        return EXIT_OK;
      }),
    );
  subcommand(ssz, "root", "print the hash tree root").action(
    action(async (typeName: string, input: string, options: SszOptions) => {
      const object = await load(typeName, input, options);
      const root = toHex(object.root());
      const { fork } = object;
      print(options.json ? JSON.stringify({ type: typeName, fork, root }) : root);
      return EXIT_OK;
    }),
  );
  subcommand(ssz, "proof", "print the Merkle proof of one part", "<place>")
    .addHelpText("after", "\nThe place is a generalized index or a path such as body.deposits[0] or validators.length.")
    .action(
      action(async (type: string, input: string, place: string, options: SszOptions) => {
        const object = await load(type, input, options);
        return showProof(object, place, options.json === true);
      }),
    );
}

function registerConvert(ssz: Command): void {
  subcommand(ssz, "decode", "convert to JSON or YAML")
    .addOption(
      new Option("--to <format>", "form of the answer (default: the file's ending, else json)").choices([
        "json",
        "yaml",
      ]),
    )
    .option("-o, --out <file>", "write there")
    .action(
      action(async (type: string, input: string, options: SszOptions & { to?: Format }) => {
        const object = await load(type, input, options);
        const to = options.to ?? (options.out === undefined ? undefined : formatOfName(options.out)) ?? "json";
        if (to !== "json" && to !== "yaml") throw new UsageError(`decode writes json or yaml, not ${to}: use encode`);
        writeOutput(options.out, (sink) => (to === "yaml" ? printYaml(object, sink) : printJson(object, sink, false)));
        return EXIT_OK;
      }),
    );
  subcommand(ssz, "encode", "convert to SSZ")
    .addOption(
      new Option("--to <format>", "form of the answer (default: the file's ending, else ssz)").choices([
        "ssz",
        "ssz_snappy",
      ]),
    )
    .option("--framed", "snappy in frames instead of one block")
    .option("-o, --out <file>", "write there")
    .action(
      action(async (type: string, input: string, options: SszOptions & { to?: Format; framed?: boolean }) => {
        const object = await load(type, input, options);
        const to = options.to ?? (options.out === undefined ? undefined : formatOfName(options.out)) ?? "ssz";
        if (to !== "ssz" && to !== "ssz_snappy")
          throw new UsageError(`encode writes ssz or ssz_snappy, not ${to}: use decode`);
        writeSsz(object, to, options.framed === true, options.out);
        return EXIT_OK;
      }),
    );
}

function registerCompare(ssz: Command): void {
  subcommand(ssz, "diff", "show where two objects differ: path, generalized index and both values", "<other>")
    .option("--max <count>", "stop after that many differences", parseCount, 100)
    .action(
      action(async (type: string, input: string, other: string, options: SszOptions & { max: number }) => {
        const [left, right] = await loadTwo(type, input, other, options);
        return showDiff(left, right, options.max, options.json === true);
      }),
    );
  subcommand(ssz, "tree", "print the roots of the Merkle tree, of one object or of two", "[other]")
    .option("--depth <levels>", "how far down", parseCount, 5)
    .option("--at <place>", "start at a generalized index or path", "")
    .action(
      action(async (type: string, input: string, other: string | undefined, options: SszOptions & TreeOptions) => {
        if (other === undefined) return showTree(await load(type, input, options), undefined, options);
        const [left, right] = await loadTwo(type, input, other, options);
        return showTree(left, right, options);
      }),
    );
}

interface TreeOptions {
  depth: number;
  at: string;
  json?: boolean;
}

/** A subcommand that reads `<type> <input>` and what `more` says. */
function subcommand(ssz: Command, name: string, description: string, more = ""): Command {
  const command = ssz.command(name).description(description);
  command.argument("<type>", "name in the spec, such as SignedBeaconBlock").argument("<input>", INPUT);
  if (more !== "") command.argument(more);
  return addSpecOptions(command)
    .addOption(new Option("--from <format>", "form of the input (default: the file's ending)").choices([...FORMATS]))
    .option("--max-bytes <bytes>", "refuse larger inputs", parseCount, DEFAULT_MAX_BYTES);
}

function load(typeName: string, input: string, options: SszOptions): Promise<SszObject> {
  const { from, maxBytes } = options;
  return loadObject(input, { spec: specOf(options), typeName, fork: forkOption(options), from, maxBytes });
}

async function loadTwo(
  type: string,
  input: string,
  other: string,
  options: SszOptions,
): Promise<[SszObject, SszObject]> {
  if (input === "-" && other === "-") throw new UsageError("only one of two inputs can be stdin");
  const left = await load(type, input, options);
  const right = await load(type, other, options);
  if (left.type !== right.type) {
    throw new UsageError(`${input} is of ${left.fork} and ${other} of ${right.fork}: their ${type} types differ`);
  }
  return [left, right];
}

function writeSsz(object: SszObject, to: Format, isFramed: boolean, out: string | undefined): void {
  if ((out === undefined || out === "-") && process.stdout.isTTY)
    throw new UsageError("SSZ is binary: give --out FILE");
  writeOutput(out, (sink) => {
    if (to === "ssz") {
      object.encodeTo(sink);
      return;
    }
    const parts: Uint8Array[] = [];
    object.encodeTo((bytes) => parts.push(bytes.slice()));
    const bytes = concatBytes(...parts);
    sink(isFramed ? compressFrames(bytes) : compressBlock(bytes));
  });
}

function showDiff(left: SszObject, right: SszObject, max: number, isJson: boolean): number {
  const { found, isCut } = diffObjects(left, right, max);
  const text = (value: unknown) => (value === undefined ? "(none)" : JSON.stringify(value));
  writeOutput(undefined, (sink) => {
    if (isJson) {
      const differences = found.map(({ gindex, ...rest }) => ({ gindex: gindex.toString(), ...rest }));
      sink(`${JSON.stringify({ equal: found.length === 0, complete: !isCut, differences })}\n`);
      return;
    }
    for (const { path, gindex, left: a, right: b } of found) {
      sink(`${path}  (generalized index ${gindex})\n  - ${text(a)}\n  + ${text(b)}\n`);
    }
    if (isCut) sink(`and more: --max ${max} reached\n`);
  });
  return found.length === 0 ? EXIT_OK : EXIT_FAILED;
}

function showTree(object: SszObject, other: SszObject | undefined, { depth, at, json }: TreeOptions): number {
  const start = parsePlace(object.type, at);
  const parting = other && firstDifferingNode(object, other);
  writeOutput(undefined, (sink) => {
    const lines = treeLines(object, start, depth, other);
    if (json) {
      const nodes = [...lines].map(({ gindex, root, other: otherRoot, ...rest }) => ({
        gindex: gindex.toString(),
        ...rest,
        root: toHex(root),
        ...(otherRoot && { other: toHex(otherRoot), equal: bytesEqual(root, otherRoot) }),
      }));
      const first = parting && { gindex: parting.gindex.toString(), path: parting.info.path };
      sink(`${JSON.stringify({ nodes, ...(other && { first: first ?? null }) })}\n`);
      return;
    }
    for (const line of lines) sink(`${treeText(line)}\n`);
    if (parting) sink(`first difference: ${parting.info.path} (generalized index ${parting.gindex})\n`);
  });
  return parting ? EXIT_FAILED : EXIT_OK;
}

function showProof(object: SszObject, place: string, isJson: boolean): number {
  const proof = proveNode(object, parsePlace(object.type, place));
  const { gindex, path, leaf, branch, root } = proof;
  const isValid = isValidProof(proof);
  if (isJson) {
    const fields = { gindex: gindex.toString(), path, leaf: toHex(leaf), branch: branch.map(toHex), root: toHex(root) };
    print(JSON.stringify({ ...fields, valid: isValid }));
  } else {
    print(`${path || "(whole)"}  (generalized index ${gindex})`);
    print(`leaf ${toHex(leaf)}`);
    branch.forEach((node, i) => {
      print(`${String((gindex >> BigInt(i)) ^ 1n).padStart(4)} ${toHex(node)}`);
    });
    print(`root ${toHex(root)}`);
  }
  return isValid ? EXIT_OK : EXIT_FAILED;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^[0-9]{1,15}$/.test(text) || !Number.isSafeInteger(count))
    throw new InvalidArgumentError("a whole number is expected");
  return count;
}

function print(line: string): void {
  writeOutput(undefined, (sink) => sink(`${line}\n`));
}
