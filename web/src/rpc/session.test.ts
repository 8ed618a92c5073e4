import { beforeEach, expect, test, vi } from "vitest";

/** What the edge answers, one after the other. */
function edge(...answers: [status: number, body: unknown][]) {
  const fetch = vi.fn(async () => {
    const [status, body] = answers.shift() ?? [500, {}];
    return new Response(JSON.stringify(body), { status });
  });
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

const tokens = (token: string, seconds = 900) =>
  [200, { access_token: token, expires_in: seconds }] as [number, unknown];
const refused: [number, unknown] = [401, { detail: { code: "token_revoked", message: "ended" } }];

/** A browser: its tabs wait for each other's turn, and hear each other a moment later. */
function browser() {
  const tabs: { hear?: (event: { data: unknown }) => void }[] = [];
  class Channel {
    hear?: (event: { data: unknown }) => void;
    constructor() {
      tabs.push(this);
    }
    addEventListener(_: string, hear: (event: { data: unknown }) => void) {
      this.hear = hear;
    }
    postMessage(data: unknown) {
      for (const tab of tabs) if (tab !== this) setTimeout(() => tab.hear?.({ data }));
    }
  }
  vi.stubGlobal("BroadcastChannel", Channel);
  let turn: Promise<unknown> = Promise.resolve();
  const request = (_: string, work: () => Promise<void>) => {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  };
  Object.defineProperty(navigator, "locks", { configurable: true, value: { request } });
}

async function tab() {
  vi.resetModules();
  return (await import("./session")).session;
}

beforeEach(() => {
  vi.resetModules();
  browser();
});

test("many who want a token share one renewal, and a token is kept while it is good", async () => {
  const { session } = await import("./session");
  const fetch = edge(tokens("a"), tokens("b"));
  expect(await Promise.all([session.token(), session.token(), session.token()])).toEqual(["a", "a", "a"]);
  expect(await session.token()).toBe("a");
  expect(fetch).toHaveBeenCalledTimes(1);
  session.refused("a");
  expect(await session.token()).toBe("b");
});

test("a token that expires within half a minute is renewed before it is used", async () => {
  const { session } = await import("./session");
  edge(tokens("short", 20), tokens("long"));
  await session.refresh();
  expect(await session.token()).toBe("long");
});

test("whoever was signed in and no longer is, is asked again, and what waited goes on", async () => {
  const { session } = await import("./session");
  edge(tokens("a"), refused, tokens("c"));
  await session.refresh();
  session.refused("a");
  const waiting = session.token();
  await vi.waitFor(() => expect(session.state).toBe("lapsed"));
  await session.signIn("engineer@demo.lab", "eng123");
  expect(await waiting).toBe("c");
});

/** An access token of this person, as far as a browser reads it. */
const of = (person: string) => `e30.${btoa(JSON.stringify({ sub: person }))}.sig`;

test("where another person signs in, nothing that waited is sent: the page begins again", async () => {
  const reload = vi.fn();
  vi.stubGlobal("window", { location: { reload } });
  const { session } = await import("./session");
  edge(tokens(of("ada")), refused, tokens(of("eve")));
  await session.refresh();
  session.refused(of("ada"));
  let sent = false;
  void session.token().then(() => (sent = true));
  await vi.waitFor(() => expect(session.state).toBe("lapsed"));
  void session.signIn("eve@demo.lab", "secret");
  await vi.waitFor(() => expect(reload).toHaveBeenCalledTimes(1));
  await Promise.resolve();
  expect(sent).toBe(false);
});

test("the same person may come again", async () => {
  const reload = vi.fn();
  vi.stubGlobal("window", { location: { reload } });
  const { session } = await import("./session");
  edge(tokens(of("ada")), refused, tokens(of("ada")));
  await session.refresh();
  session.refused(of("ada"));
  const waiting = session.token();
  await vi.waitFor(() => expect(session.state).toBe("lapsed"));
  await session.signIn("ada@demo.lab", "secret");
  expect(await waiting).toBe(of("ada"));
  expect(reload).not.toHaveBeenCalled();
});

test("one renewal is for all tabs, and each of them has it at once", async () => {
  const tabs = [await tab(), await tab(), await tab()] as const;
  const fetch = edge(tokens(of("ada"), 20), tokens(`${of("ada")}2`), tokens(`${of("ada")}3`));
  await tabs[0].signIn("ada@demo.lab", "secret");
  await vi.waitFor(() => expect(tabs.map(({ state }) => state)).toEqual(["in", "in", "in"]));
  // It expires in all of them.
  const renewed = await Promise.all(tabs.map((one) => one.token()));
  expect(renewed).toEqual(Array(3).fill(`${of("ada")}2`));
  expect(fetch).toHaveBeenCalledTimes(2);
  // And it is refused in all of them: what one has already renewed is not renewed by another.
  for (const one of tabs) one.refused(`${of("ada")}2`);
  await tabs[1].token();
  await vi.waitFor(async () => expect(await tabs[2].token()).toBe(`${of("ada")}3`));
  expect(fetch).toHaveBeenCalledTimes(3);
});

test("a renewal that fails in one tab is tried by the next", async () => {
  const [one, two] = [await tab(), await tab()];
  edge([503, {}], tokens("a"));
  const both = await Promise.allSettled([one.token(), two.token()]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  await vi.waitFor(() => expect(one.state).toBe("in"));
});

test("where another person signs in in another tab, this one begins again at once", async () => {
  const reload = vi.fn();
  vi.stubGlobal("window", { location: { reload } });
  const [hers, other] = [await tab(), await tab()];
  edge(tokens(of("ada")), [200, {}], tokens(of("eve")));
  await hers.signIn("ada@demo.lab", "secret");
  await vi.waitFor(() => expect(other.state).toBe("in"));
  await hers.signOut();
  await vi.waitFor(() => expect(other.state).toBe("out"));
  void other.signIn("eve@demo.lab", "secret");
  // Each of them had been Ada's.
  await vi.waitFor(() => expect(reload).toHaveBeenCalledTimes(2));
  expect([hers.state, other.state]).toEqual(["out", "out"]);
});

/** What another tab says. */
function otherTabs() {
  const heard: ((event: { data: unknown }) => void)[] = [];
  vi.stubGlobal(
    "BroadcastChannel",
    class {
      addEventListener = (_: string, hear: (event: { data: unknown }) => void) => heard.push(hear);
      postMessage() {}
    },
  );
  return (data: unknown) => {
    for (const hear of heard) hear({ data });
  };
}

test("signed out in another tab, one is signed out here", async () => {
  const say = otherTabs();
  const { session } = await import("./session");
  edge(tokens(of("ada")));
  await session.refresh();
  say("out");
  expect(session.state).toBe("out");
});

test("signed out, one is not brought back by a renewal that another tab had under way", async () => {
  const say = otherTabs();
  const session = await tab();
  edge(tokens(of("ada")));
  await session.refresh();
  say("out");
  const renewed = { token: of("ada"), expiresAt: Date.now() + 900_000 };
  say({ by: "renewal", ...renewed });
  expect(session.state).toBe("out");
  say({ by: "sign-in", ...renewed });
  expect(session.state).toBe("in");
});

test("signed out in another tab, what is being written here waits for its writer, and for nobody else", async () => {
  const reload = vi.fn();
  vi.stubGlobal("window", { location: { reload } });
  const say = otherTabs();
  const { session } = await import("./session");
  session.keepsWhile(() => true);
  edge(tokens(of("ada")), tokens(of("ada")), tokens(of("eve")));
  await session.refresh();
  say("out");
  expect(session.state).toBe("lapsed");
  await session.signIn("ada@demo.lab", "secret");
  expect(session.state).toBe("in");
  say("out");
  void session.signIn("eve@demo.lab", "secret");
  await vi.waitFor(() => expect(reload).toHaveBeenCalledTimes(1));
  expect(session.state).toBe("out");
});

test("a lab that nothing is heard of is away", async () => {
  const { session } = await import("./session");
  vi.stubGlobal(
    "fetch",
    vi.fn(() => Promise.reject(new TypeError("whatever this browser says"))),
  );
  await expect(session.refresh()).rejects.toMatchObject({ status: 503, reason: "UNREACHABLE" });
  expect(session.state).toBe("unknown");
});

test("nobody is signed out because the lab is away", async () => {
  const { session } = await import("./session");
  edge(tokens("a"), [503, {}]);
  await session.refresh();
  session.refused("a");
  await expect(session.token()).rejects.toMatchObject({ status: 503 });
  expect(session.state).toBe("in");
});

test("a browser without a session is nobody's", async () => {
  const { session } = await import("./session");
  edge(refused);
  await expect(session.refresh()).rejects.toMatchObject({ reason: "TOKEN_REVOKED" });
  expect(session.state).toBe("out");
});

test("a sign-out that was not done is not believed", async () => {
  const { session } = await import("./session");
  edge(tokens("a"), [502, {}], [200, {}]);
  await session.refresh();
  await expect(session.signOut()).rejects.toMatchObject({ status: 502 });
  expect(session.state).toBe("in");
  await session.signOut();
  expect(session.state).toBe("out");
});

test("an edge that never answers does not keep the others from their turn", async () => {
  vi.spyOn(AbortSignal, "timeout").mockImplementation(() => AbortSignal.abort(new Error("no answer in time")));
  const here = await tab();
  vi.stubGlobal(
    "fetch",
    vi.fn((_: string, { signal }: RequestInit) =>
      signal?.aborted ? Promise.reject(signal.reason) : new Promise(() => {}),
    ),
  );
  await expect(here.refresh()).rejects.toMatchObject({ reason: "UNREACHABLE" });
  vi.restoreAllMocks();
  const there = await tab();
  edge(tokens("b"));
  expect(await there.token()).toBe("b");
});
