/** Text of objects: indented JSON without holding all of it, and YAML. */
import { stringify } from "yaml";
import { UsageError } from "../base/errors.ts";
import type { SszObject } from "./ssz-object.ts";

const INDENT = "  ";
const MAX_YAML_CHARS = 1 << 26;

/** Indents compact JSON as it passes by. */
export class JsonIndenter {
  readonly #sink: (text: string) => void;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** An opening bracket whose line break waits for the first item. */
  #isOpened = false;

  constructor(sink: (text: string) => void) {
    this.#sink = sink;
  }

  write(json: string): void {
    let out = "";
    for (const char of json) out += this.#isInString ? this.#inString(char) : this.#outside(char);
    this.#sink(out);
  }

  #inString(char: string): string {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (char === "\\") this.#isEscaped = true;
    else if (char === '"') this.#isInString = false;
    return char;
  }

  #outside(char: string): string {
    if (char === "}" || char === "]") {
      this.#depth--;
      const before = this.#isOpened ? "" : this.#lineBreak();
      this.#isOpened = false;
      return before + char;
    }
    const before = this.#isOpened ? this.#lineBreak() : "";
    this.#isOpened = false;
    if (char === '"') this.#isInString = true;
    if (char === "{" || char === "[") {
      this.#depth++;
      this.#isOpened = true;
    }
    if (char === ",") return before + char + this.#lineBreak();
    return before + char + (char === ":" ? " " : "");
  }

  #lineBreak(): string {
    return `\n${INDENT.repeat(this.#depth)}`;
  }
}

export function printJson(object: SszObject, sink: (text: string) => void, isIndented: boolean): void {
  if (isIndented) {
    const indenter = new JsonIndenter(sink);
    object.jsonTo((text) => indenter.write(text));
  } else {
    object.jsonTo(sink);
  }
  sink("\n");
}

export function printYaml(object: SszObject, sink: (text: string) => void): void {
  const parts: string[] = [];
  let chars = 0;
  object.jsonTo((text) => {
    chars += text.length;
    if (chars > MAX_YAML_CHARS) throw new UsageError("too large for YAML: use json");
    parts.push(text);
  });
  // JSON's numbers are strings, and are quoted so that YAML readers keep them exact.
  sink(
    stringify(JSON.parse(parts.join("")), { lineWidth: 0, defaultStringType: "QUOTE_SINGLE", defaultKeyType: "PLAIN" }),
  );
}
