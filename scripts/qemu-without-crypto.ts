/**
 * Makes a copy of qemu-aarch64 (for x86-64) whose Cortex-A53/A57/A72 lack the crypto extension, as the Raspberry Pi 4 does:
 * QEMU has no option for that. It fills a CPU model's feature register ID_AA64ISAR0 by a move of a constant; in the copy the
 * constant has only CRC32 left of AES, SHA1, SHA2 and CRC32. A program that uses the extension nevertheless gets SIGILL.
 *
 *   node scripts/qemu-without-crypto.ts QEMU COPY
 */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";

const WITH_CRYPTO = 0x00011120;
const WITHOUT_CRYPTO = 0x00010000;

/** Offset of the constant behind `mov qword [base + disp32], imm32`, when such an instruction begins at `at`. */
function constantOf(code: Buffer, at: number): number {
  const modrm = code[at + 2]!;
  if (modrm >= 0x80 && modrm <= 0x87 && modrm !== 0x84) return at + 7;
  return modrm === 0x84 && code[at + 3] === 0x24 ? at + 8 : -1;
}

function removeCrypto(code: Buffer): number {
  let changed = 0;
  for (
    let at = code.indexOf("48c7", 0, "hex");
    at >= 0 && at + 12 <= code.length;
    at = code.indexOf("48c7", at + 1, "hex")
  ) {
    const constant = constantOf(code, at);
    if (constant < 0 || code.readUInt32LE(constant) !== WITH_CRYPTO) continue;
    code.writeUInt32LE(WITHOUT_CRYPTO, constant);
    changed++;
  }
  return changed;
}

const [source, copy] = process.argv.slice(2);
if (source === undefined || copy === undefined) {
  console.error("usage: qemu-without-crypto.ts QEMU COPY");
  process.exit(2);
}
const code = readFileSync(source);
const changed = removeCrypto(code);
if (changed === 0) {
  console.error(`${source}: no CPU model found whose crypto extension could be removed`);
  process.exit(1);
}
writeFileSync(copy, code);
chmodSync(copy, 0o755);
console.log(`QEMU: crypto extension removed from ${changed} CPU models of the copy`);
