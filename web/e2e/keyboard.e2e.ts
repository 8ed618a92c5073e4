// The laboratory's main story without a pointer: whoever has none does all of it, and sees where they are.
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectProblems, open } from "./browser";
import { review } from "./node";

const unique = (name: string) => `${name}-${Date.now().toString(36)}`;
/** No page has so many stops. */
const STOPS = 150;

beforeAll(() => review(true));
afterAll(() => review(false));

/** Whether it is within the window. */
function within(node: Element): boolean {
  const { top, bottom } = node.getBoundingClientRect();
  return top >= 0 && bottom <= window.innerHeight;
}

async function focused(element: Locator): Promise<boolean> {
  return element.evaluate((node) => node === document.activeElement);
}

/** What has the focus looks otherwise than without: somebody sees where they are. */
async function seen(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const node = document.activeElement as HTMLElement;
    const look = () => {
      for (const animation of document.getAnimations()) animation.finish();
      const { outlineStyle, outlineWidth, boxShadow, borderColor } = getComputedStyle(node);
      return [outlineStyle === "none" ? "" : outlineWidth, boxShadow, borderColor].join();
    };
    const [within, without] = [
      look(),
      (() => {
        node.blur();
        return look();
      })(),
    ];
    node.focus();
    return within !== without;
  });
}

/** Goes there by Tab. */
async function reach(page: Page, element: Locator): Promise<void> {
  await element.waitFor();
  for (let stop = 0; !(await focused(element)); stop++) {
    if (stop > STOPS) throw new Error(`${element} is not reached by Tab`);
    await page.keyboard.press("Tab");
  }
  expect(await seen(page), `the focus on ${element} is seen`).toBe(true);
}

async function press(
  page: Page,
  name: string | RegExp,
  within: Page | Locator = page.getByRole("main"),
): Promise<void> {
  await reach(page, within.getByRole("button", { name, exact: true }));
  await page.keyboard.press("Enter");
}

async function type(page: Page, label: string, text: string, within: Page | Locator = page): Promise<void> {
  await reach(page, within.getByLabel(label));
  await page.keyboard.type(text);
}

/** Walks through a choice to the option that has these words in it. */
async function choose(page: Page, label: string, words: string): Promise<void> {
  const select = page.getByRole("combobox", { name: label });
  await select.locator("option", { hasText: words }).first().waitFor({ state: "attached" });
  await reach(page, select);
  const chosen = () => select.evaluate((node: HTMLSelectElement) => node.selectedOptions[0]?.textContent ?? "");
  await page.keyboard.press("Home");
  for (let step = 0; !(await chosen()).includes(words); step++) {
    if (step > STOPS) throw new Error(`${label} has no ${words}`);
    await page.keyboard.press("ArrowDown");
  }
}

/** Goes to a place by its two keys; none counts where somebody is writing. */
async function go(page: Page, key: string, title: string): Promise<void> {
  await page.keyboard.press("Escape");
  await page.keyboard.press("g");
  await page.keyboard.press(key);
  await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
}

async function create(page: Page): Promise<void> {
  // What a role may do is known a moment after the page is.
  await page.locator("[data-key=create]:not([aria-disabled])").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("c");
}

async function signIn(username: string, password: string): Promise<Page> {
  const page = await open("/");
  await page.getByLabel("E-mail").waitFor();
  await page.keyboard.type(username);
  await page.keyboard.press("Tab");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Today" }).waitFor();
  return page;
}

/** A scanner types into what has the focus, and ends with Enter. */
async function scan(page: Page, code: string): Promise<void> {
  await go(page, "s", "Samples");
  expect(await focused(page.getByLabel("Scan a barcode"))).toBe(true);
  await page.keyboard.type(code);
  await page.keyboard.press("Enter");
}

