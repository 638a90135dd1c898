import {
  BitArray,
  BitListType,
  BitVectorType,
  BooleanType,
  ByteListType,
  ByteVectorType,
  ContainerType,
  ListBasicType,
  ListCompositeType,
  type Type,
  UintBigintType,
  UintNumberType,
  VectorBasicType,
  VectorCompositeType,
} from "@chainsafe/ssz";
import type { Random } from "./random.ts";

/** A random value of an SSZ type; lists have up to `maxItems` items. */
export function randomValue(type: Type<unknown>, random: Random, maxItems = 5): unknown {
  if (type instanceof ContainerType) {
    const fields = Object.entries(type.fields as Record<string, Type<unknown>>);
    return Object.fromEntries(fields.map(([name, field]) => [name, randomValue(field, random, maxItems)]));
  }
  if (type instanceof BooleanType) return random.below(2) === 1;
  if (type instanceof UintBigintType) {
    const value = random.uint64();
    return type.byteLength >= 8 ? value : value % (1n << BigInt(8 * type.byteLength));
  }
  if (type instanceof UintNumberType) return random.below(type.byteLength === 1 ? 256 : 60_000);
  if (type instanceof ByteVectorType) return random.bytes(type.lengthBytes);
  if (type instanceof ByteListType) return random.bytes(random.below(Math.min(type.limitBytes, 200) + 1));
  if (type instanceof BitVectorType) return randomBits(type.lengthBits, random);
  if (type instanceof BitListType) return randomBits(random.below(Math.min(type.limitBits, 200) + 1), random);
  if (type instanceof VectorBasicType || type instanceof VectorCompositeType) {
    return Array.from({ length: type.length }, () => randomValue(type.elementType as Type<unknown>, random, maxItems));
  }
  if (type instanceof ListBasicType || type instanceof ListCompositeType) {
    const length = random.below(Math.min(type.limit, maxItems) + 1);
    return Array.from({ length }, () => randomValue(type.elementType as Type<unknown>, random, maxItems));
  }
  throw new Error(`no random value for ${type.typeName}`);
}

function randomBits(length: number, random: Random): BitArray {
  return BitArray.fromBoolArray(Array.from({ length }, () => random.below(2) === 1));
}
