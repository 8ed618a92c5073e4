// The lab as a script sees it: to lay out what a test wants to look at.
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { inject } from "vitest";
import { AuditService } from "../src/gen/spectra/auth/v1/audit_service_pb";
import { Role } from "../src/gen/spectra/auth/v1/auth_pb";
import { OrganizationsService } from "../src/gen/spectra/auth/v1/organizations_service_pb";
import { UsersService } from "../src/gen/spectra/auth/v1/users_service_pb";
import { CalibrationService } from "../src/gen/spectra/calibration/v1/calibration_service_pb";
import { InstrumentsService } from "../src/gen/spectra/calibration/v1/instruments_service_pb";
import { MethodsService } from "../src/gen/spectra/runs/v1/methods_service_pb";
import { RecipesService } from "../src/gen/spectra/runs/v1/recipes_service_pb";
import { RunsService } from "../src/gen/spectra/runs/v1/runs_service_pb";
import { ProjectsService } from "../src/gen/spectra/samples/v1/projects_service_pb";
import { SamplesService } from "../src/gen/spectra/samples/v1/samples_service_pb";

const DAY_MS = 86_400_000;

export interface Script {
  organizations: Client<typeof OrganizationsService>;
  users: Client<typeof UsersService>;
  audit: Client<typeof AuditService>;
  samples: Client<typeof SamplesService>;
  projects: Client<typeof ProjectsService>;
  instruments: Client<typeof InstrumentsService>;
  calibrations: Client<typeof CalibrationService>;
  methods: Client<typeof MethodsService>;
  runs: Client<typeof RunsService>;
  recipes: Client<typeof RecipesService>;
}

export async function script(username: string, password: string): Promise<Script> {
  const lab = inject("lab");
  const body = JSON.stringify({ username, password });
  const answer = await fetch(`${lab}/auth/login`, { method: "POST", body });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  const signedIn: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const transport = createGrpcWebTransport({ baseUrl: lab, interceptors: [signedIn] });
  return {
    organizations: createClient(OrganizationsService, transport),
    users: createClient(UsersService, transport),
    audit: createClient(AuditService, transport),
    samples: createClient(SamplesService, transport),
    projects: createClient(ProjectsService, transport),
    instruments: createClient(InstrumentsService, transport),
    calibrations: createClient(CalibrationService, transport),
    methods: createClient(MethodsService, transport),
    runs: createClient(RunsService, transport),
    recipes: createClient(RecipesService, transport),
  };
}

/** An instrument that measures voltages and currents, without a certificate. */
export async function instrument(assetCode: string): Promise<string> {
  const { instruments } = await script("pi@demo.lab", "pi123");
  const capabilities = [
    { quantity: "dc_voltage", rangeLow: "-200", rangeHigh: "200", unit: "V" },
    { quantity: "dc_current", rangeLow: "-1", rangeHigh: "1", unit: "A" },
  ];
  const made = { assetCode, manufacturer: "Keithley", model: "2450", capabilities };
  return (await instruments.createInstrument({ instrument: made })).instrument?.id ?? "";
}

/** A certificate of an instrument, from so many days to so many days from now. */
export async function certificate(instrumentId: string, certificateId: string, from = -1, to = 365): Promise<string> {
  const { calibrations } = await script("pi@demo.lab", "pi123");
  const day = (days: number) => timestampFromDate(new Date(Date.now() + days * DAY_MS));
  const paper = {
    instrumentId,
    certificateId,
    provider: "Metrology Services",
    issuedAt: day(from),
    expiresAt: day(to),
  };
  return (await calibrations.createCalibration({ calibration: paper })).calibration?.id ?? "";
}

/** A run in the queue, of a recipe's version that is approved, on a sample of its own. */
export async function queue(instrumentId: string, name: string, recipeVersionId: string): Promise<string> {
  const { samples, runs } = await script("engineer@demo.lab", "eng123");
  const sampleId = (await samples.createSample({ sample: { name, materialType: "Si wafer" } })).sample?.id ?? "";
  return (await runs.createRun({ run: { sampleId, instrumentId, recipeVersionId } })).run?.id ?? "";
}

