// One script and one style sheet, without hashes in their names; Python puts both into each page.
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    outDir: "../backends/explorer/bundle",
    emptyOutDir: true,
    target: "es2022",
    cssCodeSplit: false,
    lib: { entry: "src/main.ts", formats: ["iife"], name: "explorer", fileName: () => "explorer.js", cssFileName: "explorer" },
  },
});
