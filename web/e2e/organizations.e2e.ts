// Two organizations in one laboratory's program: nothing of the first reaches the second's browser, by whatever address
// its people come, whatever they send, and while they watch.
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { enter, expectProblems, open, settled, signIn } from "./browser";
import { certificate, instrument, queue, script } from "./node";

/** In all that the first organization enters here. */
const MARK = `OURS${Date.now().toString(36)}`.toUpperCase();

interface Ours {
  sample: string;
  project: string;
  instrument: string;
  certificate: string;
  recipe: string;
  run: string;
  person: string;
}
let ours: Ours;

beforeAll(async () => {
  const { projects, recipes, samples, users, runs } = await script("admin@demo.lab", "admin123");
  const named = { name: `${MARK} project`, description: `${MARK} description` };
  const project = (await projects.createProject({ project: { code: MARK, ...named } })).project?.id ?? "";
  const instrumentId = await instrument(`${MARK}-SMU`);
  const paper = await certificate(instrumentId, `${MARK}-CAL`);
  const params = { vgs_start: 0, vgs_stop: 2, vgs_step: 0.1 };
  const made = await recipes.createRecipe({ recipe: { name: `${MARK} recipe`, method: "iv_sweep", params } });
  const recipe = made.recipe?.id ?? "";
  const { recipe: submitted } = await recipes.submitRecipe({ id: recipe });
  const version = submitted?.latestVersion?.version ?? 0;
  const approved = (await recipes.approveRecipe({ id: recipe, version })).recipe?.approvedVersion?.id ?? "";
  const run = await queue(instrumentId, `${MARK}-A`, approved);
  await runs.startRun({ id: run });
  await runs.completeRun({ id: run });
  const sample = { name: `${MARK}-W`, materialType: `${MARK} wafer`, barcode: `${MARK}-B`, projectId: project };
  const { user } = await users.createUser({
    user: { email: `${MARK}@demo.lab`.toLowerCase(), displayName: `${MARK} Person`, role: 1 },
    password: "four unrelated words again",
  });
  ours = {
    sample: (await samples.createSample({ sample })).sample?.id ?? "",
    project,
    instrument: instrumentId,
    certificate: paper,
    recipe,
    run,
    person: user?.id ?? "",
  };
});

/** Hears all that the lab answers to a page, what watches tell among it. */
async function overhear(page: Page): Promise<string[]> {
  const heard: string[] = [];
  await page.exposeFunction("heard", (text: string) => heard.push(text));
  await page.addInitScript(() => {
    const fetched = window.fetch;
    window.fetch = async (...asked) => {
      const answer = await fetched(...asked);
      const reader = answer.clone().body?.getReader();
      const words = new TextDecoder("latin1");
      void (async () => {
        for (;;) {
          const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
          if (done) return;
          await (window as unknown as { heard: (text: string) => Promise<void> }).heard(words.decode(value));
        }
      })().catch(() => {});
      return answer;
    };
  });
  return heard;
}

/** How often the first organization's mark was in it. */
const marks = (heard: string[]) => heard.join("").toUpperCase().split(MARK).length - 1;

/** Somebody of either organization, and all that their browser hears. */
async function listening(who: "ours" | "theirs", path = "/") {
  const page = await open("/");
  const heard = await overhear(page);
  await page.goto(path);
  await (who === "ours" ? signIn(page, "admin") : enter(page, "admin@other.lab", "admin123"));
  return { page, heard };
}

const MISSING = "There is no such thing here";
/** Addresses that have one of the first organization's ids in them, and what they say to others. */
const addresses = (): [path: string, words: string | RegExp][] => [
  [`/samples/${ours.sample}`, MISSING],
  [`/samples/${ours.sample}/edit`, MISSING],
  [`/instruments/${ours.instrument}`, MISSING],
  [`/instruments/${ours.instrument}/certificates/new`, "There is no such page"],
  [`/calibrations/${ours.certificate}`, MISSING],
  [`/runs/${ours.run}`, MISSING],
  [`/recipes/${ours.recipe}`, MISSING],
  [`/samples?project=${ours.project}`, "Nothing is as chosen"],
  [`/samples?q=${MARK}`, "Nothing has"],
  [`/projects?q=${MARK}`, "Nothing has"],
  [`/instruments?q=${MARK}`, "Nothing has"],
  [`/calibrations?q=${MARK}`, "Nothing has"],
  [`/runs?instrument=${ours.instrument}`, "Nothing is as chosen"],
  [`/runs?q=${MARK}`, "Nothing has"],
  [`/recipes?q=${MARK}`, "Nothing has"],
  [`/users?q=${MARK}`, "Nothing has"],
  [`/audit?id=${ours.sample}&resource=all`, "Nothing is as chosen"],
  [`/audit?actor=${ours.person}`, "Nothing is as chosen"],
  [`/runs/new?sample=${ours.sample}&instrument=${ours.instrument}&recipe=${ours.recipe}`, "Queue the run"],
  [`/due?within=365`, "Calibrations due"],
];

