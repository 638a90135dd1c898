/**
 * An SSZ object as the tools see it: either a plain value, or a BeaconState in columns, which may be large.
 */
import { getNode, Tree } from "@chainsafe/persistent-merkle-tree";
import { type CompositeType, isBasicType, type Type } from "@chainsafe/ssz";
import { UsageError } from "../base/errors.ts";
import type { ForkName } from "../spec/fork.ts";
import type { BeaconState } from "../spec/state.ts";

export interface SszObject {
  /** Where it came from, for messages. */
  readonly label: string;
  readonly typeName: string;
  readonly fork: ForkName;
  /** With every uint64 exact. */
  readonly type: Type<unknown>;
  root(): Uint8Array;
  nodeAt(gindex: bigint): Uint8Array;
  /** Sibling nodes from the leaf up. */
  proof(gindex: bigint): Uint8Array[];
  encodeTo(sink: (bytes: Uint8Array) => void): void;
  /** Compact JSON, in pieces. */
  jsonTo(sink: (text: string) => void): void;
}

export class ValueObject implements SszObject {
  readonly label: string;
  readonly typeName: string;
  readonly fork: ForkName;
  readonly type: Type<unknown>;
  readonly value: unknown;
  #tree: Tree | undefined;

  constructor(parts: { label: string; typeName: string; fork: ForkName; type: Type<unknown>; value: unknown }) {
    this.label = parts.label;
    this.typeName = parts.typeName;
    this.fork = parts.fork;
    this.type = parts.type;
    this.value = parts.value;
  }

  root(): Uint8Array {
    return this.type.hashTreeRoot(this.value);
  }

  nodeAt(gindex: bigint): Uint8Array {
    try {
      return getNode(this.#nodes().rootNode, gindex).root;
    } catch (cause) {
      throw new UsageError(`${this.typeName} has no node at generalized index ${gindex}`, { cause });
    }
  }

  proof(gindex: bigint): Uint8Array[] {
    this.nodeAt(gindex);
    return gindex === 1n ? [] : this.#nodes().getSingleProof(gindex);
  }

  encodeTo(sink: (bytes: Uint8Array) => void): void {
    sink(this.type.serialize(this.value));
  }

  jsonTo(sink: (text: string) => void): void {
    sink(JSON.stringify(this.type.toJson(this.value)));
  }

  #nodes(): Tree {
    if (isBasicType(this.type)) throw new UsageError(`${this.typeName} is one leaf`);
    // biome-ignore lint/suspicious/noExplicitAny: the library's composite types are generic in three parameters
    this.#tree ??= new Tree((this.type as CompositeType<unknown, any, any>).value_toTree(this.value));
    return this.#tree;
  }
}

export class StateObject implements SszObject {
  readonly label: string;
  readonly typeName = "BeaconState";
  readonly fork: ForkName;
  readonly type: Type<unknown>;
  readonly state: BeaconState;

  constructor(label: string, fork: ForkName, state: BeaconState) {
    this.label = label;
    this.fork = fork;
    this.state = state;
    this.type = state.containerType("exact") as unknown as Type<unknown>;
  }

  root(): Uint8Array {
    return this.state.hashTreeRoot();
  }

  nodeAt(gindex: bigint): Uint8Array {
    return this.state.nodeAt(gindex);
  }

  proof(gindex: bigint): Uint8Array[] {
    return this.state.proof(gindex);
  }

  encodeTo(sink: (bytes: Uint8Array) => void): void {
    this.state.encodeTo(sink);
  }

  jsonTo(sink: (text: string) => void): void {
    this.state.jsonTo(sink);
  }
}
