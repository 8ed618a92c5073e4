// Tables: what they show is chosen, and stands in the address.
import { expect, test } from "vitest";
import { accessible, as, expectProblems, named } from "./browser";
import { script } from "./node";

test("columns are chosen by keyboard, kept in the address, and brought back", async () => {
  const page = await as("engineer", "/samples");
  const heads = () => page.getByRole("table", { name: "Samples" }).getByRole("columnheader").allInnerTexts();
  const names = async () => (await heads()).map((text) => text.replace(/[^\w ]/g, "").trim());
  await expect.poll(names).toContain("Lot");
  const all = await names();
  await page.getByRole("button", { name: "Columns" }).focus();
  await page.keyboard.press("Enter");
  const lot = page.getByRole("menuitemcheckbox", { name: "Lot" });
  await lot.waitFor();
  await accessible(page);
  await named(page);
  while (!(await lot.evaluate((item) => item === document.activeElement))) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await expect.poll(names).toEqual(all.filter((name) => name !== "Lot"));
  expect(await lot.getAttribute("aria-checked")).toBe("false");
  await page.keyboard.press("Escape");
  await lot.waitFor({ state: "hidden" });
  // The choice goes along with the address, another order, and a reload.
  await page.getByRole("columnheader", { name: "Name" }).getByRole("button").press("Enter");
  await page.waitForURL(/sort=name/);
  await page.reload();
  await expect.poll(names).toEqual(all.filter((name) => name !== "Lot"));
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByRole("menuitem", { name: "Those that fit" }).click();
  await expect.poll(names).toEqual(all);
});

test("pages are turned forth and back, and one that came by a link leads to the first", async () => {
  const { samples } = await script("engineer@demo.lab", "eng123");
  const pile = `pile-${Date.now().toString(36)}`;
  await samples.batchCreateSamples({
    requests: Array.from({ length: 120 }, (_, nth) => ({
      sample: { name: `${pile}-${String(nth).padStart(3, "0")}`, materialType: "Si wafer" },
    })),
  });
  const page = await as("engineer", `/samples?sort=name&q=${pile}`);
  const shows = (nth: string) => page.getByRole("link", { name: `${pile}-${nth}` }).waitFor();
  const turn = (name: string) => page.getByRole("button", { name }).click();
  await shows("000");
  await turn("Next page");
  await shows("050");
  await turn("Next page");
  await shows("100");
  const last = page.url();
  await page.reload();
  await shows("100");
  await turn("Previous page");
  await shows("050");
  await turn("Previous page");
  await shows("000");
  expect(await page.getByRole("button", { name: "Previous page" }).isDisabled()).toBe(true);
  await page.goBack();
  await shows("050");

  const other = await page.context().newPage();
  await other.goto(last);
  await other.getByRole("link", { name: `${pile}-100` }).waitFor();
  expect(await other.getByRole("button", { name: "Previous page" }).isDisabled()).toBe(true);
  await other.getByRole("button", { name: "First page" }).click();
  await other.getByRole("link", { name: `${pile}-000` }).waitFor();
});

test("an address that cannot be read leads on", async () => {
  expectProblems(/status of 400/);
  const page = await as("engineer", "/samples/no-such-id");
  await page.getByText("There is no such page").waitFor();
  await page.goto("/samples?sort=nothing");
  await page.getByRole("button", { name: "Show the whole list" }).click();
  await page.getByRole("row").nth(1).getByRole("link").first().waitFor();
  await page.goto("/due?within=abc");
  await page.getByRole("heading", { name: "Overdue" }).waitFor();
});

test("a name as long as names may be leaves room for what stands beside it", async () => {
  const { samples } = await script("engineer@demo.lab", "eng123");
  const name = `${Date.now().toString(36)}-${"W".repeat(100)}`;
  await samples.createSample({ sample: { name, materialType: "Si wafer", barcode: name.slice(0, 60) } });
  const page = await as("engineer", `/samples?q=${name}`);
  const link = page.getByRole("link", { name });
  await link.waitFor();
  await expect.poll(() => link.evaluate((node) => node.getBoundingClientRect().width)).toBeLessThan(450);
  await accessible(page);
  await link.click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
  await accessible(page);
});
