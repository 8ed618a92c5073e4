import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, suite, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import * as node from "@spectra-lab/client";
import * as web from "@spectra-lab/client/web";
import { hardship, setting, shortened } from "./hardship.js";

const ENGINEER = { username: "engineer@demo.lab", password: "eng123" };
const { AlreadyExists, CalibrationNotInForce, InvalidRequest, LabError, LimitReached } = node;
const { NotSignedIn, PermissionDenied, Unavailable } = node;

let count = 0;
const unique = (what: string) => `${what} ${process.pid}-${Date.now()}-${count++}`;

// The same for both ways of bytes: gRPC from Node, and gRPC-web as in a browser.
for (const [way, connect] of Object.entries({ "gRPC": node.connect, "gRPC-web": web.connect })) {
  suite(way, { timeout: 120_000 }, () => {
    let lab: node.Lab;
    before(async () => {
      lab = await connect(setting("SPECTRA_LAB"), ENGINEER);
    });
    after(() => lab.signOut());

    const create = (fields: object, of = lab) =>
      of.samples.createSample({ sample: { name: unique("sample"), materialType: "wafer", ...fields } });

    async function lot(size: number) {
      const lotCode = unique("LOT").replace(" ", "-");
      const names: string[] = [];
      for (let made = 0; made < size; made++) names.push((await create({ lotCode })).sample!.name);
      return { filter: `lot_code = "${lotCode}"`, names };
    }

    test("refusals are classes with a reason and what it is about", async () => {
      await assert.rejects(connect(setting("SPECTRA_LAB"), { ...ENGINEER, password: "wrong" }), (error) => {
        assert.ok(error instanceof NotSignedIn && error instanceof LabError && !(error instanceof PermissionDenied));
        assert.equal(error.reason, "CREDENTIALS_INVALID");
        assert.notEqual(error.requestId, "");
        return true;
      });
      await assert.rejects(create({ barcode: "with a space" }), (error) => {
        assert.ok(error instanceof InvalidRequest);
        assert.deepEqual(error.violations.map(({ field }) => field), ["sample.barcode"]);
        return true;
      });
    });

    test("each refusal of the lockout has its reason and what it is about", async () => {
      const assetCode = unique("A").replaceAll(" ", "-");
      const { instruments } = await lab.instruments.listInstruments({ filter: 'asset_code = "LS-8404-01"' });
      const { capabilities } = instruments[0]!;
      const entered = { assetCode, manufacturer: "Maker", model: "One", methods: ["hall_vdp"], capabilities };
      const instrumentId = (await lab.instruments.createInstrument({ instrument: entered })).instrument!.id;
      const { sample } = await create({});
      const run = { instrumentId, sampleId: sample!.id, method: "hall_vdp" };
      await assert.rejects(lab.runs.createRun({ run }), (error) => {
        assert.ok(error instanceof CalibrationNotInForce);
        assert.deepEqual([error.reason, error.metadata.instrument_id], ["CALIBRATION_MISSING", instrumentId]);
        return true;
      });

      const issuedAt = timestampFromMs(Date.now() - 86_400_000);
      const expiresAt = timestampFromMs(Date.now() + 86_400_000);
      const { calibration } = await lab.calibration.createCalibration({
        calibration: { instrumentId, certificateId: assetCode, provider: "Provider", issuedAt, expiresAt },
      });
      const queued = (await lab.runs.createRun({ run })).run!;
      const pi = await connect(setting("SPECTRA_LAB"), { username: "pi@demo.lab", password: "pi123" });
      await pi.calibration.revokeCalibration({ id: calibration!.id, comment: "dropped" });
      await pi.signOut();
      await assert.rejects(lab.runs.startRun({ id: queued.id }), (error) => {
        assert.ok(error instanceof CalibrationNotInForce);
        assert.deepEqual([error.reason, error.metadata.calibration_id], ["CALIBRATION_REVOKED", calibration!.id]);
        assert.ok(Date.parse(error.metadata.revoked_at!) > 0);
        return true;
      });
    });

    test("too many attempts are told when to come again", async () => {
      const nobody = { username: `${unique("nobody").replaceAll(" ", "-")}@demo.lab`, password: "wrong" };
      const guess = () => connect(setting("SPECTRA_LAB"), nobody).catch((error) => error);
      let answer = await guess();
      for (let tries = 0; tries < 20 && answer instanceof NotSignedIn; tries++) answer = await guess();
      assert.ok(answer instanceof LimitReached);
      assert.ok(answer.retryDelayMs! > 0);
    });

    test("a request_id that the caller gives is kept, and each call has its own otherwise", async () => {
      const requestId = crypto.randomUUID();
      const sample = { name: unique("sample"), materialType: "wafer", barcode: unique("B").replace(" ", "-") };
      const first = await lab.samples.createSample({ sample, requestId });
      assert.deepEqual(await lab.samples.createSample({ sample, requestId }), first);
      await assert.rejects(lab.samples.createSample({ sample }), AlreadyExists);
    });

    test("rows are those of all pages, each once", async () => {
      const { filter, names } = await lot(5);
      const seen = [];
      for await (const sample of lab.rows(lab.samples.listSamples, { filter, pageSize: 2 }, (page) => page.samples)) {
        seen.push(sample.name);
      }
      assert.deepEqual(seen, names);
    });

    test("an answer that is lost is asked for again, and what was asked is done once", async () => {
      const proxied = await connect(setting("SPECTRA_PROXY"), ENGINEER);
      const lost = Number(await hardship("lost"));
      await hardship("lose");
      const { sample } = await create({}, proxied);
      assert.equal(Number(await hardship("lost")), lost + 1);
      const { samples } = await lab.samples.listSamples({ filter: `name = "${sample!.name}"` });
      assert.deepEqual(samples.map(({ id }) => id), [sample!.id]);
      await proxied.signOut();
    });

    test("a call that is not known again is not sent again", async () => {
      await hardship("lose");
      await assert.rejects(connect(setting("SPECTRA_PROXY"), ENGINEER), Unavailable);
    });

    test("an access token that ends within a list is renewed, once for all", async () => {
      const { filter, names } = await lot(4);
      const { tokens, ends } = await shortened(lab);
      const other = await connect(setting("SPECTRA_LAB"), { tokens });
      const read = async () => {
        const seen: string[] = [];
        for await (const sample of other.rows(other.samples.listSamples, { filter, pageSize: 2 }, (p) => p.samples)) {
          if (seen.push(sample.name) === 1) await ends;
        }
        return seen;
      };
      const renewals = Number(await hardship("calls/RefreshToken"));
      assert.deepEqual(await Promise.all([read(), read(), read()]), [names, names, names]);
      assert.equal(Number(await hardship("calls/RefreshToken")), renewals + 1);
      lab = other;
    });

    test("an access token that is about to end is renewed before it is used", async () => {
      const tokens = { ...lab.tokens, expiresAt: Date.now() + 1000 };
      const other = await connect(setting("SPECTRA_LAB"), { tokens });
      await other.auth.getCurrentUser({});
      assert.notEqual(other.tokens.accessToken, tokens.accessToken);
      lab = other;
    });

    test("an access token that ends within or before a stream is renewed", async () => {
      const runId = await hardship("measured");
      const data = async function* (of: node.Lab) {
        for await (const { chunk } of of.runs.getRunData({ runId })) yield chunk!.sha256;
      };
      const file = async function* (of: node.Lab) {
        for await (const { content } of of.runs.exportRun({ runId })) yield createHash("sha256").update(content).digest("hex");
      };
      for (const read of [data, file]) {
        const whole: string[] = [];
        for await (const told of read(lab)) whole.push(told);
        const { tokens, ends } = await shortened(lab);
        const other = await connect(setting("SPECTRA_LAB"), { tokens });
        const renewals = Number(await hardship("calls/RefreshToken"));
        const seen: string[] = [];
        for await (const told of read(other)) if (seen.push(told) === 1) await ends;
        assert.deepEqual(seen, whole);
        assert.equal(Number(await hardship("calls/RefreshToken")), renewals + 1);
        lab = other;
      }
      // One that has ended already is renewed before the first message.
      const { tokens, ends } = await shortened(lab);
      await ends;
      lab = await connect(setting("SPECTRA_LAB"), { tokens });
      for await (const _ of lab.runs.getRunData({ runId })) break;
      assert.notEqual(lab.tokens.refreshToken, tokens.refreshToken);
    });

    test("what is away is waited for as long as it says", async () => {
      const edge = await connect(setting("SPECTRA_EDGE"), ENGINEER);
      const runId = await hardship("measured");
      const first = async () => {
        for await (const message of edge.runs.getRunData({ runId })) return message;
      };
      for (const call of [() => create({}, edge), () => edge.samples.listSamples({}), first]) {
        await hardship("away/0.7");
        const begun = performance.now();
        await call();
        // The edge says a second.
        const waited = performance.now() - begun;
        assert.ok(waited >= 1000 && waited < 8000, String(waited));
      }
      await edge.signOut();
    });

    test("a change whose answer did not reach the edge is done once", async () => {
      const edge = await connect(setting("SPECTRA_EDGE"), ENGINEER);
      await hardship("mislay");
      const begun = performance.now();
      const { sample } = await create({}, edge);
      assert.ok(performance.now() - begun >= 1000);
      const { samples } = await lab.samples.listSamples({ filter: `name = "${sample!.name}"` });
      assert.deepEqual(samples.map(({ id }) => id), [sample!.id]);
      await edge.signOut();
    });

    test("what is not known again is not sent again, though the lab says when", async () => {
      const edge = await connect(setting("SPECTRA_EDGE"), ENGINEER);
      const calls = Number(await hardship("calls/ChangePassword"));
      await hardship("mislay");
      await assert.rejects(edge.auth.changePassword({ currentPassword: "wrong", newPassword: "a long new one" }), (error) => {
        assert.ok(error instanceof Unavailable);
        assert.deepEqual([error.reason, error.retryDelayMs], ["AUTH_UNREACHABLE", 1000]);
        return true;
      });
      assert.equal(Number(await hardship("calls/ChangePassword")), calls + 1);
      edge.close();
    });

    test("a call with little time does not wait", async () => {
      const edge = await connect(setting("SPECTRA_EDGE"), ENGINEER);
      await hardship("away/2");
      const begun = performance.now();
      await assert.rejects(edge.samples.listSamples({}, { timeoutMs: 900 }), Unavailable);
      assert.ok(performance.now() - begun < 900);
      await setTimeout(2000);
      edge.close();
    });

    test("nobody at the address is told at once", async () => {
      const begun = performance.now();
      await assert.rejects(connect("http://127.0.0.1:1", ENGINEER), Unavailable);
      assert.ok(performance.now() - begun < 3000);
    });

    test("a lab that is closed ends its watches, and takes no calls", async () => {
      const closed = await connect(setting("SPECTRA_LAB"), { tokens: lab.tokens });
      let told = 0;
      for await (const _ of closed.watch(closed.samples.watchSamples, {})) if (told++ === 0) closed.close();
      assert.ok(told > 0);
      await assert.rejects(closed.samples.listSamples({}), LabError);
    });

    test("a watch goes on when its access token ends, and when the lab was away", async () => {
      const { tokens, ends } = await shortened(lab);
      const watching = await connect(setting("SPECTRA_LAB"), { tokens, retries: 30 });
      const lotCode = unique("LOT").replace(" ", "-");
      const watch = watching.watch(watching.samples.watchSamples, { filter: `lot_code = "${lotCode}"` });
      // It begins with a sign of life; what was done until then is not told.
      assert.equal((await watch.next()).value!.event, undefined);
      const told = async () => {
        for (;;) {
          const { event } = (await watch.next()).value!;
          if (event) return event.sample!.name;
        }
      };
      const done = async () => (await create({ lotCode }, watching)).sample!.name;
      assert.equal(await done(), await told());
      await ends;
      assert.equal(await done(), await told());
      assert.notEqual(watching.tokens.accessToken, tokens.accessToken);
      await hardship("restart");
      assert.equal(await done(), await told());
      await watch.return();
      lab = watching;
    });
  });
}

test("an address that is none is told", async () => {
  for (const wrong of ["127.0.0.1:3012", "localhost:3012", "ftp://127.0.0.1", "http://"]) {
    await assert.rejects(node.connect(wrong, ENGINEER), TypeError);
  }
});

test("TLS: with the lab's authority, and not without", async () => {
  const authority = readFileSync(setting("SPECTRA_AUTHORITY"), "utf8");
  const lab = await node.connect(setting("SPECTRA_TLS"), { ...ENGINEER, authority });
  assert.equal((await lab.auth.getCurrentUser({})).user!.email, ENGINEER.username);
  await lab.signOut();
  await assert.rejects(node.connect(setting("SPECTRA_TLS"), { ...ENGINEER, retries: 0 }), Unavailable);
});
