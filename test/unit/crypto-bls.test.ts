import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { UsageError } from "../../src/base/errors.ts";
import * as bls from "../../src/crypto/bls.ts";
import { otherBls, secretBytes, validKeys } from "./crypto-keys.ts";

const COUNT = 20;
const keys = validKeys(COUNT);
const secrets = Array.from({ length: COUNT }, (_, i) => bls.SecretKey.fromBytes(secretBytes(i)));
const table = bls.KeyTable.create();
table.append(keys);

const INFINITY_SIGNATURE = Uint8Array.of(0xc0, ...new Uint8Array(95));
/** On the curve, outside of the subgroup. */
const KEY_NOT_IN_GROUP = fromHex(
  "8123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
);

function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

function key(i: number): Uint8Array {
  return keys.subarray(48 * i, 48 * i + 48);
}

function signed(indices: number[], message = new Uint8Array(randomBytes(32))): bls.SignatureSet {
  const signature = bls.aggregateSignatures(indices.map((i) => secrets[i]!.sign(message)));
  return { table, indices, message, signature };
}

const NO_OTHER = otherBls === undefined && "the other implementation has no build for this machine";

/** What the other implementation says about a set; where there is none, what a set says alone. */
function oracle(set: bls.SignatureSet): boolean {
  if (otherBls === undefined) return bls.verifySet(set);
  const { PublicKey, Signature, fastAggregateVerify } = otherBls;
  const own = Array.from(set.indices, (i) => PublicKey.fromBytes(key(i), true));
  const extra = (set.extraKeys ?? []).map((bytes) => PublicKey.fromBytes(bytes, true));
  return fastAggregateVerify(set.message, [...own, ...extra], Signature.fromBytes(set.signature, true));
}

/** The same point with the other sign. */
function negated(point: Uint8Array): Uint8Array {
  const copy = new Uint8Array(point);
  copy[0]! ^= 0x20;
  return copy;
}

describe("batches agree with another implementation", () => {
  const shared = new Uint8Array(32).fill(9);
  const makers: Record<string, (i: number) => bls.SignatureSet> = {
    "own messages": (i) => signed([i]),
    "one message": (i) => signed([i], shared),
    "few messages": (i) => signed([i], new Uint8Array(32).fill(i % 3)),
    "many keys": (i) => signed(Array.from({ length: 1 + (i % 7) }, (_, k) => (i + k) % COUNT)),
    "extra keys": (i) => ({ ...signed([i]), indices: [], extraKeys: [key(i)] }),
    "both kinds of keys": (i) => ({ ...signed([i, (i + 1) % COUNT]), indices: [i], extraKeys: [key((i + 1) % COUNT)] }),
  };
  for (const [name, make] of Object.entries(makers)) {
    test(name, async () => {
      const good = Array.from({ length: COUNT }, (_, i) => make(i));
      assert.ok(good.every(oracle));
      // Everybody gets the signature of a neighbour far enough away to have signed something else.
      const spoil = (at: (i: number) => boolean) =>
        good.map((set, i) => (at(i) ? { ...set, signature: good[(i + COUNT / 2) % COUNT]!.signature } : set));
      for (const batch of [good, spoil((i) => i === 17), spoil((i) => i % 5 === 0), spoil(() => true)]) {
        const expected = batch.flatMap((set, i) => (oracle(set) ? [] : [i]));
        for (const threads of [1, 3]) {
          assert.equal(bls.verifySets(batch, { threads }), expected.length === 0);
          assert.deepEqual(bls.findInvalidSets(batch, { threads }), expected);
        }
        assert.equal(await bls.verifySetsAsync(batch), expected.length === 0);
        assert.deepEqual(await bls.findInvalidSetsAsync(batch), expected);
      }
    });
  }

  test("every size around the chunk limits", () => {
    const set = signed([3]);
    const bad = { ...signed([4]), signature: set.signature };
    for (const size of [1, 2, 16, 17, 63, 64, 65, 300, 1024, 1025]) {
      const batch = Array.from({ length: size }, () => set);
      assert.equal(bls.verifySets(batch, { threads: 2 }), true, `${size}`);
      assert.equal(bls.verifySets([...batch.slice(1), bad]), false, `${size}`);
      assert.deepEqual(bls.findInvalidSets([...batch.slice(1), bad]), [size - 1]);
    }
  });
});

