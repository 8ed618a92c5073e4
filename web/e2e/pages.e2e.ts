// Every page, in both themes and on two widths: it draws, it keeps nobody out, and its picture is kept.

import type { Page } from "playwright-core";
import { describe, expect, inject, test } from "vitest";
import { accessible, as, expectProblems, legible, named, open, picture, type Role, settled, turn } from "./browser";

const PAGES = {
  today: "/",
  samples: "/samples",
  "sample-new": "/samples/new",
  projects: "/projects",
  instruments: "/instruments",
  certificates: "/calibrations",
  due: "/due?within=365",
  "due-calendar": "/due?view=calendar",
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

/** Goes to the first that a list has, by key: names that come later move what a pointer aims at. */
async function first(page: Page, list: string, table: string): Promise<void> {
  await page.goto(list);
  await page.getByRole("table", { name: table }).getByRole("link").first().press("Enter");
}

/** Nothing stands beside the screen: a page is never scrolled sideways; a table that is too wide is, in its own frame. */
async function within(page: Page): Promise<void> {
  const beside = await page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    return scrollWidth > clientWidth ? `${scrollWidth - clientWidth} pixels beside the screen` : "";
  });
  expect(beside, page.url()).toBe("");
}

/** What is different for whoever may do less: places that are not there, and buttons that say why not. */
const OTHERS: Record<Exclude<Role, "admin">, string[]> = {
  viewer: ["/samples", "/samples/new", "/projects", "/runs/new", "/recipes/new", "/users", "/settings", "/audit"],
  technician: ["/samples", "/samples/new", "/runs/new", "/recipes/new", "/settings", "/audit"],
  engineer: ["/projects"],
  pi: ["/settings"],
};

describe("to other roles", () => {
  test.each(Object.keys(OTHERS) as (keyof typeof OTHERS)[])("%s", { timeout: 180_000 }, async (role) => {
    expectProblems(/status of 403/);
    const page = await as(role);
    const looked = async () => {
      await page.getByRole("heading", { level: 1 }).waitFor();
      await settled(page);
      await accessible(page);
      await named(page);
      await turn(page, "dark");
      await legible(page);
      await turn(page, "light");
    };
    await looked();
    if (role === "viewer") {
      // Why something cannot be done can be read.
      await page.goto("/samples");
      await page.getByRole("button", { name: "Register a sample" }).and(page.locator("[aria-disabled=true]")).focus();
      await page.getByRole("tooltip").waitFor();
      await looked();
    }
    for (const path of OTHERS[role]) {
      await page.goto(path);
      await looked();
    }
    for (const [, list, table] of DETAILS) {
      await first(page, list, table);
      await page.getByRole("heading", { level: 2, name: /History|Versions/ }).waitFor();
      await looked();
    }
    await first(page, "/instruments", "Instruments");
    await page.getByRole("table", { name: "Certificates" }).getByRole("link").first().press("Enter");
    await page.getByText("Covers").waitFor();
    await looked();
  });
});

describe("on both widths and in both themes", () => {
  /** Looks at what stands there; a page that is open follows when the window or the theme becomes another one. */
  async function looked(page: Page, name: string): Promise<void> {
    for (const width of [1440, 820]) {
      await page.setViewportSize({ width, height: 900 });
      for (const theme of ["light", "dark"] as const) {
        await turn(page, theme);
        await settled(page);
        if (theme === "light") {
          await within(page);
          await accessible(page);
          await named(page);
        } else await legible(page);
        await picture(page, `${width}-${theme}-${name}`);
      }
    }
  }

  test("the sign-in", async () => {
    const page = await open("/");
    await page.getByLabel("E-mail").waitFor();
    expectProblems(/status of 401/);
    await looked(page, "sign-in");
  });

  test.each(Object.entries(PAGES))("%s", async (name, path) => {
    const page = await as("admin", path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await settled(page);
    expect(await page.title()).toMatch(/SPECTRA-Lab/);
    await looked(page, name);
  });

  test.each(DETAILS)("a %s", async (name, list, table) => {
    const page = await as("admin");
    await first(page, list, table);
    await page.getByRole("heading", { level: 2, name: /History|Versions/ }).waitFor();
    await looked(page, name);
  });

  test("an instrument's newest certificate, and the form for the next one", async () => {
    const page = await as("admin");
    await first(page, "/instruments", "Instruments");
    const newest = page.getByRole("table", { name: "Certificates" }).getByRole("link").first();
    await newest.waitFor();
    const instrument = page.url();
    await newest.press("Enter");
    await page.getByText("Covers").waitFor();
    await looked(page, "certificate");
    await page.goto(`${instrument}/certificates/new`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await looked(page, "certificate-new");
  });

  test.each([
    ["sample-edit", "/samples?sort=name", "Samples"],
    ["recipe-edit", "/recipes?sort=name", "Recipes"],
  ])("the form %s", async (name, list, table) => {
    const page = await as("admin");
    await first(page, list, table);
    await page.getByRole("main").getByRole("button", { name: "Edit", exact: true }).press("Enter");
    await page.getByRole("button", { name: /^Save/ }).waitFor();
    await looked(page, name);
  });
});

test("pages may load what is the lab's own and nothing else", async () => {
  const page = await fetch(`${inject("lab")}/samples`, { headers: { accept: "text/html" } });
  const policy = page.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe-(inline|eval)|https?:|\*/);
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

test("a page that is too wide is found", async () => {
  const page = await as("viewer", "/samples", { width: 820 });
  await settled(page);
  await within(page);
  await page.evaluate(() => {
    const box = document.createElement("div");
    box.style.width = "900px";
    box.textContent = "wide";
    document.querySelector("main")?.append(box);
  });
  await expect(within(page)).rejects.toThrow("beside the screen");
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
