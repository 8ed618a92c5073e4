// Who is signed in here. The access token lives in memory only; the refresh token in a cookie that no script reads.
// `/web/session` of the edge signs in, goes on and signs out.

export type SessionState = "unknown" | "in" | "lapsed" | "out";

const PATH = "/web/session";
/** Tokens are renewed so long before they expire. */
const AHEAD_MS = 30_000;
const LOCK = "spectra-session";
/** A tab's turn lasts so long after it has told the others what came of it: they hear it before it is theirs. */
const HEARD_MS = 500;
/** So long an answer of the edge is waited for. */
const ANSWER_MS = 15_000;

interface Token {
  token: string;
  expiresAt: number;
}

/** What tabs tell each other, from memory to memory. */
type Said = "out" | (Token & { by: "sign-in" | "renewal" });

/** What the edge answered instead of a session. */
export class SessionError extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
    readonly requestId: string,
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

class Session {
  #state: SessionState = "unknown";
  #token = "";
  #expiresAt = 0;
  /** Whose session it is or was, as `sub` of the token says; empty before anybody came. */
  #person = "";
  #refreshing: Promise<void> | undefined;
  #listeners = new Set<() => void>();
  #keeps = () => false;
  #channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(LOCK);

  constructor() {
    this.#channel?.addEventListener("message", ({ data }: MessageEvent<Said>) => {
      // Signed out in another tab: what somebody is writing in this one waits for them.
      if (data === "out") this.#become(this.#state !== "out" && this.#keeps() ? "lapsed" : "out");
      // Whoever is signed out is not brought back by a renewal that was under way: by a sign-in alone.
      else if (data.by === "sign-in" || this.#state === "in" || this.#state === "unknown") void this.#take(data);
    });
  }

  get state(): SessionState {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Says as long as what the page holds is not to be lost with the session. */
  keepsWhile(keeps: () => boolean): void {
    this.#keeps = keeps;
  }

  /** An access token that is good for a moment yet. Where the session has ended, waits until somebody has signed in again. */
  async token(): Promise<string> {
    if (this.#isGood()) return this.#token;
    await this.refresh().catch((error) => {
      if (!(error instanceof SessionError && error.status === 401)) throw error;
    });
    if (this.#state !== "in") await this.#regained();
    return this.#token;
  }

  /** After a call was refused with this token: the next one shall have another. */
  refused(token: string): void {
    if (this.#token === token) this.#token = "";
  }

  /** Renews the token: once for all who wait, in this tab and in the others. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#inTurn(async () => {
      // Another tab may have renewed it meanwhile.
      if (this.#isGood()) return undefined;
      return { by: "renewal" as const, ...(await this.#ask(`${PATH}/refresh`)) };
    })
      .then((renewed) => renewed && this.#take(renewed))
      .catch((error) => {
        // A lab that cannot be reached has not signed anybody out.
        if (error instanceof SessionError && error.status === 401)
          this.#become(this.#state === "in" || this.#state === "lapsed" ? "lapsed" : "out");
        throw error;
      })
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  async signIn(username: string, password: string): Promise<void> {
    await this.#take(
      await this.#inTurn(async () => ({ by: "sign-in" as const, ...(await this.#ask(PATH, { username, password })) })),
    );
  }

  async signOut(): Promise<void> {
    await this.#inTurn(async () => {
      await send(PATH, "DELETE");
      return "out" as const;
    });
    this.#become("out");
  }

  /** Leaves the page as nobody: for when the server has ended the session already. */
  leave(): void {
    this.#become("out");
  }

  #isGood(): boolean {
    return this.#token !== "" && Date.now() < this.#expiresAt - AHEAD_MS;
  }

  /** One tab after the other: each sends the cookie that the one before it was given, and tells the others what came of it. */
  #inTurn<Outcome extends Said | undefined>(work: () => Promise<Outcome>): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const turn = async () => {
        const outcome = await work();
        resolve(outcome);
        if (!outcome) return;
        this.#channel?.postMessage(outcome);
        await new Promise((heard) => setTimeout(heard, HEARD_MS));
      };
      (navigator.locks ? navigator.locks.request(LOCK, turn) : turn()).catch(reject);
    });
  }

  async #ask(path: string, body?: unknown): Promise<Token> {
    const json = await send(path, "POST", body);
    return { token: json.access_token, expiresAt: Date.now() + json.expires_in * 1000 };
  }

  async #take({ token, expiresAt }: Token): Promise<void> {
    const person = personOf(token);
    if (this.#person && person !== this.#person) {
      this.#become("out");
      return startAnew();
    }
    this.#person = person;
    this.#token = token;
    this.#expiresAt = expiresAt;
    this.#become("in");
  }

  #regained(): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.subscribe(() => {
        if (this.#state !== "in") return;
        stop();
        resolve();
      });
    });
  }

  #become(state: SessionState): void {
    if (state !== "in") this.#token = "";
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** `sub` of an access token; the server alone verifies it. */
function personOf(token: string): string {
  try {
    const claims = token.split(".")[1] ?? "";
    return String(JSON.parse(atob(claims.replace(/-/g, "+").replace(/_/g, "/"))).sub ?? "");
  } catch {
    return "";
  }
}

/**
 * Another person has signed in, here or in another tab. Nothing that the page holds is theirs, and what waits to be sent
 * must not go out in their name: the page begins again, and nothing goes on before it does.
 */
function startAnew(): Promise<never> {
  window.location.reload();
  return new Promise(() => {});
}

export const session = new Session();

/** Asks the edge; an answer other than yes, or none in time, is a [SessionError]. */
async function send(path: string, method: string, body?: unknown) {
  const answer = await fetch(path, {
    method,
    // Others wait for their turn meanwhile.
    signal: AbortSignal.timeout(ANSWER_MS),
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  }).catch((cause) => {
    throw new SessionError(503, "UNREACHABLE", String(cause?.message ?? cause), "");
  });
  const json = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const detail = json.detail ?? {};
    const wait = Number(answer.headers.get("retry-after"));
    throw new SessionError(
      answer.status,
      String(detail.code ?? "unavailable").toUpperCase(),
      detail.message ?? answer.statusText,
      detail.request_id ?? "",
      wait ? wait * 1000 : undefined,
    );
  }
  return json;
}