describe("an address with an id of the first organization", () => {
  test("says nothing of it to the second, where it says all to the first", { timeout: 180_000 }, async () => {
    expectProblems(/status of (400|401|404)/);
    for (const who of ["ours", "theirs"] as const) {
      const { page, heard } = await listening(who);
      for (const [path, words] of addresses()) {
        heard.length = 0;
        await page.goto(path);
        if (who === "theirs") await page.getByText(words).first().waitFor();
        else await expect.poll(() => marks(heard), { message: path, timeout: 10_000 }).toBeGreaterThan(0);
        await settled(page);
        if (who === "theirs") {
          expect(heard.length, path).toBeGreaterThan(0);
          expect(marks(heard), path).toBe(0);
        }
      }
    }
  });
});

test("a form that is opened with the first's things begins without them, and sends nothing", async () => {
  expectProblems(/status of (401|404)/);
  const { page, heard } = await listening("theirs", `/runs/new?sample=${ours.sample}&instrument=${ours.instrument}`);
  const sent: string[] = [];
  page.on("request", (request) => sent.push(request.url()));
  await page.getByText("not known").waitFor();
  await page.getByText("There is no such thing here").waitFor();
  const choice = (name: string) => page.getByRole("combobox", { name, exact: true });
  expect(await choice("Sample").inputValue()).toBe("");
  expect(await choice("Instrument").inputValue()).toBe("");
  await choice("Method").selectOption("diode_iv");
  await page.getByLabel("voltage start").fill("-1");
  await page.getByLabel("voltage stop").fill("1");
  const queued = page.getByRole("button", { name: "Queue the run" });
  await queued.click();
  expect(await choice("Sample").evaluate((field: HTMLSelectElement) => field.validity.valueMissing)).toBe(true);
  expect(sent.filter((url) => url.includes("CreateRun"))).toEqual([]);
  // With things of their own it is sent.
  await choice("Sample").selectOption({ index: 1 });
  await choice("Instrument").selectOption({ index: 1 });
  await queued.click();
  await page.getByText("Queued").first().waitFor();
  expect(sent.filter((url) => url.includes("CreateRun"))).toHaveLength(1);
  expect(marks(heard)).toBe(0);
});

test("what happens in the first is not told to the second's pages", async () => {
  expectProblems(/status of 401/);
  const people = [await listening("ours"), await listening("theirs")] as const;
  for (const { page } of people) await settled(page);
  for (const { heard } of people) heard.length = 0;
  const { samples, calibrations, runs } = await script("pi@demo.lab", "pi123");
  await samples.moveSample({ id: ours.sample, location: `${MARK} shelf` });
  await samples.quarantineSample({ id: ours.sample, reason: `${MARK} scratch` });
  const instrumentId = await instrument(`${MARK}-TWO`);
  await calibrations.revokeCalibration({
    id: await certificate(instrumentId, `${MARK}-TWO`),
    comment: `${MARK} comment`,
  });
  const { run } = await runs.getRun({ id: ours.run });
  await runs.cancelRun({
    id: await queue(ours.instrument, `${MARK}-B`, run?.recipeVersionId ?? ""),
    reason: `${MARK} reason`,
  });
  const [mine, theirs] = people;
  await mine.page.getByRole("link", { name: `${MARK}-W`, exact: true }).waitFor();
  await mine.page
    .getByRole("link", { name: new RegExp(`${MARK}-TWO`) })
    .first()
    .waitFor();
  expect(marks(mine.heard)).toBeGreaterThan(0);
  // A change of their own comes through the same watches, and after it nothing of the others' is on its way any more.
  const own = await script("admin@other.lab", "admin123");
  const name = `THEIRS-${MARK.slice(4)}`;
  const { sample } = await own.samples.createSample({ sample: { name, materialType: "Si wafer" } });
  await own.samples.quarantineSample({ id: sample?.id ?? "", reason: "A scratch" });
  await theirs.page.getByRole("link", { name, exact: true }).waitFor();
  expect(theirs.heard.join("")).toContain(name);
  expect(marks(theirs.heard)).toBe(0);
});
