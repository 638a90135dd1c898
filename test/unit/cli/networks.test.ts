import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { toHex } from "../../../src/base/bytes.ts";
import { StorageError, UsageError } from "../../../src/base/errors.ts";
import { builtInNetworks, genesisState, loadNetwork, loadNetworkFolder } from "../../../src/cli/networks.ts";
import { MAINNET_CONFIG } from "../../../src/spec/config.ts";

const folder = mkdtempSync(join(tmpdir(), "cresset-network-"));
after(() => rmSync(folder, { recursive: true }));

describe("built-in networks", () => {
  test("are these", () => {
    assert.deepEqual(builtInNetworks(), ["ephemery", "hoodi", "mainnet", "plataberget", "sepolia"]);
  });

  for (const name of ["hoodi", "mainnet", "plataberget", "sepolia"]) {
    test(`${name} has a config without unknown or missing keys`, () => {
      const network = loadNetwork(name);
      assert.deepEqual(network.unknownKeys, []);
      assert.deepEqual(network.missingKeys, []);
      assert.equal(network.config?.PRESET_BASE, "mainnet");
    });
  }

  for (const name of ["hoodi", "mainnet", "sepolia"]) {
    test(`${name} has boot nodes, endpoints, the deposit block and the genesis validators root`, () => {
      const network = loadNetwork(name);
      assert.equal(network.config?.CONFIG_NAME, name);
      assert.ok(network.bootNodes.length >= 5, `${network.bootNodes.length} boot nodes`);
      assert.ok(network.checkpointEndpoints.length >= 2);
      assert.ok(network.depositContractBlock !== undefined);
      assert.equal(network.genesisValidatorsRoot?.length, 32);
    });
  }

  test("mainnet's config is the one that the preset has by default", () => {
    assert.deepEqual(loadNetwork("mainnet").config, MAINNET_CONFIG);
  });

  test("ephemery has endpoints only", () => {
    const network = loadNetwork("ephemery");
    assert.equal(network.config, undefined);
    assert.equal(network.checkpointEndpoints.length, 2);
  });

  test("sepolia has its genesis state", () => {
    const network = loadNetwork("sepolia");
    const genesis = genesisState(network);
    assert.equal(genesis?.length, 2_889_907);
    assert.equal(toHex(genesis!.subarray(8, 40)), toHex(network.genesisValidatorsRoot!));
    assert.equal(genesisState(loadNetwork("hoodi")), undefined);
  });

  test("an unknown one is refused with the names that are known", () => {
    assert.throws(() => loadNetwork("../networks/sepolia"), UsageError);
    assert.throws(() => loadNetwork("goerli"), /known are ephemery, hoodi/);
  });
});

describe("a network's folder", () => {
  const write = (file: string, text: string | Uint8Array) => writeFileSync(join(folder, file), text);

  test("without config.yaml is refused", () => {
    assert.throws(() => loadNetworkFolder(folder), /holds no config.yaml/);
  });

  test("is read with what it lacks reported", () => {
    write("config.yaml", "PRESET_BASE: minimal\nCONFIG_NAME: devnet-3\nDEPOSIT_NETWORK: 1\n");
    const network = loadNetworkFolder(folder);
    assert.equal(network.name, "devnet-3");
    assert.deepEqual(network.unknownKeys, ["DEPOSIT_NETWORK"]);
    assert.ok(network.missingKeys.includes("DEPOSIT_NETWORK_ID"));
    assert.deepEqual(network.bootNodes, []);
    assert.equal(genesisState(network), undefined);
  });

  for (const [file, text, message] of [
    ["bootstrap_nodes.yaml", "- enode://00@1.2.3.4:5\n", /bootstrap_nodes.yaml: item 0 is no node record/],
    ["bootstrap_nodes.yaml", "a: [", /bootstrap_nodes.yaml: not YAML/],
    ["bootstrap_nodes.yaml", "&a [*a, *a]", /bootstrap_nodes.yaml/],
    ["checkpoint-sync-endpoints.yaml", "- endpoint: file:///etc/passwd\n", /endpoint is no http address/],
    ["deposit_contract_block.txt", "-1", /deposit_contract_block.txt: "-1" is no block number/],
    ["genesis_validators_root.txt", "0x00", /genesis_validators_root.txt: 32 bytes/],
    ["deposit_contract.txt", `0x${"00".repeat(20)}`, /contradicts DEPOSIT_CONTRACT_ADDRESS/],
  ] as const) {
    test(`with a bad ${file} (${text.slice(0, 12).trim()}) is refused`, () => {
      write(file, text);
      assert.throws(
        () => loadNetworkFolder(folder),
        (error) => error instanceof StorageError && message.test(error.message),
      );
      rmSync(join(folder, file));
    });
  }

  test("with a torn genesis.ssz.zst is refused when it is read", () => {
    write("genesis.ssz.zst", new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]));
    assert.throws(() => genesisState(loadNetworkFolder(folder)), StorageError);
  });
});
