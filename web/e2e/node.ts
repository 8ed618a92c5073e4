// The lab as a script sees it: to lay out what a test wants to look at.
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { inject } from "vitest";
import { AuditService } from "../src/gen/spectra/auth/v1/audit_service_pb";
import { UsersService } from "../src/gen/spectra/auth/v1/users_service_pb";
import { CalibrationService } from "../src/gen/spectra/calibration/v1/calibration_service_pb";
import { InstrumentsService } from "../src/gen/spectra/calibration/v1/instruments_service_pb";
import { MethodsService } from "../src/gen/spectra/runs/v1/methods_service_pb";
import { RecipesService } from "../src/gen/spectra/runs/v1/recipes_service_pb";
import { RunsService } from "../src/gen/spectra/runs/v1/runs_service_pb";
import { SamplesService } from "../src/gen/spectra/samples/v1/samples_service_pb";

export interface Script {
  users: Client<typeof UsersService>;
  audit: Client<typeof AuditService>;
  samples: Client<typeof SamplesService>;
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
    users: createClient(UsersService, transport),
    audit: createClient(AuditService, transport),
    samples: createClient(SamplesService, transport),
    instruments: createClient(InstrumentsService, transport),
    calibrations: createClient(CalibrationService, transport),
    methods: createClient(MethodsService, transport),
    runs: createClient(RunsService, transport),
    recipes: createClient(RecipesService, transport),
  };
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
