import type { Type } from "@chainsafe/ssz";
import { DecodeError } from "../base/errors.ts";

/**
 * A small field of the state: an SSZ value that is replaced, never mutated, and so shared by clones.
 *
 * What was decoded stays as bytes: integers beyond 2^53, which the number-mode value cannot hold, survive
 * a round trip and count in the root. The value, the bytes and the root are each made when first asked for.
 */
export class SmallValue {
  readonly type: Type<unknown>;
  readonly exactType: Type<unknown>;
  #bytes: Uint8Array | undefined;
  #value: unknown;
  #root: Uint8Array | undefined;
  readonly #isDecoded: boolean;

  private constructor(type: Type<unknown>, exactType: Type<unknown>, bytes: Uint8Array | undefined, value: unknown) {
    this.type = type;
    this.exactType = exactType;
    this.#bytes = bytes;
    this.#value = value;
    this.#isDecoded = bytes !== undefined;
  }

  static of(type: Type<unknown>, exactType: Type<unknown>, value: unknown): SmallValue {
    return new SmallValue(type, exactType, undefined, value);
  }

  /** @throws DecodeError when the bytes are not of the type */
  static decode(type: Type<unknown>, exactType: Type<unknown>, bytes: Uint8Array, path: string, offset: number) {
    const own = new Uint8Array(bytes);
    try {
      exactType.deserialize(own);
    } catch (error) {
      throw new DecodeError((error as Error).message, path, offset, { cause: error });
    }
    return new SmallValue(type, exactType, own, undefined);
  }

  get value(): unknown {
    if (this.#value === undefined) this.#value = this.type.deserialize(this.#bytes!);
    return this.#value;
  }

  /** The value with every uint64 a bigint. */
  get exactValue(): unknown {
    return this.exactType.deserialize(this.bytes);
  }

  get bytes(): Uint8Array {
    if (this.#bytes === undefined) this.#bytes = this.type.serialize(this.#value);
    return this.#bytes;
  }

  get root(): Uint8Array {
    if (this.#root === undefined) {
      this.#root = this.#isDecoded ? this.exactType.hashTreeRoot(this.exactValue) : this.type.hashTreeRoot(this.#value);
    }
    return this.#root;
  }

  /** Bytes held, for memory accounting. */
  get sizeBytes(): number {
    return this.#bytes?.length ?? this.type.value_serializedSize(this.#value);
  }
}
