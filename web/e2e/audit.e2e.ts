// The audit log: what its filters leave, and that their address leads to the same.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { accessible, as } from "./browser";
import { script } from "./node";

/** A sample that three people have had in hand. */
async function handled(): Promise<string> {
  const [engineer, technician, pi] = await Promise.all([
    script("engineer@demo.lab", "eng123"),
    script("tech@demo.lab", "tech123"),
    script("pi@demo.lab", "pi123"),
  ]);
  const sample = { name: `W-log-${Date.now().toString(36)}`, materialType: "Si wafer" };
  const id = (await engineer.samples.createSample({ sample })).sample?.id ?? "";
  await technician.samples.moveSample({ id, location: "SHELF-L1" });
  await technician.samples.quarantineSample({ id, reason: "A scratch" });
  await pi.samples.releaseSample({ id, reason: "It was dust" });
  return id;
}

/** What the log shows: who, and what. */
async function shown(page: Page): Promise<string[]> {
  const rows = await page.getByRole("table", { name: "Audit log" }).locator("tbody tr").all();
  const texts = await Promise.all(rows.map((row) => row.getByRole("cell").allInnerTexts()));
  return texts.map(([, who, what]) => `${who}: ${what?.split("\n")[0]}`);
}

const choice = (page: Page, label: string) => page.getByLabel(label, { exact: true });

test("by resource id, who, action and service, each leaves what it says, and all of them stand in the address", async () => {
  const id = await handled();
  const page = await as("admin", "/audit");
  await choice(page, "Resource id").fill(id);
  const all = [
    "Petra Investigator: sample release from quarantine",
    "Theo Technician: sample quarantine",
    "Theo Technician: sample move",
    "Emil Engineer: sample create",
  ];
  await expect.poll(() => shown(page)).toEqual(all);
  expect(new URL(page.url()).searchParams.get("id")).toBe(id);

  await choice(page, "Who").selectOption({ label: "Theo Technician" });
  await expect.poll(() => shown(page)).toEqual(all.slice(1, 3));
  await choice(page, "Action").selectOption({ label: "move" });
  await expect.poll(() => shown(page)).toEqual(all.slice(2, 3));
  await choice(page, "Service").selectOption({ label: "samples and projects" });
  await page.waitForURL(/service=samples/);
  await expect.poll(() => shown(page)).toEqual(all.slice(2, 3));
  await page.reload();
  await expect.poll(() => shown(page)).toEqual(all.slice(2, 3));
  for (const [label, value] of [
    ["Action", "move"],
    ["Service", "samples"],
    ["Resource id", id],
  ] as const)
    expect(await choice(page, label).inputValue(), label).toBe(value);
  // No other service has to do with it.
  await choice(page, "Service").selectOption({ label: "runs and recipes" });
  await page.getByText("Nothing is as chosen").waitFor();
});

test("by action alone, and by service alone, nothing else is left", async () => {
  await handled();
  const page = await as("pi", "/audit?action=quarantine");
  await page.getByRole("cell", { name: "sample quarantine" }).first().waitFor();
  expect((await shown(page)).filter((line) => !line.endsWith(": sample quarantine"))).toEqual([]);
  // Renewed sessions are shown to whoever asks for them.
  await choice(page, "Action").selectOption({ label: "refresh" });
  await page.getByRole("cell", { name: "session refresh" }).first().waitFor();
  expect((await shown(page)).filter((line) => !line.endsWith(": session refresh"))).toEqual([]);
  await page.goto("/audit?service=samples");
  await page.getByRole("cell", { name: "sample quarantine" }).first().waitFor();
  expect((await shown(page)).filter((line) => !/: (sample|sample batch|project|refused call) /.test(line))).toEqual([]);
});

test("what a service did for somebody is found by the service", async () => {
  const page = await as("admin", "/audit");
  await choice(page, "Who").selectOption({ label: "service runs" });
  await page.waitForURL(/actor=service/);
  await page.getByText("through service runs").first().waitFor();
  const rows = page.getByRole("table", { name: "Audit log" }).locator("tbody tr");
  await expect.poll(async () => await rows.filter({ hasNotText: "service runs" }).count()).toBe(0);
});

test("of what is new the log tells what it has, and all of it on demand", async () => {
  const id = await handled();
  const page = await as("admin", `/audit?id=${id}&action=create`);
  const change = page.getByRole("table", { name: "Audit log" }).locator("tbody tr").getByRole("cell").last();
  await change.getByText(/^name W-log-/).waitFor();
  await change.getByText("material type Si wafer").waitFor();
  const { instruments } = await script("engineer@demo.lab", "eng123");
  const made = (await instruments.listInstruments({ pageSize: 1 })).instruments[0];
  await page.goto(`/audit?id=${made?.id}&action=create`);
  const all = page.getByRole("button", { name: /^Show all \d+$/ });
  const lines = change.getByRole("listitem");
  await all.waitFor();
  const count = Number((await all.innerText()).match(/\d+/)?.[0]);
  expect(await lines.count()).toBe(5);
  await all.click();
  expect(await lines.count()).toBe(count);
  await accessible(page);
  await page.getByRole("button", { name: "Show less" }).click();
  expect(await lines.count()).toBe(5);
});

test("each action that was recorded can be chosen", async () => {
  const { audit } = await script("admin@demo.lab", "admin123");
  const { events } = await audit.listAuditEvents({ pageSize: 1000 });
  const recorded = [...new Set(events.map(({ action }) => action))];
  expect(recorded.length).toBeGreaterThan(5);
  const page = await as("admin", "/audit");
  const options = await choice(page, "Action")
    .locator("option")
    .evaluateAll((all) => all.map((one) => one.getAttribute("value")));
  expect(recorded.filter((action) => !options.includes(action))).toEqual([]);
});
