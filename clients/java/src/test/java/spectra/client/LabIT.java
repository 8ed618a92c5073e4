package spectra.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.util.Timestamps;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import spectra.auth.v1.ChangePasswordRequest;
import spectra.auth.v1.GetCurrentUserRequest;
import spectra.calibration.v1.Calibration;
import spectra.calibration.v1.CreateCalibrationRequest;
import spectra.calibration.v1.CreateInstrumentRequest;
import spectra.calibration.v1.Instrument;
import spectra.calibration.v1.ListInstrumentsRequest;
import spectra.calibration.v1.RevokeCalibrationRequest;
import spectra.runs.v1.CreateRunRequest;
import spectra.runs.v1.ExportRunRequest;
import spectra.runs.v1.GetRunDataRequest;
import spectra.runs.v1.Run;
import spectra.runs.v1.StartRunRequest;
import spectra.samples.v1.CreateSampleRequest;
import spectra.samples.v1.CreateSampleResponse;
import spectra.samples.v1.ListSamplesRequest;
import spectra.samples.v1.ListSamplesResponse;
import spectra.samples.v1.Sample;
import spectra.samples.v1.WatchSamplesRequest;
import spectra.samples.v1.WatchSamplesResponse;

/** What a program of a lab relies on, at the lab of test.sh. */
@Timeout(40)
class LabIT {
    private static final Credentials ENGINEER = new Credentials("engineer@demo.lab", "eng123");
    private static final String ADDRESS = Hardship.setting("SPECTRA_LAB");
    private static final String EDGE = Hardship.setting("SPECTRA_EDGE");
    private static final String PROXY = Hardship.setting("SPECTRA_PROXY");

    private static Lab lab;

    @BeforeAll
    static void signIn() {
        lab = Lab.at(ADDRESS).connect(ENGINEER);
    }

    @AfterAll
    static void signOut() {
        lab.signOut();
    }

    @Test
    void refusalsAreClassesWithAReasonAndWhatItIsAbout() {
        var wrong = assertThrows(
                LabError.NotSignedIn.class, () -> Lab.connect(ADDRESS, ENGINEER.username(), "wrong"));
        assertEquals("CREDENTIALS_INVALID", wrong.reason());
        assertFalse(wrong.requestId().isEmpty());

        var invalid = assertThrows(
                LabError.InvalidRequest.class, () -> create(lab, sample().setBarcode("with a space")));
        assertEquals("sample.barcode", invalid.violations().get(0).getField());
    }

    @Test
    void eachRefusalOfTheLockoutHasItsReasonAndWhatItIsAbout() {
        var query = ListInstrumentsRequest.newBuilder().setFilter("asset_code = \"LS-8404-01\"").build();
        var instrument = Instrument.newBuilder()
                .addAllCapabilities(lab.instruments().listInstruments(query).getInstruments(0).getCapabilitiesList())
                .setAssetCode(unique("A"))
                .setManufacturer("Maker")
                .setModel("One")
                .addMethods("hall_vdp");
        var entered = lab.instruments()
                .createInstrument(CreateInstrumentRequest.newBuilder().setInstrument(instrument).build())
                .getInstrument();
        var run = CreateRunRequest.newBuilder()
                .setRun(Run.newBuilder()
                        .setInstrumentId(entered.getId())
                        .setSampleId(create(lab, sample()).getId())
                        .setMethod("hall_vdp"))
                .build();
        var missing = assertThrows(LabError.CalibrationNotInForce.class, () -> lab.runs().createRun(run));
        assertEquals("CALIBRATION_MISSING", missing.reason());
        assertEquals(entered.getId(), missing.metadata().get("instrument_id"));

        long now = System.currentTimeMillis(), day = 24 * 3600_000L;
        var certificate = Calibration.newBuilder()
                .setInstrumentId(entered.getId())
                .setCertificateId(unique("CAL"))
                .setProvider("Provider")
                .setIssuedAt(Timestamps.fromMillis(now - day))
                .setExpiresAt(Timestamps.fromMillis(now + day));
        var calibration = lab.calibration()
                .createCalibration(CreateCalibrationRequest.newBuilder().setCalibration(certificate).build())
                .getCalibration();
        var queued = lab.runs().createRun(run).getRun();
        try (Lab pi = Lab.connect(ADDRESS, "pi@demo.lab", "pi123")) {
            pi.calibration().revokeCalibration(RevokeCalibrationRequest.newBuilder()
                    .setId(calibration.getId())
                    .setComment("dropped")
                    .build());
        }
        var start = StartRunRequest.newBuilder().setId(queued.getId()).build();
        var revoked = assertThrows(LabError.CalibrationNotInForce.class, () -> lab.runs().startRun(start));
        assertEquals("CALIBRATION_REVOKED", revoked.reason());
        assertEquals(calibration.getId(), revoked.metadata().get("calibration_id"));
        assertTrue(Instant.parse(revoked.metadata().get("revoked_at")).toEpochMilli() > 0);
    }

