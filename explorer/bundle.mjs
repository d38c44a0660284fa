// Puts onnxruntime into the bundle, gzipped, with the licences of all that is in it, and writes which sources it was built
// from: SHA-256 over their names and contents, in order of the names.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const wasm = readFileSync("node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm");
writeFileSync("../backends/explorer/bundle/onnxruntime.wasm.gz", gzipSync(wasm, { level: 9 }));

const parts = Object.entries(JSON.parse(readFileSync("package-lock.json", "utf8")).packages).filter(([name, part]) => name && !part.dev && !name.includes("@types/"));
const licences = parts.map(([folder, { version, license }]) => {
  const text = `${folder}/LICENSE`;
  return `${folder.replace("node_modules/", "")} ${version}, ${license}\n\n${existsSync(text) ? readFileSync(text, "utf8").trim() : ""}`.trim();
});
writeFileSync("../backends/explorer/bundle/LICENSES.txt", `${licences.join("\n\n---\n\n")}\n`);

const hash = createHash("sha256");
const files = [...readdirSync("src").map((name) => `src/${name}`), "package-lock.json", "vite.config.js"].sort();
for (const file of files) hash.update(`${file}\n`).update(readFileSync(file)).update("\n");
writeFileSync("../backends/explorer/bundle/sources.sha256", `${hash.digest("hex")}\n`);
