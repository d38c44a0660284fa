// Scripts and one style sheet, without hashes in their names; Python puts them into each page. `--mode live` makes the
// script of live pages, a module, as onnxruntime asks where it is.
import { defineConfig } from "vite";

// Vite would put all 14 MB of WebAssembly into the script; pages hand it over as bytes.
const apart = {
  name: "runtime-apart",
  enforce: "pre",
  transform: (code, id) => (id.includes("onnxruntime-web") ? code.replaceAll(/new URL\("[^"]*\.(wasm|mjs)",\s*import\.meta\.url\)/g, "new URL(import.meta.url)") : null),
};

export default defineConfig(({ mode }) => ({
  plugins: [apart],
  build: {
    outDir: "../backends/explorer/bundle",
    emptyOutDir: mode !== "live",
    target: "es2022",
    cssCodeSplit: false,
    lib:
      mode === "live"
        ? { entry: "src/main-live.ts", formats: ["es"], fileName: () => "live.js", cssFileName: "explorer" }
        : { entry: "src/main.ts", formats: ["iife"], name: "explorer", fileName: () => "explorer.js", cssFileName: "explorer" },
  },
}));
