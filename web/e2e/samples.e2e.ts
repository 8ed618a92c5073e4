// Samples: what each role does with one, and that a change leaves alone what it is not about.
import { describe, expect, test } from "vitest";
import { accessible, as, expectProblems, open, picture } from "./browser";
import { script } from "./node";

const unique = (name: string) => `${name}-${Date.now().toString(36)}`;

test("a change of the location leaves attributes, project and quantity as they were", async () => {
  const { samples } = await script("engineer@demo.lab", "eng123");
  const listed = await samples.listSamples({ filter: "project_id:*", pageSize: 1 });
  const projectId = listed.samples[0]?.projectId ?? "";
  expect(projectId).not.toBe("");
  const attributes = { code: "007", doped: true, points: [1, 2], nested: { a: 1 }, nothing: null, thickness_um: 3.5 };
  const { sample } = await samples.createSample({
    sample: {
      name: unique("W-typed"),
      materialType: "Si wafer",
      projectId,
      attributes,
      quantity: { value: "12.50", unit: "mg" },
    },
  });
  const id = sample?.id ?? "";
  const page = await as("engineer", `/samples/${id}/edit`);
  await page.getByLabel("Project").locator("option").nth(1).waitFor({ state: "attached" });
  expect(await page.getByLabel("Project").inputValue()).toBe(projectId);
  await page.getByLabel("Location").fill("Vault 3");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "History" }).waitFor();
  await page.getByText("Vault 3").first().waitFor();
  const { sample: stored } = await samples.getSample({ id });
  expect(stored?.attributes).toEqual(attributes);
  expect(stored?.projectId).toBe(projectId);
  expect(stored?.quantity).toMatchObject({ value: "12.50", unit: "mg" });
});

describe("who may do what with a sample", () => {
  const may = {
    technician: { Edit: false, Move: true, Quarantine: true, Dispose: false, Delete: false },
    engineer: { Edit: true, Move: true, Quarantine: true, Dispose: false, Delete: true },
    pi: { Edit: true, Move: true, Quarantine: true, Dispose: true, Delete: true },
    viewer: { Edit: false, Move: false, Quarantine: false, Dispose: false, Delete: false },
  } as const;
  test.each(Object.keys(may) as (keyof typeof may)[])("%s", async (role) => {
    const { samples } = await script("engineer@demo.lab", "eng123");
    const { sample } = await samples.createSample({ sample: { name: unique(`W-${role}`), materialType: "Si wafer" } });
    const page = await as(role, `/samples/${sample?.id}`);
    await page.getByRole("heading", { name: "History" }).waitFor();
    for (const [verb, allowed] of Object.entries(may[role])) {
      const button = page.getByRole("main").getByRole("button", { name: verb, exact: true });
      await expect.poll(() => button.getAttribute("aria-disabled"), { message: verb }).toBe(allowed ? null : "true");
    }
  });
});

test("a technician moves a sample by a shelf's code, and sets it aside", async () => {
  const { samples } = await script("engineer@demo.lab", "eng123");
  const { sample } = await samples.createSample({ sample: { name: unique("W-moved"), materialType: "Si wafer" } });
  const page = await as("technician", `/samples/${sample?.id}`);
  await page.getByRole("button", { name: "Move" }).click();
  await page.getByRole("dialog").getByLabel("New location").waitFor();
  // A scanner types into what has the focus, and ends with Enter.
  await page.keyboard.type("SHELF-B2");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await page.getByText("SHELF-B2").first().waitFor();
  await page.getByRole("button", { name: "Quarantine" }).click();
  await page.getByRole("dialog").getByLabel("Reason").fill("A scratch");
  await page.getByRole("dialog").getByRole("button", { name: "Quarantine" }).click();
  // The badge alone: the labels of two buttons, "Quarantine" and "Dispose", have the word between them as well.
  await page.getByText(/^\W*Quarantined$/).waitFor();
  const { sample: stored } = await samples.getSample({ id: sample?.id ?? "" });
  expect([stored?.location, stored?.statusReason]).toEqual(["SHELF-B2", "A scratch"]);
});

test("a deleted sample is found among the deleted ones, says what it is, and comes back", async () => {
  const { samples } = await script("engineer@demo.lab", "eng123");
  const name = unique("W-twice");
  const { sample } = await samples.createSample({ sample: { name, materialType: "Si wafer" } });
  const page = await as("engineer", `/samples/${sample?.id}`);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByLabel("Reason").fill("Entered twice");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("This sample was deleted").waitFor();

  await page.goto(new URL(`/samples?q=${name}`, page.url()).href);
  await page.getByText("Nothing").first().waitFor();
  await page.getByLabel("Status").selectOption("deleted");
  await page.getByRole("cell", { name: "Deleted" }).waitFor();
  await page.getByRole("link", { name }).click();
  await page.getByText("This sample was deleted").waitFor();
  const edit = page.getByRole("main").getByRole("button", { name: "Edit", exact: true });
  expect(await edit.getAttribute("aria-disabled")).toBe("true");
  await page.getByRole("button", { name: "Bring it back" }).click();
  await page.getByText("This sample was deleted").waitFor({ state: "hidden" });
  expect((await samples.getSample({ id: sample?.id ?? "" })).sample?.name).toBe(name);
});

