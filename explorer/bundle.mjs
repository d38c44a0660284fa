// Puts onnxruntime into the bundle, gzipped, and writes which sources the bundle was built from: SHA-256 over their names
// and contents, in order of the names.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const wasm = readFileSync("node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm");
writeFileSync("../backends/explorer/bundle/onnxruntime.wasm.gz", gzipSync(wasm, { level: 9 }));

const hash = createHash("sha256");
const files = [...readdirSync("src").map((name) => `src/${name}`), "package-lock.json", "vite.config.js"].sort();
for (const file of files) hash.update(`${file}\n`).update(readFileSync(file)).update("\n");
writeFileSync("../backends/explorer/bundle/sources.sha256", `${hash.digest("hex")}\n`);
