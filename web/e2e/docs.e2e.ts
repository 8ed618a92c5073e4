// The API's interactive page: somebody who has only a browser signs in there, calls, and sees what came of it.
import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { as, expectProblems, open, picture } from "./browser";

/** A method of the API, found by its words and unfolded. */
async function method(page: Page, verb: string, path: string): Promise<Locator> {
  const block = page
    .locator(".opblock")
    .filter({ has: page.locator(`.opblock-summary-method:text-is("${verb}")`) })
    .filter({ has: page.locator(`.opblock-summary-path[data-path="${path}"]`) });
  const execute = block.getByRole("button", { name: "Execute" });
  if (!(await execute.isVisible())) await block.locator(".opblock-summary-control").click();
  await execute.waitFor();
  return block;
}

/** Executes it, and gives the status and the body that the page shows. */
async function execute(block: Locator): Promise<{ status: string; body: string }> {
  // What was answered before goes first, or it would be taken for the answer.
  const clear = block.getByRole("button", { name: "Clear" });
  if (await clear.isVisible()) await clear.click();
  await block.getByRole("button", { name: "Execute" }).click();
  const response = block.locator(".live-responses-table .response");
  await response.waitFor();
  const status = await response.locator(".response-col_status").innerText();
  return { status: status.trim(), body: await response.locator(".highlight-code code").first().innerText() };
}

const unfold = (page: Page, tag: string) => page.locator(".opblock-tag").filter({ hasText: tag }).first().click();

test("whoever is not signed in signs in there, and calls with the token that they got", async () => {
  expectProblems(/status of 401/);
  const page = await open("/docs");
  await page.getByText("You are not signed in.").waitFor();
  await unfold(page, "SamplesService");
  const list = await method(page, "GET", "/api/v1/samples");
  expect((await execute(list)).status).toBe("401");

  await unfold(page, "AuthService");
  const login = await method(page, "POST", "/api/v1/auth/login");
  await login.getByRole("textbox").last().fill('{ "username": "engineer@demo.lab", "password": "eng123" }');
  const answer = await execute(login);
  expect(answer.status).toBe("200");
  const { access_token } = JSON.parse(answer.body);

  await page.getByRole("button", { name: "Authorize" }).first().click();
  const dialog = page.locator(".dialog-ux");
  await dialog.getByRole("textbox").first().fill(access_token);
  await dialog.getByRole("button", { name: "Apply credentials" }).first().click();
  await dialog.getByRole("button", { name: "Close" }).first().click();
  const samples = await execute(list);
  expect(samples.status).toBe("200");
  expect(JSON.parse(samples.body).samples.length).toBeGreaterThan(0);
});

test("whoever is signed in to the lab calls with that; what is refused is shown as it was answered", async () => {
  expectProblems(/status of 404/);
  const page = await as("engineer");
  await page.goto("/docs");
  await page.getByText("Calls go out with your session.").waitFor();
  await unfold(page, "SamplesService");
  // The body stands there as an example, and is accepted as it stands.
  const created = await execute(await method(page, "POST", "/api/v1/samples"));
  expect(created.status).toBe("200");
  const { id } = JSON.parse(created.body);

  const get = await method(page, "GET", "/api/v1/samples/{id}");
  await get.locator("tr[data-param-name=id] input").fill(id);
  expect(JSON.parse((await execute(get)).body).id).toBe(id);
  await get.locator("tr[data-param-name=id] input").fill("01980000-0000-7000-8000-000000000000");
  const refused = await execute(get);
  expect(refused.status).toBe("404");
  expect(JSON.parse(refused.body).detail.code).toBe("resource_not_found");
  await picture(page, "docs");
});