describe("what must not pass", () => {
  test("errors that cancel out in an unweighted sum", () => {
    const [a, b, other] = [signed([0]), signed([1]), signed([2])];
    const batch = [
      { ...a, signature: bls.aggregateSignatures([a.signature, other.signature]) },
      { ...b, signature: bls.aggregateSignatures([b.signature, negated(other.signature)]) },
    ];
    for (const threads of [1, 2, 8]) {
      assert.equal(bls.verifySets(batch, { threads }), false);
      assert.deepEqual(bls.findInvalidSets(batch, { threads }), [0, 1]);
    }
  });

  test("swapped signatures over one message", () => {
    const message = new Uint8Array(32);
    const [a, b] = [signed([0], message), signed([1], message)];
    const batch = [
      { ...a, signature: b.signature },
      { ...b, signature: a.signature },
    ];
    assert.equal(bls.verifySets(batch), false);
    assert.deepEqual(bls.findInvalidSets(batch), [0, 1]);
  });

  test("keys that sum to infinity, with the signature at infinity", () => {
    const message = new Uint8Array(32);
    const set = { table, indices: [0], extraKeys: [negated(key(0))], message, signature: INFINITY_SIGNATURE };
    assert.equal(bls.verifySet(set), false);
    assert.equal(bls.verifySets([set, signed([1])]), false);
    assert.deepEqual(bls.findInvalidSets([signed([1]), set]), [1]);
    assert.equal(bls.fastAggregateVerify([key(0), negated(key(0))], message, INFINITY_SIGNATURE), false);
  });

  test("a set without keys; an empty batch does", () => {
    const set = { table, indices: [], message: new Uint8Array(32), signature: INFINITY_SIGNATURE };
    assert.equal(bls.verifySet(set), false);
    assert.equal(bls.verifySets([]), true);
    assert.deepEqual(bls.findInvalidSets([]), []);
    assert.equal(bls.ethFastAggregateVerify([], new Uint8Array(32), INFINITY_SIGNATURE), true);
    assert.equal(bls.fastAggregateVerify([], new Uint8Array(32), INFINITY_SIGNATURE), false);
  });

  test("a key outside of the subgroup, extra or in the table", () => {
    const set = signed([0]);
    assert.equal(bls.keyValidate(KEY_NOT_IN_GROUP), false);
    assert.equal(bls.verifySet({ ...set, extraKeys: [KEY_NOT_IN_GROUP] }), false);
    const mixed = bls.KeyTable.create();
    mixed.append(keys);
    mixed.append(KEY_NOT_IN_GROUP);
    mixed.append(Uint8Array.of(0xc0, ...new Uint8Array(47)));
    for (const bad of [COUNT, COUNT + 1]) {
      assert.equal(bls.verifySet({ ...set, table: mixed, indices: [0, bad] }), false);
      assert.deepEqual(bls.findInvalidSets([{ ...set, table: mixed, indices: [bad] }, set]), [0]);
    }
    assert.equal(bls.verifySets([{ ...set, table: mixed }, set]), true, "two tables in one batch");
  });

  test("signatures that are no points", () => {
    for (const signature of [new Uint8Array(96), new Uint8Array(96).fill(255), INFINITY_SIGNATURE]) {
      assert.equal(bls.verifySet({ ...signed([0]), signature }), false);
      assert.equal(bls.verifySets([signed([1]), { ...signed([0]), signature }]), false);
    }
    assert.throws(() => bls.aggregateSignatures([new Uint8Array(96)]), RangeError);
    assert.throws(() => bls.aggregatePublicKeys([KEY_NOT_IN_GROUP]), RangeError);
    assert.equal(bls.signatureValidate(INFINITY_SIGNATURE), true);
  });
});

describe("misuse throws", () => {
  const set = signed([0]);
  const misuses: Record<string, () => unknown> = {
    "place past the end": () => bls.verifySet({ ...set, indices: [COUNT] }),
    "negative place": () => bls.verifySet({ ...set, indices: [-1] }),
    "place above 2^32": () => bls.verifySet({ ...set, indices: [2 ** 32] }),
    "infinite place": () => bls.verifySet({ ...set, indices: [Number.POSITIVE_INFINITY] }),
    "fractional place": () => bls.verifySet({ ...set, indices: [0.5] }),
    "short message": () => bls.verifySet({ ...set, message: new Uint8Array(31) }),
    "short signature": () => bls.verifySet({ ...set, signature: new Uint8Array(95) }),
    "short key": () => bls.verifySet({ ...set, extraKeys: [new Uint8Array(47)] }),
    "signature of two sets": () => bls.verify(key(0), set.message, new Uint8Array(192)),
    "no table": () => bls.verifySet({ ...set, table: {} as bls.KeyTable }),
    "text for a key": () => bls.keyValidate("key" as unknown as Uint8Array),
    "threads that are none": () => bls.verifySets([set], { threads: -1 }),
  };
  for (const [name, misuse] of Object.entries(misuses)) test(name, () => assert.throws(misuse, TypeError));

  test("an asynchronous call rejects", async () => {
    await assert.rejects(bls.verifySetsAsync([{ ...set, indices: [COUNT] }]), TypeError);
  });
});

