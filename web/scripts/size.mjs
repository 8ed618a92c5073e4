// Fails where the first load has grown beyond what was promised: compressed bytes of what a browser fetches to show Today, the
// page's own script and styles and those of the dashboard. Browsers that do not take brotli get gzip.
import { readFileSync, statSync } from "node:fs";

const LIMITS = { js: 240_000, css: 25_000 };
const page = readFileSync("dist/index.html", "utf8");
const [, entry] = page.match(/<script type="module"[^>]* src="\/(assets\/[^"]+)"/);
const script = readFileSync(`dist/${entry}`, "utf8");
const [, later] = script.match(/\.f=\[([^\]]+)\]/);
const [, dashboard] = script.match(/import\(`\.\/DashboardPage-[^`]+`\),__vite__mapDeps\(\[([\d,]+)\]/);
const names = later.split(",").map((name) => name.slice(1, -1));
const own = [...page.matchAll(/"\/(assets\/[^"]+\.(?:js|css))"/g)].map(([, name]) => name);
const files = [...new Set([...own, ...dashboard.split(",").map((nth) => names[nth])])];
for (const [kind, limit] of Object.entries(LIMITS)) {
  const some = files.filter((name) => name.endsWith(`.${kind}`));
  const [gzip, brotli] = ["gz", "br"].map((packed) =>
    some.reduce((sum, name) => sum + statSync(`dist/${name}.${packed}`).size, 0),
  );
  console.log(
    `web: first load, ${kind}: ${gzip} of ${limit} bytes by gzip, ${brotli} by brotli, in ${some.length} files`,
  );
  if (gzip > limit || some.length === 0) process.exitCode = 1;
}
