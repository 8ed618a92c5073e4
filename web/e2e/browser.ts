// A real Chromium, and people who sit before it.
import { mkdirSync } from "node:fs";
import AxeBuilder from "@axe-core/playwright";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";

export const ROLES = {
  engineer: "Engineer",
  technician: "Technician",
  pi: "Principal investigator",
  admin: "Administrator",
  viewer: "Viewer",
} as const;
export type Role = keyof typeof ROLES;

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let browser: Browser;
let contexts: BrowserContext[] = [];
let problems: string[] = [];
/** Problems that a test provokes on purpose, such as a refused call that the browser notes on its console. */
let expected: RegExp[] = [];

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
});
afterAll(() => browser.close());
afterEach(async ({ task }) => {
  if (task.result?.state === "fail")
    for (const [nth, page] of contexts.flatMap((context) => context.pages()).entries())
      await picture(page, `failed-${task.name.slice(0, 40).replace(/\W+/g, "-")}-${nth}`);
  await Promise.all(contexts.map((context) => context.close()));
  contexts = [];
  const found = problems.filter((problem) => !expected.some((pattern) => pattern.test(problem)));
  problems = [];
  expected = [];
  expect(found, "errors on the console, violations of the content security policy, requests to others").toEqual([]);
});

/** What each page's last call was authorized by. */
const authorizations = new WeakMap<Page, string>();

/** Ends the sessions of the page's person on the server, by the page's own cookie, and waits until services have heard of it. */
export async function endSession(page: Page): Promise<void> {
  const authorization = authorizations.get(page) ?? "";
  const samples = () => fetch(new URL("/api/v1/samples?page_size=1", page.url()), { headers: { authorization } });
  expect((await samples()).status).toBe(200);
  expect(await page.evaluate(async () => (await fetch("/web/session", { method: "DELETE" })).status)).toBe(204);
  await expect.poll(async () => (await samples()).status, { timeout: 20_000 }).toBe(401);
}

export function expectProblems(...patterns: RegExp[]): void {
  expected.push(...patterns);
}

export interface Look {
  width?: number;
  dark?: boolean;
  /** Another lab than that of all tests. */
  lab?: string;
}

/** A browser of one's own, at the lab's first page. */
export async function open(path = "/", { width = 1440, dark = false, lab = inject("lab") }: Look = {}): Promise<Page> {
  const context = await browser.newContext({
    baseURL: lab,
    viewport: { width, height: 900 },
    colorScheme: dark ? "dark" : "light",
    locale: "en-GB",
    reducedMotion: "reduce",
  });
  contexts.push(context);
  // Each tab that a test opens in it as well.
  context.on("page", (page) => {
    page.setDefaultTimeout(15_000);
    page.on("console", (message) => message.type() === "error" && problems.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => problems.push(`page: ${error.message}`));
    page.on("request", (request) => {
      const { authorization } = request.headers();
      if (authorization) authorizations.set(page, authorization);
      if (!request.url().startsWith(lab) && !/^(data|blob):/.test(request.url()))
        problems.push(`request: ${request.url()}`);
    });
  });
  await context.addInitScript(() =>
    document.addEventListener("securitypolicyviolation", (event) =>
      console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`),
    ),
  );
  const page = await context.newPage();
  await page.goto(path);
  return page;
}

/** Signs in on the page that is open, by the demo laboratory's button. */
export async function signIn(page: Page, role: Role): Promise<Page> {
  // That nobody is signed in yet is answered with 401, which browsers note.
  expectProblems(/status of 401/);
  await page.getByRole("button", { name: new RegExp(`^${ROLES[role]}`) }).click();
  await page.getByRole("navigation", { name: "Main" }).waitFor({ state: "attached" });
  return page;
}

/** Signs in by e-mail and password on the page that is open; `letIn` unless it shall be refused. */
export async function enter(page: Page, email: string, password: string, letIn = true): Promise<Page> {
  expectProblems(/status of 401/);
  // An error's title may have these words as well.
  await page.getByRole("textbox", { name: "E-mail" }).fill(email);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  if (letIn) await page.getByRole("navigation", { name: "Main" }).waitFor({ state: "attached" });
  return page;
}

export async function as(role: Role, path = "/", look: Look = {}): Promise<Page> {
  return signIn(await open(path, look), role);
}

/** Signs in on a page, and waits until these watches tell it what happens. */
export async function watching(role: Role, path: string, ...watches: string[]): Promise<Page> {
  const page = await open(path);
  const opened = watches.map((watch) => page.waitForResponse((response) => response.url().endsWith(`/${watch}`)));
  await signIn(page, role);
  await Promise.all(opened);
  return page;
}

/** The person's screen becomes light or dark, and the page with it. */
export async function turn(page: Page, colorScheme: "light" | "dark"): Promise<void> {
  await page.emulateMedia({ colorScheme });
  await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor();
  // Colours go over into others, and what inherits them follows one after another.
  await page.evaluate(async () => {
    for (let still = 0; still < 2; ) {
      await new Promise(requestAnimationFrame);
      still = document.getAnimations().some((one) => one instanceof CSSTransition) ? 0 : still + 1;
    }
  });
}

/** What waits has come. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(
    () => !document.querySelector(".mantine-Skeleton-root, [aria-busy=true], .mantine-Loader-root"),
  );
}

/** Nothing on the page keeps anybody out (WCAG 2.2 AA); nor in a part of it, which need not be a landmark. */
export async function accessible(page: Page, part?: string): Promise<void> {
  const axe = new AxeBuilder({ page }).withTags([
    "wcag2a",
    "wcag2aa",
    "wcag21a",
    "wcag21aa",
    "wcag22aa",
    "best-practice",
  ]);
  await nothing(page, part ? axe.include(part).disableRules("region") : axe);
}

/** Of that, what another theme may change. */
export async function legible(page: Page): Promise<void> {
  await nothing(page, new AxeBuilder({ page }).withRules(["color-contrast", "link-in-text-block"]));
}

async function nothing(page: Page, axe: AxeBuilder): Promise<void> {
  const { violations } = await axe.analyze();
  const told = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`).join(" | ")}`,
  );
  expect(told, page.url()).toEqual([]);
}

const CONTROLS =
  "button|link|textbox|searchbox|combobox|checkbox|radio|switch|spinbutton|slider|menuitem|tab|table|dialog";
/** A line of the tree as a screen reader walks it: a control without a name beside it. */
const NAMELESS = new RegExp(`^\\s*- (${CONTROLS})\\b(?! ["/])`);

/** Everything that one can use, or look for, has a name that a screen reader says. */
export async function named(page: Page): Promise<void> {
  const tree = await page.locator("body").ariaSnapshot();
  expect(
    tree.split("\n").filter((line) => NAMELESS.test(line)),
    `nameless on ${page.url()}`,
  ).toEqual([]);
}

/** Keeps a picture under target/web-screens, for people to look at. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = "../target/web-screens";
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}
