// The pictures of docs/pictures, made anew by `scripts/pictures.sh`: a lab that was just set up, as its people see it.
import { mkdirSync } from "node:fs";
import type { Page } from "playwright-core";
import { test } from "vitest";
import { as, settled } from "./browser";
import { script } from "./node";

const FOLDER = "../docs/pictures";

async function keep(page: Page, name: string): Promise<void> {
  if (/^(run|instrument|run-dark)$/.test(name))
    await page.getByRole("table", { name: "History" }).getByRole("row").nth(1).waitFor();
  await settled(page);
  // Names come a moment after what they are of.
  await page.waitForFunction(() =>
    [...document.querySelectorAll("main a, main span")].every((name) => name.textContent !== "…"),
  );
  // As high as the page is: what is beside it goes all the way down.
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width: page.viewportSize()?.width ?? 0, height });
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await page.evaluate(() => document.getAnimations().map((animation) => animation.finish()));
  mkdirSync(FOLDER, { recursive: true });
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
}

test.runIf(process.env.PICTURES)("pictures", { timeout: 120_000 }, async () => {
  const { instruments, runs, samples } = await script("engineer@demo.lab", "eng123");
  const instrument = async (asset: string) =>
    (await instruments.listInstruments({ filter: `asset_code = "${asset}"` })).instruments[0]?.id ?? "";
  const [run] = (await runs.listRuns({ filter: 'method = "iv_sweep" AND state = SUCCEEDED', pageSize: 1 })).runs;
  const [sample] = (await samples.listSamples({ filter: "status = AVAILABLE", orderBy: "name", pageSize: 1 })).samples;

  await keep(await as("pi", "/"), "today");
  await keep(await as("pi", "/due?view=calendar"), "due");
  await keep(await as("pi", `/instruments/${await instrument("JAN-RM3000-01")}`), "instrument");
  for (const dark of [false, true]) {
    const page = await as("pi", `/runs/${run?.id}`, { dark });
    await page.locator("canvas").waitFor();
    await keep(page, dark ? "run-dark" : "run");
  }
  const page = await as("engineer", `/runs/new?sample=${sample?.id}&instrument=${await instrument("LS-8404-01")}`);
  await page.getByText("No run can start on it").waitFor();
  await keep(page, "run-new");
});