/** The version that runs are made from of the demo laboratory's recipe. */
export async function demoRecipe(): Promise<string> {
  const { recipes } = await script("engineer@demo.lab", "eng123");
  const { recipes: found } = await recipes.listRecipes({ filter: 'name = "2N7000 transfer curve"' });
  return found[0]?.approvedVersion?.id ?? "";
}

/** Somebody new, by whom nothing has been done yet. */
export async function somebody(name: string, password: string): Promise<{ email: string; id: string }> {
  const { users } = await script("admin@demo.lab", "admin123");
  const email = `${name}.${Date.now().toString(36)}@demo.lab`.toLowerCase();
  const { user } = await users.createUser({ user: { email, displayName: name, role: Role.TECHNICIAN }, password });
  return { email, id: user?.id ?? "" };
}

/** Whether certificates wait for a review, as in a lab that reviews them. */
export async function review(certificateReview: boolean): Promise<void> {
  const { calibrations } = await script("admin@demo.lab", "admin123");
  const { policy } = await calibrations.getPolicy({});
  await calibrations.updatePolicy({
    policy: { certificateReview, etag: policy?.etag ?? "" },
    updateMask: { paths: ["certificate_review"] },
  });
}

/** Things in each state that they can be in, by what they are; `end` leaves nothing of them under way. */
export async function scene(what: string): Promise<{ ids: Record<string, string>; end: () => Promise<void> }> {
  const { samples, instruments, recipes, runs } = await script("pi@demo.lab", "pi123");
  const ids: Record<string, string> = {};
  const name = `${what}-${Date.now().toString(36)}`;
  const sample = async (what: string) => {
    const { sample: made } = await samples.createSample({
      sample: { name: `${name}-${what}`, materialType: "Si wafer" },
    });
    return made?.id ?? "";
  };
  ids.sample = await sample("W");
  ids.quarantined = await sample("Q");
  await samples.quarantineSample({ id: ids.quarantined, reason: "A scratch" });
  ids.instrument = await instrument(`${name}-1`);
  ids.out = await instrument(`${name}-2`);
  ids.accepted = await certificate(ids.instrument, `${name}-1`);
  const other = await instrument(`${name}-3`);
  await certificate(other, `${name}-3`);
  await instruments.takeOutOfService({ id: ids.out, reason: "It was dropped" });
  await review(true);
  ids.draft = await certificate(ids.out, `${name}-2`).finally(() => review(false));
  const version = await demoRecipe();
  for (const [nth, what] of ["queued", "held", "running", "paused"].entries())
    ids[what] = await queue(what === "paused" ? other : ids.instrument, `${name}-R${nth}`, version);
  await runs.holdRun({ id: ids.held ?? "", reason: "The stage is being cleaned" });
  for (const what of ["running", "paused"]) await runs.startRun({ id: ids[what] ?? "" });
  await runs.pauseRun({ id: ids.paused ?? "" });
  for (const what of ["unsubmitted", "submitted", "approved"]) {
    const params = { vgs_start: 0, vgs_stop: 2, vgs_step: 0.1 };
    const { recipe } = await recipes.createRecipe({ recipe: { name: `${name} ${what}`, method: "iv_sweep", params } });
    const id = recipe?.id ?? "";
    ids[what] = id;
    if (what === "unsubmitted") continue;
    const version = (await recipes.submitRecipe({ id })).recipe?.latestVersion?.version ?? 0;
    if (what === "approved") await recipes.approveRecipe({ id, version });
  }
  const end = async () => {
    for (const what of ["running", "paused"]) await runs.abortRun({ id: ids[what] ?? "", reason: "A test's" });
    for (const what of ["queued", "held"]) await runs.cancelRun({ id: ids[what] ?? "", reason: "A test's" });
    await recipes.rejectRecipe({ id: ids.submitted ?? "", version: 1, comment: "A test's" });
  };
  return { ids, end };
}
