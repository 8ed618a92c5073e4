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

beforeEach(() => vi.resetModules());

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

/** What another tab says. */
function otherTabs() {
  const heard: ((event: { data: string }) => void)[] = [];
  vi.stubGlobal(
    "BroadcastChannel",
    class {
      addEventListener = (_: string, hear: (event: { data: string }) => void) => heard.push(hear);
      postMessage() {}
    },
  );
  return (data: string) => {
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
