// What each role is offered, page by page and button by button; what it may not do stands there and says so.
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { as, expectProblems, ROLES, type Role } from "./browser";
import { scene } from "./node";

/** By the first letter of a role. */
type May = "VTEPA" | "TEPA" | "EPA" | "PA" | "A";
const letter = (role: Role) => ROLES[role].charAt(0);

/** What is on the pages, each in the state that its buttons are for. */
const ids: Record<string, string> = {};

const TABLE: Record<string, [button: string, otherwise: string, may: May, notNow?: string][]> = {
  "/samples": [["Register a sample", "register samples", "EPA"]],
  "/samples/new": [["Register", "register samples", "EPA"]],
  "/samples/:sample": [
    ["Edit", "edit samples", "EPA"],
    ["Move", "move samples", "TEPA"],
    ["Quarantine", "quarantine samples", "TEPA"],
    ["Dispose", "dispose samples", "PA"],
    ["Delete", "delete samples", "EPA"],
    ["New run", "create runs", "EPA"],
  ],
  "/samples/:sample/edit": [["Save", "edit samples", "EPA"]],
  "/samples/:quarantined": [
    ["Release", "release samples", "PA"],
    ["New run", "create runs", "EPA", "It is quarantined."],
  ],
  "/projects": [
    ["New project", "make projects", "PA"],
    ["Archive", "archive projects", "PA"],
  ],
  "/instruments": [["Add an instrument", "add instruments", "EPA"]],
  "/instruments/:instrument": [
    ["Edit", "edit instruments", "EPA"],
    ["Take out of service", "take out of service", "TEPA"],
    ["Enter a certificate", "enter certificates", "EPA"],
  ],
  "/instruments/:instrument/certificates/new": [["Enter", "enter certificates", "EPA"]],
  "/instruments/:out": [["Return to service", "return to service", "PA"]],
  "/calibrations/:accepted": [["Revoke", "review certificates", "PA"]],
  "/calibrations/:draft": [
    ["Accept", "review certificates", "PA"],
    ["Reject", "review certificates", "PA"],
  ],
  "/recipes": [["New recipe", "write recipes", "EPA"]],
  "/recipes/new": [["Save as draft", "write recipes", "EPA", "A name and a method are needed."]],
  "/recipes/:approved": [
    ["Edit", "edit recipes", "EPA"],
    ["Retire", "retire recipes", "PA"],
    ["New run", "create runs", "EPA"],
  ],
  "/recipes/:unsubmitted": [["Submit", "submit recipes", "EPA"]],
  "/recipes/:submitted": [
    ["Edit", "edit recipes", "EPA", "It is being reviewed."],
    ["Approve", "approve recipes", "PA"],
    ["Reject", "reject recipes", "PA"],
  ],
  "/runs": [["New run", "create runs", "EPA"]],
  "/runs/new": [["Queue the run", "create runs", "EPA", "Choose a sample."]],
  "/runs/:queued": [
    ["Start", "start runs", "TEPA"],
    ["Hold", "hold runs", "EPA"],
    ["Cancel", "cancel runs", "EPA"],
  ],
  "/runs/:held": [["Release", "release runs", "EPA"]],
  "/runs/:running": [
    ["Complete", "complete runs", "TEPA"],
    ["Pause", "pause runs", "TEPA"],
    ["Fail", "fail runs", "TEPA"],
    ["Abort", "abort runs", "TEPA"],
  ],
  "/runs/:paused": [["Resume", "resume runs", "TEPA"]],
  "/users?q=Vera": [
    ["Add somebody", "add people", "A"],
    ["Edit Vera Viewer", "change people", "A"],
    ["New password for Vera Viewer", "change people", "A"],
    ["Disable Vera Viewer", "change people", "A"],
  ],
  "/settings": [["Save", "change this", "A", "Nothing has been changed."]],
};

const PLACES: [place: string, may: May][] = [
  ["Today", "VTEPA"],
  ["Samples", "VTEPA"],
  ["Projects", "VTEPA"],
  ["Instruments", "VTEPA"],
  ["Certificates", "VTEPA"],
  ["Calibrations due", "VTEPA"],
  ["Runs", "VTEPA"],
  ["Recipes", "VTEPA"],
  ["People", "VTEPA"],
  ["Laboratory", "VTEPA"],
  ["Audit log", "PA"],
];

beforeAll(async () => {
  const { end, ...made } = await scene("ROLES");
  Object.assign(ids, made.ids);
  return end;
});

/** How each of the buttons stands there: offered, or with why it is not. */
async function standing(page: Page, names: string[]): Promise<Record<string, string>> {
  const of = async (name: string) => {
    const button = page.getByRole("main").getByRole("button", { name, exact: true }).first();
    if ((await button.count()) === 0) return "not there";
    return button.evaluate((node) => {
      if (node.getAttribute("aria-disabled") !== "true") return "offered";
      return (
        document.getElementById(node.getAttribute("aria-describedby") ?? "")?.textContent ??
        "disabled, without a reason"
      );
    });
  };
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await of(name)])));
}

describe("what a role is offered on every page", () => {
  test.each(Object.keys(ROLES) as Role[])("%s", { timeout: 120_000 }, async (role) => {
    expectProblems(/status of 403/);
    const page = await as(role);
    const places = page.getByRole("navigation", { name: "Main" }).getByRole("link");
    await expect
      .poll(() => places.allInnerTexts())
      .toEqual(PLACES.filter(([, may]) => may.includes(letter(role))).map(([place]) => place));
    for (const [path, buttons] of Object.entries(TABLE)) {
      await page.goto(path.replace(/:(\w+)/, (_, what) => ids[what] ?? ""));
      const wanted = buttons.map(([button, otherwise, may, notNow]) => [
        button,
        may.includes(letter(role)) ? (notNow ?? "offered") : `Your role may not ${otherwise}.`,
      ]);
      const names = buttons.map(([button]) => button);
      await expect
        .poll(() => standing(page, names), { message: path, timeout: 10_000 })
        .toEqual(Object.fromEntries(wanted));
    }
    await page.goto("/audit");
    const refused = page.getByRole("alert", { name: "Your role may not do this" });
    if (role === "pi" || role === "admin") await page.getByRole("cell", { name: "session login" }).first().waitFor();
    else await refused.waitFor();
    expect(await refused.count()).toBe(role === "pi" || role === "admin" ? 0 : 1);
  });
});