    @Test
    void aRequestIdOfTheCallersIsKeptAndEachCallHasItsOwnOtherwise() {
        var sample = sample().setBarcode(unique("B"));
        var identified = CreateSampleRequest.newBuilder()
                .setSample(sample)
                .setRequestId(UUID.randomUUID().toString())
                .build();
        CreateSampleResponse first = lab.samples().createSample(identified);
        assertEquals(first, lab.samples().createSample(identified));
        assertThrows(LabError.AlreadyExists.class, () -> create(lab, sample));
    }

    @Test
    void rowsAreThoseOfAllPagesEachOnce() {
        Lot lot = new Lot(5);
        var seen = new ArrayList<String>();
        lot.rows(lab).forEach(sample -> seen.add(sample.getName()));
        assertEquals(lot.names, seen);
    }

    @Test
    void anAnswerThatIsLostIsAskedForAgainAndDoneOnce() throws Exception {
        try (Lab proxied = Lab.at(PROXY).connect(ENGINEER)) {
            int lost = Hardship.count("lost");
            Hardship.ask("lose");
            Sample sample = create(proxied, sample());
            assertEquals(lost + 1, Hardship.count("lost"));
            var query = ListSamplesRequest.newBuilder().setFilter("name = \"" + sample.getName() + "\"").build();
            assertEquals(List.of(sample), lab.samples().listSamples(query).getSamplesList());
        }
    }

    @Test
    void aCallThatIsNotKnownAgainIsNotSentAgain() throws Exception {
        int lost = Hardship.count("lost");
        Hardship.ask("lose");
        assertThrows(LabError.Unavailable.class, () -> Lab.at(PROXY).connect(ENGINEER));
        assertEquals(lost + 1, Hardship.count("lost"));
    }

    @Test
    void anAccessTokenThatEndsWithinAListIsRenewed() throws Exception {
        Lot lot = new Lot(4);
        Tokens tokens = Hardship.shortened(lab);
        lab.close();
        lab = Lab.at(ADDRESS).connect(tokens);
        var together = new CyclicBarrier(3);
        Callable<List<String>> read = () -> {
            var seen = new ArrayList<String>();
            for (Sample sample : lot.rows(lab)) {
                seen.add(sample.getName());
                if (seen.size() == 1) {
                    Hardship.untilItEnds();
                    together.await();
                }
            }
            return seen;
        };
        var threads = Executors.newFixedThreadPool(3);
        try {
            for (Future<List<String>> seen : threads.invokeAll(List.of(read, read, read))) {
                assertEquals(lot.names, seen.get());
            }
        } finally {
            threads.shutdownNow();
        }
        assertNotEquals(tokens.refreshToken(), lab.tokens().refreshToken());
    }

    @Test
    void anAccessTokenThatIsAboutToEndIsRenewedBeforeItIsUsed() {
        Tokens before = lab.tokens();
        lab.close();
        lab = Lab.at(ADDRESS)
                .connect(new Tokens(before.accessToken(), before.refreshToken(), Instant.now().plusSeconds(1)));
        lab.auth().getCurrentUser(GetCurrentUserRequest.getDefaultInstance());
        assertNotEquals(before.accessToken(), lab.tokens().accessToken());
    }

