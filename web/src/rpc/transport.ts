// gRPC-web straight to the services, with the session's token.
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { AuditService } from "../gen/spectra/auth/v1/audit_service_pb";
import { AuthService } from "../gen/spectra/auth/v1/auth_service_pb";
import { OrganizationsService } from "../gen/spectra/auth/v1/organizations_service_pb";
import { UsersService } from "../gen/spectra/auth/v1/users_service_pb";
import { CalibrationService } from "../gen/spectra/calibration/v1/calibration_service_pb";
import { InstrumentsService } from "../gen/spectra/calibration/v1/instruments_service_pb";
import { MethodsService } from "../gen/spectra/runs/v1/methods_service_pb";
import { RecipesService } from "../gen/spectra/runs/v1/recipes_service_pb";
import { RunsService } from "../gen/spectra/runs/v1/runs_service_pb";
import { ProjectsService } from "../gen/spectra/samples/v1/projects_service_pb";
import { SamplesService } from "../gen/spectra/samples/v1/samples_service_pb";
import { failure } from "./failure";
import { session } from "./session";

/** A token that is refused may have ended a moment ago: a call is sent once more with a new one. */
const signedIn: Interceptor = (next) => async (request) => {
  const token = await session.token();
  request.header.set("authorization", `Bearer ${token}`);
  try {
    return await next(request);
  } catch (error) {
    if (!(error instanceof ConnectError) || error.code !== Code.Unauthenticated) throw error;
    // It was not the token, but a password that somebody has typed: each try of one counts.
    if (failure(error).reason === "CREDENTIALS_INVALID") throw error;
    session.refused(token);
    // Whoever follows a stream opens it again themselves.
    if (request.stream) throw error;
    request.header.set("authorization", `Bearer ${await session.token()}`);
    return await next(request);
  }
};

const transport = createGrpcWebTransport({ baseUrl: window.location.origin, interceptors: [signedIn] });

export const rpc = {
  auth: createClient(AuthService, transport),
  users: createClient(UsersService, transport),
  organizations: createClient(OrganizationsService, transport),
  audit: createClient(AuditService, transport),
  samples: createClient(SamplesService, transport),
  projects: createClient(ProjectsService, transport),
  instruments: createClient(InstrumentsService, transport),
  calibrations: createClient(CalibrationService, transport),
  methods: createClient(MethodsService, transport),
  recipes: createClient(RecipesService, transport),
  runs: createClient(RunsService, transport),
};