test("the whole story, by keyboard alone", { timeout: 240_000 }, async () => {
  // Nobody is signed in yet, and nothing has the barcode yet.
  expectProblems(/status of 401/);
  const [sample, asset, certificate] = [unique("W-keys"), unique("HALL").toUpperCase(), unique("CAL")];
  const barcode = unique("SPL").toUpperCase();
  const engineer = await signIn("engineer@demo.lab", "eng123");
  await engineer.keyboard.press("?");
  await engineer.getByRole("dialog", { name: "Keys" }).waitFor();
  await engineer.keyboard.press("Escape");
  await engineer.getByRole("dialog", { name: "Keys" }).waitFor({ state: "hidden" });

  // A code that nothing has yet is registered.
  await scan(engineer, barcode);
  const register = engineer.getByRole("link", { name: "Register it" });
  await reach(engineer, register);
  await engineer.keyboard.press("Enter");
  await engineer.getByRole("button", { name: "Register" }).waitFor();
  expect(await engineer.getByLabel("Barcode").inputValue()).toBe(barcode);
  await type(engineer, "Name", sample);
  await type(engineer, "Material", "Si wafer");
  await press(engineer, "Register");
  await engineer.getByRole("heading", { level: 1, name: sample }).waitFor();
  await go(engineer, "s", "Samples");
  await engineer.keyboard.press("Escape");
  await engineer.keyboard.press("/");
  expect(await focused(engineer.getByLabel("Search samples"))).toBe(true);
  await create(engineer);
  await engineer.getByRole("heading", { level: 1, name: "Register a sample" }).waitFor();

  await go(engineer, "i", "Instruments");
  await create(engineer);
  const dialog = engineer.getByRole("dialog", { name: "Add an instrument" });
  await type(engineer, "Asset code", asset, dialog);
  await type(engineer, "Manufacturer", "Lake Shore", dialog);
  await type(engineer, "Model", "8404", dialog);
  await type(engineer, "Capabilities", "dc_voltage: -200 to 200 V\ndc_current: -1 to 1 A", dialog);
  await press(engineer, "Add", dialog);
  await engineer.getByText("No run can start on it: missing").waitFor();
  const instrument = new URL(engineer.url()).pathname;

  // A run is refused, and the button says why to whoever comes to it.
  await go(engineer, "r", "Runs");
  await create(engineer);
  await type(engineer, "Find a sample", sample);
  await choose(engineer, "Sample", sample);
  await choose(engineer, "Instrument", asset);
  await choose(engineer, "Method", "Transfer characteristic");
  await type(engineer, "vgs start", "0");
  await type(engineer, "vgs stop", "2");
  await type(engineer, "vgs step", "0.1");
  const queue = engineer.getByRole("button", { name: "Queue the run" });
  await reach(engineer, queue);
  await engineer.getByRole("tooltip", { name: "No run can start on it: missing." }).waitFor();
  await engineer.keyboard.press("Enter");
  expect(new URL(engineer.url()).pathname).toBe("/runs/new");

  // The certificate is entered by a colleague, and accepted by a principal investigator.
  const colleague = await signIn("engineer@demo.lab", "eng123");
  await go(colleague, "i", "Instruments");
  await reach(colleague, colleague.getByRole("link", { name: asset }));
  await colleague.keyboard.press("Enter");
  await colleague.getByRole("heading", { level: 1, name: asset }).waitFor();
  expect(new URL(colleague.url()).pathname).toBe(instrument);
  await create(colleague);
  await type(colleague, "Certificate number", certificate);
  await type(colleague, "Calibration laboratory", "Metrology Services");
  await press(colleague, "Enter");
  await colleague.getByText(/^\W*Draft$/).waitFor();
  const pi = await signIn("pi@demo.lab", "pi123");
  await reach(pi, pi.getByRole("link", { name: certificate }));
  await pi.keyboard.press("Enter");
  await press(pi, "Accept");
  await press(pi, "Accept", pi.getByRole("dialog"));
  await pi.getByText(/^\W*Accepted$/).waitFor();

  // The form has changed its mind; whoever waited at the button is still there.
  await engineer.getByText(/^\W*Valid$/).waitFor();
  await expect.poll(() => queue.getAttribute("aria-disabled")).toBe(null);
  expect(await focused(queue)).toBe(true);
  await engineer.keyboard.press("Enter");
  await engineer.getByText(/^\W*Queued$/).waitFor();
  const run = new URL(engineer.url()).pathname;

  const technician = await signIn("tech@demo.lab", "tech123");
  await go(technician, "r", "Runs");
  await reach(technician, technician.locator(`a[href="${run}"]`));
  await technician.keyboard.press("Enter");
  await press(technician, "Start");
  await press(technician, "Start run", technician.getByRole("dialog"));
  await technician.getByText(/^\W*Running$/).waitFor();
  await press(technician, "Complete");
  await press(technician, "Complete run", technician.getByRole("dialog"));
  await technician.getByText(/^\W*Succeeded$/).waitFor();
  await engineer.getByText(/^\W*Succeeded$/).waitFor();

  // Who did what is looked up from the sample, by its code; and in the log of all.
  await scan(pi, barcode);
  await pi.getByRole("heading", { level: 1, name: sample }).waitFor();
  const history = pi.getByRole("table", { name: "History" });
  for (const action of ["create", "claim", "release"]) await history.getByRole("cell", { name: action }).waitFor();
  await pi.keyboard.press("End");
  await expect.poll(() => history.getByRole("row").last().evaluate(within)).toBe(true);
  await reach(pi, pi.getByRole("table", { name: "Runs on it" }).getByRole("link").first());
  await pi.keyboard.press("Enter");
  await history.getByRole("cell", { name: "complete" }).waitFor();
  expect(new URL(pi.url()).pathname).toBe(run);
  await go(pi, "a", "Audit log");
  await choose(pi, "Action", "complete");
  await pi.getByRole("cell", { name: "run complete" }).first().waitFor();
});