describe("secret keys", () => {
  /** The test cases of EIP-2333. */
  const CASES: [seed: string, master: bigint, index: number, child: bigint][] = [
    [
      "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04",
      6083874454709270928345386274498605044986640685124978867557563392430687146096n,
      0,
      20397789859736650942317412262472558107875392172444076792671091975210932703118n,
    ],
    [
      "3141592653589793238462643383279502884197169399375105820974944592",
      29757020647961307431480504535336562678282505419141012933316116377660817309383n,
      3141592653,
      25457201688850691947727629385191704516744796114925897962676248250929345014287n,
    ],
    [
      "0099ff991111002299dd7744ee3355bbdd8844115566cc55663355668888cc00",
      27580842291869792442942448775674722299803720648445448686099262467207037398656n,
      4294967295,
      29358610794459428860402234341874281240803786294062035874021252734817515685787n,
    ],
  ];

  test("derive as EIP-2333 says", () => {
    const publicKey = (secret: bigint) =>
      bls.SecretKey.fromBytes(fromHex(secret.toString(16).padStart(64, "0"))).toPublicKey();
    for (const [seed, master, index, child] of CASES) {
      const secret = bls.SecretKey.fromSeed(fromHex(seed));
      assert.deepEqual(secret.toPublicKey(), publicKey(master));
      assert.deepEqual(secret.deriveChild(index).toPublicKey(), publicKey(child));
    }
  });

  test("paths are steps of children", () => {
    const master = bls.SecretKey.fromSeed(new Uint8Array(32).fill(5));
    const byHand = [12381, 3600, 4, 0, 0].reduce((secret, index) => secret.deriveChild(index), master);
    assert.deepEqual(master.derivePath("m/12381/3600/4/0/0").toPublicKey(), byHand.toPublicKey());
    for (const path of ["", "m", "m/", "m/-1", "m/4294967296", "n/1", "m/1x", `m${"/1".repeat(40)}`]) {
      assert.throws(() => master.derivePath(path), UsageError, path);
    }
  });

  test("sign like another implementation", { skip: NO_OTHER }, () => {
    for (let i = 0; i < 10; i++) {
      const message = new Uint8Array(randomBytes(32));
      const other = otherBls!.SecretKey.fromBytes(secretBytes(i));
      assert.deepEqual(Buffer.from(secrets[i]!.sign(message)), Buffer.from(other.sign(message).toBytes()));
      assert.deepEqual(Buffer.from(secrets[i]!.toPublicKey()), Buffer.from(other.toPublicKey().toBytes()));
    }
  });

  test("zero, the group order and what is longer are no keys", () => {
    const order = fromHex("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001");
    for (const bytes of [new Uint8Array(32), order, new Uint8Array(32).fill(255), new Uint8Array(31).fill(1)]) {
      assert.throws(() => bls.SecretKey.fromBytes(bytes), TypeError);
    }
    assert.throws(() => bls.SecretKey.fromSeed(new Uint8Array(31)), TypeError);
  });

  test("a destroyed key signs no more", () => {
    const secret = bls.SecretKey.fromBytes(secretBytes(1));
    secret.destroy();
    secret.destroy();
    assert.throws(() => secret.sign(new Uint8Array(32)), TypeError);
    assert.throws(() => secret.toPublicKey(), TypeError);
    assert.throws(() => secret.deriveChild(0), TypeError);
  });
});

describe("threads", () => {
  test("many batches at once, and the table growing meanwhile", async () => {
    const growing = bls.KeyTable.create();
    growing.append(keys);
    const batches = Array.from({ length: 8 }, (_, i) => {
      const sets = [signed([i]), signed([i + 1, i + 2])].map((set) => ({ ...set, table: growing }));
      return i % 2 === 0 ? sets : [...sets, { ...signed([0]), table: growing, message: new Uint8Array(32) }];
    });
    const running = batches.map((sets) => bls.verifySetsAsync(sets, { threads: 2 }));
    for (let i = 0; i < 200; i++) growing.append(keys);
    assert.deepEqual(
      await Promise.all(running),
      batches.map((_, i) => i % 2 === 0),
    );
  });

  test("inputs may be overwritten as soon as the call returns", async () => {
    const set = signed([5]);
    const running = bls.verifySetsAsync([set]);
    set.message.fill(0);
    set.signature.fill(0);
    assert.equal(await running, true);
  });

  test("workers have their own addon", async () => {
    const answers = [1, 2, 3].map(
      (count) =>
        new Promise((resolve, reject) => {
          const url = new URL("./crypto-worker.ts", import.meta.url);
          const worker = new Worker(url, { workerData: { count: 4 * count, mode: "answer" } });
          worker.once("message", resolve).once("error", reject);
        }),
    );
    const expected = [4, 8, 12].map((length) => ({ now: true, later: true, broken: false, length }));
    assert.deepEqual(await Promise.all(answers), expected);
  });

  test("a worker may be terminated in the middle of a batch", async () => {
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(new URL("./crypto-worker.ts", import.meta.url), {
        workerData: { count: 32, mode: "hang" },
      });
      await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
      await worker.terminate();
    }
    assert.equal(bls.verifySet(signed([0])), true);
  });
});