    @Test
    void anAccessTokenThatEndsWithinOrBeforeAStreamIsRenewed() throws Exception {
        String run = Hardship.ask("measured");
        Function<Lab, Iterator<?>> data =
                of -> of.runs().getRunData(GetRunDataRequest.newBuilder().setRunId(run).build());
        Function<Lab, Iterator<?>> file =
                of -> of.runs().exportRun(ExportRunRequest.newBuilder().setRunId(run).build());
        for (var read : List.of(data, file)) {
            var whole = new ArrayList<>();
            read.apply(lab).forEachRemaining(whole::add);
            again(Hardship.shortened(lab));
            int renewals = Hardship.count("calls/RefreshToken");
            var stream = read.apply(lab);
            var seen = new ArrayList<Object>();
            seen.add(stream.next());
            Hardship.untilItEnds();
            stream.forEachRemaining(seen::add);
            assertEquals(whole.size(), seen.size());
            assertTrue(whole.equals(seen));
            assertEquals(renewals + 1, Hardship.count("calls/RefreshToken"));
        }
        // One that has ended already is renewed before the first message.
        Tokens tokens = Hardship.shortened(lab);
        again(tokens);
        Hardship.untilItEnds();
        data.apply(lab).next();
        assertNotEquals(tokens.refreshToken(), lab.tokens().refreshToken());
    }

    @Test
    void whatIsAwayIsWaitedForAsLongAsItSays() throws Exception {
        String run = Hardship.ask("measured");
        try (Lab edge = Lab.at(EDGE).connect(ENGINEER)) {
            List<Runnable> calls = List.of(
                    () -> create(edge, sample()),
                    () -> edge.samples().listSamples(ListSamplesRequest.getDefaultInstance()),
                    () -> edge.runs().getRunData(GetRunDataRequest.newBuilder().setRunId(run).build()).next());
            for (Runnable call : calls) {
                Hardship.ask("away/0.7");
                // The edge says a second.
                long waited = millis(call);
                assertTrue(waited >= 1_000 && waited < 8_000, waited + " ms");
            }
        }
    }

    @Test
    void aChangeWhoseAnswerDidNotReachTheEdgeIsDoneOnce() throws Exception {
        try (Lab edge = Lab.at(EDGE).connect(ENGINEER)) {
            Hardship.ask("mislay");
            String name = unique("sample");
            assertTrue(millis(() -> create(edge, sample().setName(name))) >= 1_000);
            var query = ListSamplesRequest.newBuilder().setFilter("name = \"" + name + "\"").build();
            assertEquals(1, lab.samples().listSamples(query).getSamplesCount());
        }
    }

    @Test
    void whatIsNotKnownAgainIsNotSentAgainThoughTheLabSaysWhen() throws Exception {
        try (Lab edge = Lab.at(EDGE).connect(ENGINEER)) {
            int calls = Hardship.count("calls/ChangePassword");
            Hardship.ask("mislay");
            var change = ChangePasswordRequest.newBuilder()
                    .setCurrentPassword("wrong")
                    .setNewPassword("a long new one")
                    .build();
            var failed = assertThrows(LabError.Unavailable.class, () -> edge.auth().changePassword(change));
            assertEquals("AUTH_UNREACHABLE", failed.reason());
            assertEquals(Duration.ofSeconds(1), failed.retryDelay().orElseThrow());
            assertEquals(calls + 1, Hardship.count("calls/ChangePassword"));
        }
    }

    @Test
    void aCallWithLittleTimeDoesNotWait() throws Exception {
        try (Lab edge = Lab.at(EDGE).connect(ENGINEER)) {
            Hardship.ask("away/2");
            var hurried = edge.samples().withDeadlineAfter(900, TimeUnit.MILLISECONDS);
            Runnable call = () -> assertThrows(
                    LabError.Unavailable.class, () -> hurried.listSamples(ListSamplesRequest.getDefaultInstance()));
            assertTrue(millis(call) < 900);
            Thread.sleep(2_000);
        }
    }

    @Test
    void aWrongAddressIsToldAtOnce() {
        for (String wrong : List.of("127.0.0.1:3012", "ftp://127.0.0.1", "http://")) {
            assertThrows(IllegalArgumentException.class, () -> Lab.at(wrong), wrong);
        }
        Runnable call = () -> assertThrows(
                LabError.Unavailable.class, () -> Lab.at("http://127.0.0.1:1").connect(ENGINEER));
        assertTrue(millis(call) < 3_000);
    }

