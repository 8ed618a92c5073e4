// Dialogs, open, in both themes: they keep nobody out, hold the focus, and give it back.
import { beforeAll, describe, expect, test } from "vitest";
import { accessible, as, endSession, expectProblems, named, picture, settled } from "./browser";
import { scene } from "./node";

let ids: Record<string, string>;
beforeAll(async () => {
  const { end, ...made } = await scene("DIALOGS");
  ids = made.ids;
  return end;
});

/** Pages, and the buttons on them that open a dialog: one of each kind. */
const DIALOGS: Record<string, string[]> = {
  "/samples/:quarantined": ["Move", "Release", "Delete"],
  "/projects": ["New project"],
  "/instruments": ["Add an instrument"],
  "/instruments/:instrument": ["Edit"],
  "/calibrations/:accepted": ["Revoke"],
  "/calibrations/:draft": ["Accept"],
  "/runs/:queued": ["Start"],
  "/users?q=Vera": ["Add somebody", "Edit Vera Viewer", "New password for Vera Viewer"],
};

describe.each([{ dark: false }, { dark: true }])("dark: $dark", (look) => {
  const kept = (name: string) => `dialog-${look.dark ? "dark" : "light"}-${name.replace(/\W+/g, "-").toLowerCase()}`;

  test("each dialog keeps nobody out, and whoever leaves it is where they were", { timeout: 180_000 }, async () => {
    const page = await as("admin", "/", look);
    const dialog = page.getByRole("dialog");
    for (const [path, buttons] of Object.entries(DIALOGS)) {
      await page.goto(path.replace(/:(\w+)/, (_, what) => ids[what] ?? ""));
      for (const name of buttons) {
        const button = page.getByRole("main").getByRole("button", { name, exact: true }).first();
        await expect.poll(() => button.getAttribute("aria-disabled"), { timeout: 10_000 }).toBe(null);
        await settled(page);
        await button.click();
        await dialog.waitFor();
        const inside = () => dialog.evaluate((node) => node.contains(document.activeElement));
        await expect.poll(inside, { message: `the focus is in ${name}` }).toBe(true);
        await accessible(page, "[role=dialog]");
        await named(page);
        if (["Accept", "Revoke", "Add an instrument"].includes(name)) await picture(page, kept(name));
        await page.keyboard.press("Escape");
        await dialog.waitFor({ state: "hidden" });
        const back = () => button.evaluate((node) => node === document.activeElement);
        await expect.poll(back, { message: `the focus comes back to ${name}` }).toBe(true);
      }
    }
  });

  test("the list of keys, the question before leaving and the one for the password keep nobody out", async () => {
    expectProblems(/status of 401/);
    const page = await as("engineer", "/samples/new", look);
    const looked = async (name: string) => {
      await page.getByRole("dialog", { name, exact: true }).waitFor();
      await accessible(page, "[role=dialog]");
      await named(page);
      await picture(page, kept(name));
    };
    await page.getByRole("navigation", { name: "Main" }).getByRole("button", { name: "lists the keys" }).click();
    await looked("Keys");
    await page.keyboard.press("Escape");
    await page.getByLabel("Name").fill("W-half");
    await page.getByRole("link", { name: "Instruments" }).click();
    await looked("Leave without saving?");
    await page.getByRole("button", { name: "Stay" }).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.getByLabel("Material").fill("Si wafer");
    await endSession(page);
    await page.getByRole("button", { name: "Register" }).click();
    await looked("Your session has ended");
  });
});
