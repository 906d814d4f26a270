import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The service serves what is built. While working on the page, `npm run dev` asks a service that runs beside it.
const service = process.env["LABELAUDIT_URL"] ?? "http://127.0.0.1:8484";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2023",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
  },
  server: { proxy: { "/v1": { target: service, changeOrigin: true, headers: { origin: service } } } },
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"], css: { include: /\.css\?raw$/ } },
});
