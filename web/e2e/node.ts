// The lab as a script sees it: to lay out what a test wants to look at.
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { inject } from "vitest";
import { CalibrationService } from "../src/gen/spectra/calibration/v1/calibration_service_pb";
import { InstrumentsService } from "../src/gen/spectra/calibration/v1/instruments_service_pb";
import { RecipesService } from "../src/gen/spectra/runs/v1/recipes_service_pb";
import { RunsService } from "../src/gen/spectra/runs/v1/runs_service_pb";
import { SamplesService } from "../src/gen/spectra/samples/v1/samples_service_pb";

export interface Script {
  samples: Client<typeof SamplesService>;
  instruments: Client<typeof InstrumentsService>;
  calibrations: Client<typeof CalibrationService>;
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
    samples: createClient(SamplesService, transport),
    instruments: createClient(InstrumentsService, transport),
    calibrations: createClient(CalibrationService, transport),
    runs: createClient(RunsService, transport),
    recipes: createClient(RecipesService, transport),
  };
}