/** What Tab comes by from here on, as it is called; each is seen, in the window, and after the one before as one reads. */
async function stops(page: Page, count: number): Promise<string[]> {
  const names: string[] = [];
  let before: { top: number; bottom: number; left: number } | undefined;
  for (let stop = 0; stop < count; stop++) {
    await page.keyboard.press("Tab");
    const focus = page.locator("*:focus");
    const { name, top, bottom, left } = await focus.evaluate((node) => {
      const { labels } = node as HTMLInputElement;
      const name = node.getAttribute("aria-label") ?? labels?.[0]?.textContent ?? node.textContent ?? "";
      const { top, bottom, left } = node.getBoundingClientRect();
      return {
        name: name.replace(/[*↕↑↓▾]/g, "").trim(),
        top: top + window.scrollY,
        bottom: bottom + window.scrollY,
        left,
      };
    });
    names.push(name);
    expect(await seen(page), `the focus on ${name} is seen`).toBe(true);
    expect(await focus.evaluate(within), `${name} is in the window`).toBe(true);
    if (before) expect(top >= before.bottom || left >= before.left, `${name} is not before ${names.at(-2)}`).toBe(true);
    before = { top, bottom, left };
  }
  return names;
}

test("Tab goes through the sign-in, a list and a form as one reads them, past what is around by one key", async () => {
  expectProblems(/status of 401/);
  const page = await open("/");
  expect(await focused(page.getByRole("textbox", { name: "E-mail" }))).toBe(true);
  expect(await stops(page, 8)).toEqual([
    "Password",
    "Show or hide the password",
    "Sign in",
    ...["Engineer", "Technician", "Principal investigator", "Administrator", "Viewer"].map((role) =>
      expect.stringMatching(`^${role}`),
    ),
  ]);
  await page.keyboard.press("Shift+Tab");
  await page.getByRole("button", { name: /^Engineer/ }).press("Enter");
  await page.getByRole("navigation", { name: "Main" }).waitFor();

  await page.goto("/samples?sort=name&q=W01");
  await page.getByRole("link", { name: "W01-D9" }).waitFor();
  expect(await focused(page.getByLabel("Scan a barcode"))).toBe(true);
  const skip = page.getByRole("link", { name: "Skip to the content" });
  await skip.focus();
  expect(await stops(page, 12)).toEqual([
    expect.stringMatching("^Emil Engineer"),
    ...[
      "Today",
      "Samples",
      "Projects",
      "Instruments",
      "Certificates",
      "Calibrations due",
      "Runs",
      "Recipes",
      "People",
      "Laboratory",
    ],
    "? lists the keys.",
  ]);
  await skip.focus();
  await page.keyboard.press("Enter");
  expect(await focused(page.getByRole("main"))).toBe(true);
  expect(await stops(page, 13)).toEqual([
    "Register a sample",
    ...["Scan a barcode", "Search samples", "Status", "Project", "Columns"],
    // The frame of the table, in which it can be scrolled; its heads, by which it can be sorted; its rows.
    "Samples",
    ...["Name", "Lot", "Location", "Changed"],
    ...["W01", "W01-D1"],
  ]);

  await page.goto("/runs/new");
  await page.getByLabel("Find a sample").waitFor();
  await page
    .getByRole("combobox", { name: "Instrument", exact: true })
    .locator("option")
    .nth(1)
    .waitFor({ state: "attached" });
  await skip.focus();
  await page.keyboard.press("Enter");
  expect(await stops(page, 8)).toEqual([
    ...["Find a sample", "Sample", "Instrument", "Recipe", "Method", "Comment"],
    ...["Queue the run", "Cancel"],
  ]);
});

test("whoever signs in can look at the password that they have typed", async () => {
  expectProblems(/status of 401/);
  const page = await open("/");
  await page.getByLabel("E-mail").waitFor();
  const password = page.getByRole("textbox", { name: "Password" });
  await reach(page, password);
  await page.keyboard.type("eng123");
  expect(await password.getAttribute("type")).toBe("password");
  await press(page, "Show or hide the password", page);
  expect(await password.getAttribute("type")).toBe("text");
});

test("a focus that is not seen is found", async () => {
  expectProblems(/status of 401/);
  const page = await open("/");
  await page.getByLabel("E-mail").waitFor();
  expect(await seen(page)).toBe(true);
  await page.evaluate(() => {
    const input = document.activeElement as HTMLElement;
    for (const name of ["outline", "border-color", "box-shadow"]) input.style.setProperty(name, "initial", "important");
  });
  expect(await seen(page)).toBe(false);
});

test("an order that is not as one reads is found", async () => {
  expectProblems(/status of 401/);
  const page = await open("/");
  await page.getByLabel("E-mail").waitFor();
  await page.evaluate(() => {
    const form = document.querySelector("form > *") as HTMLElement;
    form.style.setProperty("flex-direction", "column-reverse");
  });
  await expect(stops(page, 3)).rejects.toThrow("is not before");
});
