import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { Unavailable } from "./errors.js";
import { AuthService, type LoginResponse, type RefreshTokenResponse } from "./gen/spectra/auth/v1/auth_service_pb.js";

/** Who signs in. */
export type Credentials = {
  username: string;
  password: string;
  /** One-time code, where a second factor is set up. */
  otp?: string;
};

/** A session that was signed in before: what `lab.tokens` gave. */
export type Tokens = {
  accessToken: string;
  refreshToken: string;
  /** When the access token ends, in milliseconds since 1970. */
  expiresAt: number;
};

/** A token that ends sooner than this is renewed before it is used. */
const MARGIN_MS = 30_000;

/** The tokens of one session, renewed in time and once for all calls that wait for it. */
export class Session {
  readonly #auth: Client<typeof AuthService>;
  #tokens: Tokens;
  #renewal: Promise<void> | undefined;

  private constructor(auth: Client<typeof AuthService>, tokens: Tokens) {
    this.#auth = auth;
    this.#tokens = tokens;
  }

  /** `transport` sends calls as they are: without a token. */
  static async begin(transport: Transport, who: Credentials | Tokens): Promise<Session> {
    const auth = createClient(AuthService, transport);
    return new Session(auth, "accessToken" in who ? who : tokensOf(await auth.login(who)));
  }

  get tokens(): Tokens {
    return this.#tokens;
  }

  /** An access token that is good for a while. */
  async accessToken(): Promise<string> {
    if (this.#tokens.expiresAt - Date.now() < MARGIN_MS) {
      this.#renewal ??= this.#renew().finally(() => {
        this.#renewal = undefined;
      });
      await this.#renewal;
    }
    return this.#tokens.accessToken;
  }

  /** Notes that the lab did not accept this one any more. */
  expired(accessToken: string): void {
    if (this.#tokens.accessToken === accessToken) this.#tokens = { ...this.#tokens, expiresAt: 0 };
  }

  async #renew(): Promise<void> {
    try {
      this.#tokens = tokensOf(await this.#auth.refreshToken({ refreshToken: this.#tokens.refreshToken }));
    } catch (error) {
      // Auth is away for a moment, and the token still good: go on with it.
      if (!(error instanceof Unavailable && Date.now() < this.#tokens.expiresAt)) throw error;
    }
  }
}

function tokensOf(response: LoginResponse | RefreshTokenResponse): Tokens {
  const { accessToken, refreshToken, expiresIn } = response;
  return { accessToken, refreshToken, expiresAt: Date.now() + expiresIn * 1000 };
}
