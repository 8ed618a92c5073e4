import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// While developing, calls go to the laboratory that `make up` runs; SPECTRA_URL names another.
const lab = process.env.SPECTRA_URL ?? "http://127.0.0.1:3012";

export default defineConfig({
  plugins: [react()],
  html: { cspNonce: "__CSP_NONCE__" },
  build: { assetsInlineLimit: 0, target: "es2023", rolldownOptions: { input: ["index.html", "docs.html"] } },
  server: { proxy: { "^/(spectra\\.|web/session|api/|openapi.json)": { target: lab } } },
});
