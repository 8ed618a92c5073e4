import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { NotSignedIn } from "./errors.js";
import { AuditService } from "./gen/spectra/auth/v1/audit_service_pb.js";
import { AuthService } from "./gen/spectra/auth/v1/auth_service_pb.js";
import { OrganizationsService } from "./gen/spectra/auth/v1/organizations_service_pb.js";
import { UsersService } from "./gen/spectra/auth/v1/users_service_pb.js";
import { CalibrationService } from "./gen/spectra/calibration/v1/calibration_service_pb.js";
import { InstrumentsService } from "./gen/spectra/calibration/v1/instruments_service_pb.js";
import { MethodsService } from "./gen/spectra/runs/v1/methods_service_pb.js";
import { RecipesService } from "./gen/spectra/runs/v1/recipes_service_pb.js";
import { RunsService } from "./gen/spectra/runs/v1/runs_service_pb.js";
import { ProjectsService } from "./gen/spectra/samples/v1/projects_service_pb.js";
import { SamplesService } from "./gen/spectra/samples/v1/samples_service_pb.js";
import { rows } from "./rows.js";
import { type Credentials, Session, type Tokens } from "./session.js";
import { labTransport } from "./transport.js";
import { watch } from "./watch.js";

/** Who signs in, or a session that is signed in; and how calls are made. */
export type Options = (Credentials | { tokens: Tokens }) & {
  /** How often a call that may be repeated is sent again; 5 unless said. */
  retries?: number;
};

/** A lab in which one person is signed in. */
export class Lab {
  readonly auth: Client<typeof AuthService>;
  readonly users: Client<typeof UsersService>;
  readonly organizations: Client<typeof OrganizationsService>;
  readonly audit: Client<typeof AuditService>;
  readonly samples: Client<typeof SamplesService>;
  readonly projects: Client<typeof ProjectsService>;
  readonly instruments: Client<typeof InstrumentsService>;
  readonly calibration: Client<typeof CalibrationService>;
  readonly runs: Client<typeof RunsService>;
  readonly recipes: Client<typeof RecipesService>;
  readonly methods: Client<typeof MethodsService>;
  readonly rows = rows;
  readonly watch = watch;
  readonly #session: Session;
  readonly #disconnect: () => void;

  private constructor(transport: Transport, session: Session, disconnect: () => void) {
    this.auth = createClient(AuthService, transport);
    this.users = createClient(UsersService, transport);
    this.organizations = createClient(OrganizationsService, transport);
    this.audit = createClient(AuditService, transport);
    this.samples = createClient(SamplesService, transport);
    this.projects = createClient(ProjectsService, transport);
    this.instruments = createClient(InstrumentsService, transport);
    this.calibration = createClient(CalibrationService, transport);
    this.runs = createClient(RunsService, transport);
    this.recipes = createClient(RecipesService, transport);
    this.methods = createClient(MethodsService, transport);
    this.#session = session;
    this.#disconnect = disconnect;
  }

  /** For `connect` of node.ts and web.ts, which know how bytes travel. */
  static async begin(wire: Transport, options: Options, disconnect: () => void): Promise<Lab> {
    const retries = options.retries ?? 5;
    const life = new AbortController();
    try {
      const who = "tokens" in options ? options.tokens : options;
      const session = await Session.begin(labTransport(wire, retries, life.signal), who);
      return new Lab(labTransport(wire, retries, life.signal, session), session, () => {
        life.abort();
        disconnect();
      });
    } catch (error) {
      disconnect();
      throw error;
    }
  }

  /** To go on with this session in another process. They change whenever the access token is renewed. */
  get tokens(): Tokens {
    return this.#session.tokens;
  }

  /** Ends the session, and the connection. */
  async signOut(): Promise<void> {
    try {
      await this.auth.logout({});
    } catch (thrown) {
      // The answer to a first try was lost: it was done.
      if (!(thrown instanceof NotSignedIn && thrown.reason === "TOKEN_REVOKED")) throw thrown;
    } finally {
      this.close();
    }
  }

  /** Ends the connection, calls and watches; the session goes on. */
  close(): void {
    this.#disconnect();
  }
}