    @Test
    void aWatchOfALabThatIsClosedEnds() {
        Lab closed = Lab.at(ADDRESS).connect(lab.tokens());
        var watch = closed.watch(closed.samples()::watchSamples, WatchSamplesRequest.getDefaultInstance());
        watch.next();
        closed.close();
        assertFalse(watch.hasNext());
    }

    @Test
    void aWatchGoesOnWhenItsAccessTokenEndsAndWhenTheLabWasAway() throws Exception {
        Tokens tokens = Hardship.shortened(lab);
        lab.close();
        lab = Lab.at(ADDRESS).retries(30).connect(tokens);
        String lot = unique("LOT");
        var filter = WatchSamplesRequest.newBuilder().setFilter("lot_code = \"" + lot + "\"").build();
        try (var watch = lab.watch(lab.samples()::watchSamples, filter)) {
            // It begins with a sign of life; what was done until then is not told.
            assertFalse(watch.next().hasEvent());
            assertEquals(create(lab, sample().setLotCode(lot)), told(watch));
            Hardship.untilItEnds();
            assertEquals(create(lab, sample().setLotCode(lot)), told(watch));
            assertNotEquals(tokens.accessToken(), lab.tokens().accessToken());
            Hardship.ask("restart");
            assertEquals(create(lab, sample().setLotCode(lot)), told(watch));
        }
    }

    @Test
    void aWatchThatIsClosedEndsTheWaitingForIt() throws Exception {
        var watch = lab.watch(lab.samples()::watchSamples, WatchSamplesRequest.getDefaultInstance());
        assertTrue(watch.hasNext());
        var threads = Executors.newSingleThreadExecutor();
        try {
            var more = threads.submit(() -> {
                while (watch.hasNext()) {
                    watch.next();
                }
                return false;
            });
            watch.close();
            assertFalse(more.get());
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void byTlsWithTheLabsAuthorityAndNotWithout() {
        var tls = Hardship.setting("SPECTRA_TLS");
        try (Lab trusted = Lab.at(tls).authority(Path.of(Hardship.setting("SPECTRA_AUTHORITY"))).connect(ENGINEER)) {
            var user = trusted.auth().getCurrentUser(GetCurrentUserRequest.getDefaultInstance()).getUser();
            assertEquals(ENGINEER.username(), user.getEmail());
        }
        assertThrows(LabError.Unavailable.class, () -> Lab.at(tls).connect(ENGINEER));
    }

    /** Goes on with a session in a client of its own. */
    private static void again(Tokens tokens) {
        lab.close();
        lab = Lab.at(ADDRESS).connect(tokens);
    }

    private static long millis(Runnable call) {
        long begun = System.nanoTime();
        call.run();
        return (System.nanoTime() - begun) / 1_000_000;
    }

    private static Sample told(Watch<WatchSamplesRequest, WatchSamplesResponse> watch) {
        while (true) {
            WatchSamplesResponse message = watch.next();
            if (message.hasEvent()) {
                return message.getEvent().getSample();
            }
        }
    }

    private static Sample.Builder sample() {
        return Sample.newBuilder().setName(unique("sample")).setMaterialType("wafer");
    }

    private static Sample create(Lab lab, Sample.Builder sample) {
        return lab.samples().createSample(CreateSampleRequest.newBuilder().setSample(sample).build()).getSample();
    }

    private static String unique(String what) {
        return what + "-" + UUID.randomUUID();
    }

    /** Samples of a lot of their own. */
    private static final class Lot {
        final String code = unique("LOT");
        final List<String> names = new ArrayList<>();

        Lot(int size) {
            for (int made = 0; made < size; made++) {
                names.add(create(lab, sample().setLotCode(code)).getName());
            }
        }

        Iterable<Sample> rows(Lab lab) {
            var query = ListSamplesRequest.newBuilder()
                    .setFilter("lot_code = \"" + code + "\"")
                    .setPageSize(2)
                    .build();
            return lab.rows(lab.samples()::listSamples, query, ListSamplesResponse::getSamplesList);
        }
    }
}
