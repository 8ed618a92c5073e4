import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, suite, test } from "node:test";
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
      const { instruments } = await lab.instruments.listInstruments({ filter: 'asset_code = "JAW-RC2-01"' });
      const { sample } = await create({});
      const run = { instrumentId: instruments[0]!.id, sampleId: sample!.id, method: "ellipsometry" };
      await assert.rejects(lab.runs.createRun({ run }), (error) => {
        assert.ok(error instanceof CalibrationNotInForce);
        assert.deepEqual([error.reason, error.metadata.instrument_id], ["CALIBRATION_MISSING", run.instrumentId]);
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
      const renewals = Number(await hardship("renewals"));
      assert.deepEqual(await Promise.all([read(), read(), read()]), [names, names, names]);
      assert.equal(Number(await hardship("renewals")), renewals + 1);
      lab = other;
    });

    test("an access token that is about to end is renewed before it is used", async () => {
      const tokens = { ...lab.tokens, expiresAt: Date.now() + 1000 };
      const other = await connect(setting("SPECTRA_LAB"), { tokens });
      await other.auth.getCurrentUser({});
      assert.notEqual(other.tokens.accessToken, tokens.accessToken);
      lab = other;
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

test("TLS: with the lab's authority, and not without", async () => {
  const authority = readFileSync(setting("SPECTRA_AUTHORITY"), "utf8");
  const lab = await node.connect(setting("SPECTRA_TLS"), { ...ENGINEER, authority });
  assert.equal((await lab.auth.getCurrentUser({})).user!.email, ENGINEER.username);
  await lab.signOut();
  await assert.rejects(node.connect(setting("SPECTRA_TLS"), { ...ENGINEER, retries: 0 }), Unavailable);
});
