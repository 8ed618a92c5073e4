// Every page, in both themes and on two widths: it draws, it keeps nobody out, and its picture is kept.
import { describe, expect, test } from "vitest";
import { accessible, as, named, open, picture, settled } from "./browser";

const PAGES = {
  today: "/",
  samples: "/samples",
  "sample-new": "/samples/new",
  projects: "/projects",
  instruments: "/instruments",
  due: "/due?within=365",
  runs: "/runs",
  "run-new": "/runs/new",
  recipes: "/recipes",
  "recipe-new": "/recipes/new",
  people: "/users",
  laboratory: "/settings",
  audit: "/audit",
  account: "/account",
  missing: "/nothing/here",
};

/** Pages of one thing, reached by the first link of a list. */
const DETAILS: [name: string, list: string, table: string][] = [
  ["sample", "/samples?sort=name", "Samples"],
  ["instrument", "/instruments", "Instruments"],
  ["run", "/runs?state=SUCCEEDED", "Runs"],
  ["recipe", "/recipes", "Recipes"],
];

describe.each([
  { width: 1440, dark: false },
  { width: 1440, dark: true },
  { width: 820, dark: false },
  { width: 820, dark: true },
])("on $width pixels, dark: $dark", (look) => {
  const kept = (name: string) => `${look.width}-${look.dark ? "dark" : "light"}-${name}`;

  test("the sign-in", async () => {
    const page = await open("/", look);
    await page.getByLabel("E-mail").waitFor();
    const { expectProblems } = await import("./browser");
    expectProblems(/status of 401/);
    await accessible(page);
    await named(page);
    await picture(page, kept("sign-in"));
  });

  test("every page", { timeout: 150_000 }, async () => {
    const page = await as("admin", "/", look);
    for (const [name, path] of Object.entries(PAGES)) {
      await page.goto(path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await settled(page);
      expect(await page.title()).toMatch(/SPECTRA-Lab/);
      await accessible(page);
      await named(page);
      await picture(page, kept(name));
    }
    for (const [name, list, table] of DETAILS) {
      await page.goto(list);
      // By key: names that come later move what a pointer aims at.
      await page.getByRole("table", { name: table }).getByRole("link").first().press("Enter");
      await page.getByRole("heading", { level: 2, name: /History|Versions/ }).waitFor();
      await settled(page);
      await accessible(page);
      await named(page);
      await picture(page, kept(name));
    }
  });
});

test("a control without a name is found", async () => {
  const page = await as("viewer", "/samples");
  await settled(page);
  await named(page);
  for (const control of ["<button></button>", "<input>", "<select><option>a</option></select>", '<a href="/"></a>']) {
    await page.evaluate((html) => {
      const box = document.createElement("div");
      box.id = "nameless";
      box.innerHTML = html;
      document.querySelector("main")?.append(box);
    }, control);
    await expect(named(page), control).rejects.toThrow("nameless");
    await page.evaluate(() => document.querySelector("#nameless")?.remove());
  }
});

test("the questions before a change keep nobody out", async () => {
  const page = await as("admin", "/samples?status=AVAILABLE&sort=name");
  await page.getByRole("table", { name: "Samples" }).getByRole("link").first().click();
  for (const verb of ["Move", "Quarantine", "Dispose", "Delete"]) {
    await page.getByRole("main").getByRole("button", { name: verb, exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: verb, exact: true }).waitFor();
    await accessible(page);
    await named(page);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    // Whoever leaves the question is where it was asked.
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.textContent), { message: "the focus comes back" })
      .toBe(verb);
  }
});
