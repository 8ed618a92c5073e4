// Fails where the first load has grown beyond what was promised: compressed bytes of the page's own script and styles.
import { readFileSync, statSync } from "node:fs";

const LIMITS = { js: 240_000, css: 25_000 };
const page = readFileSync("dist/index.html", "utf8");
for (const [kind, limit] of Object.entries(LIMITS)) {
  const files = new Set([...page.matchAll(new RegExp(`"(/assets/[^"]+\\.${kind})"`, "g"))].map((match) => match[1]));
  const bytes = [...files].reduce((sum, file) => sum + statSync(`dist${file}.br`).size, 0);
  console.log(`web: first load, ${kind}: ${bytes} of ${limit} bytes in ${files.size} files`);
  if (bytes > limit || files.size === 0) process.exitCode = 1;
}
