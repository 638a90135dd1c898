/**
 * Runner ssz_generic: the SSZ library on types declared by name; every malformed encoding must be refused.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/ssz_generic/README.md
 */
import assert from "node:assert/strict";
import {
  type BasicType,
  BitListType,
  BitVectorType,
  BooleanType,
  ByteListType,
  CompatibleUnionType,
  ContainerType,
  ListBasicType,
  ListCompositeType,
  ProgressiveBitListType,
  ProgressiveByteListType,
  ProgressiveContainerType,
  ProgressiveListBasicType,
  ProgressiveListCompositeType,
  UintBigintType,
  UintNumberType,
  VectorBasicType,
  VectorCompositeType,
} from "@chainsafe/ssz";
import { toHex } from "../../src/base/bytes.ts";
import { asJson, firstDifference, type SszType } from "./ssz-value.ts";
import { runVectors, type VectorCase } from "./vectors.ts";

const uint8 = new UintNumberType(1);
const uint16 = new UintNumberType(2);
const uint32 = new UintNumberType(4);
const uint64 = new UintBigintType(8);
const basicTypes: Record<string, BasicType<unknown>> = {
  bool: new BooleanType(),
  uint8,
  uint16,
  uint32,
  uint64,
  uint128: new UintBigintType(16),
  uint256: new UintBigintType(32),
};

const SmallTestStruct = new ContainerType({ A: uint16, B: uint16 });
const FixedTestStruct = new ContainerType({ A: uint8, B: uint64, C: uint32 });
const VarTestStruct = new ContainerType({ A: uint16, B: new ListBasicType(uint16, 1024), C: uint8 });
const ProgressiveSingleField = new ProgressiveContainerType({ A: uint8 }, bits("1"));
const ProgressiveSingleList = new ProgressiveContainerType({ C: new ProgressiveBitListType() }, bits("00001"));
const ProgressiveVar = new ProgressiveContainerType(
  { A: uint8, B: new ListBasicType(uint16, 123), C: new ProgressiveBitListType() },
  bits("10101"),
);

const structs: Record<string, unknown> = {
  SingleFieldTestStruct: new ContainerType({ A: uint8 }),
  SmallTestStruct,
  FixedTestStruct,
  VarTestStruct,
  ComplexTestStruct: new ContainerType({
    A: uint16,
    B: new ListBasicType(uint16, 128),
    C: uint8,
    D: new ByteListType(256),
    E: VarTestStruct,
    F: new VectorCompositeType(FixedTestStruct, 4),
    G: new VectorCompositeType(VarTestStruct, 2),
  }),
  ProgressiveTestStruct: new ContainerType({
    A: new ProgressiveByteListType(),
    B: new ProgressiveListBasicType(uint64),
    C: new ProgressiveListCompositeType(SmallTestStruct),
    D: new ProgressiveListCompositeType(new ProgressiveListCompositeType(VarTestStruct)),
  }),
  BitsStruct: new ContainerType({
    A: new BitListType(5),
    B: new BitVectorType(2),
    C: new BitVectorType(1),
    D: new BitListType(6),
    E: new BitVectorType(8),
  }),
  ProgressiveBitsStruct: new ContainerType({
    A: new BitVectorType(256),
    B: new BitListType(256),
    C: new ProgressiveBitListType(),
    D: new BitVectorType(257),
    E: new BitListType(257),
    F: new ProgressiveBitListType(),
    G: new BitVectorType(1280),
    H: new BitListType(1280),
    I: new ProgressiveBitListType(),
    J: new BitVectorType(1281),
    K: new BitListType(1281),
    L: new ProgressiveBitListType(),
  }),
  ProgressiveSingleFieldContainerTestStruct: ProgressiveSingleField,
  ProgressiveSingleListContainerTestStruct: ProgressiveSingleList,
  ProgressiveVarTestStruct: ProgressiveVar,
  ProgressiveComplexTestStruct: new ProgressiveContainerType(
    {
      A: uint8,
      B: new ListBasicType(uint16, 123),
      C: new ProgressiveBitListType(),
      D: new ProgressiveListBasicType(uint64),
      E: new ProgressiveListCompositeType(SmallTestStruct),
      F: new ProgressiveListCompositeType(new ProgressiveListCompositeType(VarTestStruct)),
      G: new ListCompositeType(ProgressiveSingleField, 10),
      H: new ProgressiveListCompositeType(ProgressiveVar),
    },
    bits("1010100010001100000011"),
  ),
  CompatibleUnionA: new CompatibleUnionType({ 1: ProgressiveSingleField }),
  CompatibleUnionBC: new CompatibleUnionType({ 2: ProgressiveSingleList, 3: ProgressiveVar }),
  CompatibleUnionABCA: new CompatibleUnionType({
    1: ProgressiveSingleField,
    2: ProgressiveSingleList,
    3: ProgressiveVar,
    4: ProgressiveSingleField,
  }),
};