test("an amount that is none is told at its field, and an exact one is kept as written", async () => {
  const page = await as("engineer", "/samples/new");
  const name = unique("W-amount");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Material").fill("GaN powder");
  await page.getByLabel("Amount").fill("some mg");
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByText("Write a number, with a point, and its unit").waitFor();
  await page.getByLabel("Amount").fill("12.50 ± 0.05 mg (k = 2)");
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await page.getByText("12.50 ± 0.05 mg (k = 2)", { exact: true }).waitFor();
});

test("who may not register samples is told so on the form, however it was reached", async () => {
  const page = await as("viewer", "/samples/new");
  const register = page.getByRole("button", { name: "Register" });
  await expect.poll(() => register.getAttribute("aria-disabled")).toBe("true");
});

test("samples of one project, or of none, are shown, and the address says so", async () => {
  const { samples } = await script("engineer@demo.lab", "eng123");
  const projectId = (await samples.listSamples({ filter: "project_id:*", pageSize: 1 })).samples[0]?.projectId ?? "";
  const [within, without] = [unique("W-within"), unique("W-without")];
  await samples.createSample({ sample: { name: within, materialType: "Si wafer", projectId } });
  await samples.createSample({ sample: { name: without, materialType: "Si wafer" } });
  const page = await as("viewer", "/samples");
  const link = (name: string) => page.getByRole("link", { name, exact: true });
  await link(without).waitFor();
  const project = page.getByRole("combobox", { name: "Project" });
  await project.locator(`option[value="${projectId}"]`).waitFor({ state: "attached" });
  await project.selectOption(projectId);
  await link(without).waitFor({ state: "hidden" });
  await link(within).waitFor();
  await page.waitForURL(new RegExp(`project=${projectId}`));
  await page.reload();
  await link(within).waitFor();
  await expect.poll(() => project.inputValue()).toBe(projectId);
  await project.selectOption("no project");
  await link(within).waitFor({ state: "hidden" });
  await link(without).waitFor();

  // A project leads to its samples.
  await page.goto(new URL("/projects", page.url()).href);
  await page.getByRole("table", { name: "Projects" }).getByRole("link").first().click();
  await page.waitForURL(/\/samples\?project=/);
  await page.getByRole("table", { name: "Samples" }).waitFor();
});

test("what is asked for in vain is forgotten by a button, and an empty list says how to begin", async () => {
  const page = await as("viewer", `/samples?q=${unique("nothing")}`);
  await page.getByText("Nothing has").waitFor();
  await page.getByRole("button", { name: "Show the whole list" }).click();
  await page.getByRole("table", { name: "Samples" }).getByRole("link").first().waitFor();
  expect(new URL(page.url()).search).toBe("");

  // The other laboratory has no projects yet.
  for (const [who, password, may] of [
    ["pi", "pi123", true],
    ["viewer", "view123", false],
  ] as const) {
    const other = await open("/projects");
    expectProblems(/status of 401/);
    await other.getByLabel("E-mail").fill(`${who}@other.lab`);
    await other.getByLabel(/^Password/).fill(password);
    await other.getByRole("button", { name: "Sign in", exact: true }).click();
    await other.getByText("No projects yet").waitFor();
    await other.getByText("A project gathers samples").waitFor();
    await accessible(other);
    await picture(other, `empty-projects-${who}`);
    const begin = other.getByRole("region", { name: "Projects" }).getByRole("button", { name: "New project" });
    expect(await begin.count()).toBe(may ? 1 : 0);
    if (!may) continue;
    await begin.click();
    await other.getByRole("dialog", { name: "New project" }).waitFor();
  }
});

test("all runs on a sample are reached, page by page", async () => {
  const { samples, runs } = await script("engineer@demo.lab", "eng123");
  const name = unique("W-often");
  const sampleId = (await samples.createSample({ sample: { name, materialType: "Si wafer" } })).sample?.id ?? "";
  const page = await as("engineer", `/samples/${sampleId}`);
  await page.getByText("No run has measured it yet").waitFor();
  const done = (await runs.listRuns({ filter: "state = SUCCEEDED", pageSize: 100 })).runs.find((one) =>
    one.grants.some((grant) => grant.calibrationId),
  );
  const { instrumentId = "", method = "", params } = done ?? {};
  const RUNS = 23;
  for (let nth = 0; nth < RUNS; nth++) await runs.createRun({ run: { sampleId, instrumentId, method, params } });
  await page.reload();
  const rows = page.getByRole("table", { name: "Runs on it" }).getByRole("row");
  // And the head.
  await expect.poll(() => rows.count()).toBe(20 + 1);
  await page.getByRole("region", { name: "Runs on it" }).getByRole("button", { name: "More" }).click();
  await expect.poll(() => rows.count()).toBe(RUNS + 1);
  await accessible(page);
  const { runs: queued } = await runs.listRuns({ filter: `sample_id = "${sampleId}"`, pageSize: 100 });
  for (const { id } of queued) await runs.cancelRun({ id, reason: "A test's" });
});