function bits(text: string): boolean[] {
  return [...text].map((digit) => digit === "1");
}

/** The type that a case's name declares; throws where no such type can exist, which is one way to refuse a case. */
function typeOf(vector: VectorCase): SszType {
  const words = vector.name.split("_");
  const basic = () => {
    const type = basicTypes[words[1]!];
    assert.ok(type, `no basic type in ${vector.name}`);
    return type;
  };
  switch (vector.handler) {
    case "basic_vector":
      return new VectorBasicType(basic(), Number(words[2])) as SszType;
    case "basic_progressive_list":
      return new ProgressiveListBasicType(basic()) as SszType;
    case "bitlist":
      // One invalid case names no limit: it lacks the delimiting bit, which no limit excuses.
      return new BitListType(words[1] === "no" ? 256 : Number(words[1])) as SszType;
    case "bitvector":
      return new BitVectorType(Number(words[1])) as SszType;
    case "progressive_bitlist":
      return new ProgressiveBitListType() as SszType;
    case "boolean":
      return new BooleanType() as SszType;
    case "uints":
      return basicTypes[`uint${words[1]}`] as SszType;
    default: {
      const type = structs[words[0]!];
      assert.ok(type, `no type ${words[0]}`);
      return type as SszType;
    }
  }
}

/** A vector of no items cannot be declared. */
function isImpossibleType(vector: VectorCase): boolean {
  const words = vector.name.split("_");
  return (
    (vector.handler === "basic_vector" && words[2] === "0") || (vector.handler === "bitvector" && words[1] === "0")
  );
}

function refuses(type: SszType, bytes: Uint8Array): void {
  assert.throws(() => type.deserialize(bytes), Error);
}

function checkCase(vector: VectorCase): void {
  const bytes = vector.ssz("serialized");
  if (vector.suite === "invalid") {
    if (isImpossibleType(vector)) assert.throws(() => typeOf(vector));
    else refuses(typeOf(vector), bytes);
    return;
  }
  const { root } = vector.meta as { root: string };
  const json = asJson(vector.yaml("value"));
  const type = typeOf(vector);
  const value = type.deserialize(bytes);
  assert.equal(toHex(type.serialize(value)), toHex(bytes), "encoding of the decoded value");
  assert.equal(toHex(type.hashTreeRoot(value)), root, "root");
  assert.equal(firstDifference(asJson(type.toJson(value)), json, vector.name), undefined);
  assert.equal(toHex(type.serialize(type.fromJson(json))), toHex(bytes), "encoding of value.yaml");
}

const handlers = [
  "basic_progressive_list",
  "basic_vector",
  "bitlist",
  "bitvector",
  "boolean",
  "compatible_unions",
  "containers",
  "progressive_bitlist",
  "progressive_containers",
  "uints",
];
runVectors("ssz_generic", Object.fromEntries(handlers.map((handler) => [handler, checkCase])));
