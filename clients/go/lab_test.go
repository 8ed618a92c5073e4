package spectralab_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"spectra-lab/spectralab"
	authv1 "spectra-lab/spectralab/gen/auth/v1"
	calibrationv1 "spectra-lab/spectralab/gen/calibration/v1"
	runsv1 "spectra-lab/spectralab/gen/runs/v1"
	samplesv1 "spectra-lab/spectralab/gen/samples/v1"
)

func TestRefusalsHaveAKindAReasonAndWhatTheyAreAbout(t *testing.T) {
	wrong := engineer()
	wrong.Password = "wrong"
	_, err := spectralab.Connect(t.Context(), setting(t, "SPECTRA_LAB"), wrong)
	failure := refused(t, err, spectralab.NotSignedIn)
	equal(t, failure.Reason, "CREDENTIALS_INVALID")
	equal(t, failure.RequestID != "", true)
	equal(t, errors.Is(err, spectralab.PermissionDenied), false)

	lab := connect(t, "SPECTRA_LAB", engineer())
	_, err = lab.Samples.CreateSample(t.Context(), &samplesv1.CreateSampleRequest{
		Sample: &samplesv1.Sample{Name: unique("sample"), MaterialType: "wafer", Barcode: "with a space"},
	})
	equal(t, refused(t, err, spectralab.InvalidRequest).Violations[0].Field, "sample.barcode")
}

func TestEachRefusalOfTheLockoutHasItsReasonAndWhatItIsAbout(t *testing.T) {
	ctx := t.Context()
	lab := connect(t, "SPECTRA_LAB", engineer())
	hall, err := lab.Instruments.ListInstruments(ctx, &calibrationv1.ListInstrumentsRequest{
		Filter: `asset_code = "LS-8404-01"`,
	})
	ok(t, err)
	entered, err := lab.Instruments.CreateInstrument(ctx, &calibrationv1.CreateInstrumentRequest{
		Instrument: &calibrationv1.Instrument{
			AssetCode: unique("A"), Manufacturer: "Maker", Model: "One", Methods: []string{"hall_vdp"},
			Capabilities: hall.GetInstruments()[0].GetCapabilities(),
		},
	})
	ok(t, err)
	instrument, sample := entered.GetInstrument().GetId(), create(ctx, t, lab, "").GetId()
	run := &runsv1.CreateRunRequest{Run: &runsv1.Run{InstrumentId: instrument, SampleId: sample, Method: "hall_vdp"}}
	_, err = lab.Runs.CreateRun(ctx, run)
	failure := refused(t, err, spectralab.CalibrationNotInForce)
	equal(t, failure.Reason, "CALIBRATION_MISSING")
	equal(t, failure.Metadata["instrument_id"], instrument)

	now := time.Now()
	certificate, err := lab.Calibration.CreateCalibration(ctx, &calibrationv1.CreateCalibrationRequest{
		Calibration: &calibrationv1.Calibration{
			InstrumentId: instrument, CertificateId: unique("CAL"), Provider: "Provider",
			IssuedAt: timestamppb.New(now.AddDate(0, 0, -1)), ExpiresAt: timestamppb.New(now.AddDate(0, 0, 1)),
		},
	})
	ok(t, err)
	queued, err := lab.Runs.CreateRun(ctx, run)
	ok(t, err)
	pi := connect(t, "SPECTRA_LAB", spectralab.Options{Username: "pi@demo.lab", Password: "pi123"})
	_, err = pi.Calibration.RevokeCalibration(ctx, &calibrationv1.RevokeCalibrationRequest{
		Id: certificate.GetCalibration().GetId(), Comment: "dropped",
	})
	ok(t, err)
	_, err = lab.Runs.StartRun(ctx, &runsv1.StartRunRequest{Id: queued.GetRun().GetId()})
	failure = refused(t, err, spectralab.CalibrationNotInForce)
	equal(t, failure.Reason, "CALIBRATION_REVOKED")
	equal(t, failure.Metadata["calibration_id"], certificate.GetCalibration().GetId())
	_, err = time.Parse(time.RFC3339, failure.Metadata["revoked_at"])
	ok(t, err)
}

func TestTooManyAttemptsAreToldWhenToComeAgain(t *testing.T) {
	nobody := spectralab.Options{Username: unique("nobody") + "@demo.lab", Password: "wrong"}
	var err error
	for range 20 {
		if _, err = spectralab.Connect(t.Context(), setting(t, "SPECTRA_LAB"), nobody); !errors.Is(err, spectralab.NotSignedIn) {
			break
		}
	}
	equal(t, refused(t, err, spectralab.LimitReached).RetryDelay > 0, true)
}

func TestARequestIDOfTheCallerIsKeptAndEachCallHasItsOwnOtherwise(t *testing.T) {
	lab := connect(t, "SPECTRA_LAB", engineer())
	sample := &samplesv1.Sample{Name: unique("sample"), MaterialType: "wafer", Barcode: unique("B")}
	request := &samplesv1.CreateSampleRequest{Sample: sample, RequestId: uuid.NewString()}
	first, err := lab.Samples.CreateSample(t.Context(), request)
	ok(t, err)
	again, err := lab.Samples.CreateSample(t.Context(), request)
	ok(t, err)
	equal(t, proto.Equal(first, again), true)
	_, err = lab.Samples.CreateSample(t.Context(), &samplesv1.CreateSampleRequest{Sample: sample})
	refused(t, err, spectralab.AlreadyExists)
}

func TestRowsAreThoseOfAllPagesEachOnce(t *testing.T) {
	lab := connect(t, "SPECTRA_LAB", engineer())
	lot, names := newLot(t, lab, 5)
	seen := read(t, lab, lot, func() {})
	equal(t, slices.Equal(seen, names), true)
}

func TestALostAnswerIsAskedForAgainAndWhatWasAskedIsDoneOnce(t *testing.T) {
	lab := connect(t, "SPECTRA_PROXY", engineer())
	lost := number(t, "lost")
	hardship(t, "lose")
	sample := create(t.Context(), t, lab, "")
	equal(t, number(t, "lost"), lost+1)
	filter := `name = "` + sample.GetName() + `"`
	list, err := lab.Samples.ListSamples(t.Context(), &samplesv1.ListSamplesRequest{Filter: filter})
	ok(t, err)
	equal(t, len(list.GetSamples()), 1)
	equal(t, list.GetSamples()[0].GetId(), sample.GetId())
}

func TestACallThatIsNotKnownAgainIsNotSentAgain(t *testing.T) {
	hardship(t, "lose")
	_, err := spectralab.Connect(t.Context(), setting(t, "SPECTRA_PROXY"), engineer())
	refused(t, err, spectralab.Unavailable)
}

func TestAnAccessTokenThatEndsWithinAListIsRenewedOnceForAll(t *testing.T) {
	first := connect(t, "SPECTRA_LAB", engineer())
	lot, names := newLot(t, first, 4)
	tokens, ends := shortened(t, first)
	lab := connect(t, "SPECTRA_LAB", spectralab.Options{Tokens: tokens})
	ended := make(chan struct{})
	go func() { <-ends; close(ended) }()
	renewals := number(t, "calls/RefreshToken")
	var readers sync.WaitGroup
	for range 3 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			if seen := read(t, lab, lot, func() { <-ended }); !slices.Equal(seen, names) {
				t.Error("got ", seen, ", wanted ", names)
			}
		}()
	}
	readers.Wait()
	equal(t, number(t, "calls/RefreshToken"), renewals+1)
}

func TestAnAccessTokenThatIsAboutToEndIsRenewedBeforeItIsUsed(t *testing.T) {
	tokens := connect(t, "SPECTRA_LAB", engineer()).Tokens()
	tokens.ExpiresAt = time.Now().Add(time.Second)
	lab := connect(t, "SPECTRA_LAB", spectralab.Options{Tokens: &tokens})
	_, err := lab.Auth.GetCurrentUser(t.Context(), &authv1.GetCurrentUserRequest{})
	ok(t, err)
	equal(t, lab.Tokens().AccessToken != tokens.AccessToken, true)
}

func TestAnAccessTokenThatEndsWithinOrBeforeAStreamIsRenewed(t *testing.T) {
	run := hardship(t, "measured")
	first := connect(t, "SPECTRA_LAB", engineer())
	data := func(lab *spectralab.Lab) string {
		stream, err := lab.Runs.GetRunData(t.Context(), &runsv1.GetRunDataRequest{RunId: run})
		ok(t, err)
		return drain(t, stream, func(told *runsv1.GetRunDataResponse) string { return told.GetChunk().GetSha256() })
	}
	file := func(lab *spectralab.Lab) string {
		stream, err := lab.Runs.ExportRun(t.Context(), &runsv1.ExportRunRequest{RunId: run})
		ok(t, err)
		return drain(t, stream, func(told *runsv1.ExportRunResponse) string { return string(told.GetContent()) })
	}
	for _, read := range []func(*spectralab.Lab) string{data, file} {
		whole := read(first)
		tokens, ends := shortened(t, first)
		lab := connect(t, "SPECTRA_LAB", spectralab.Options{Tokens: tokens})
		pause = func() { <-ends }
		renewals := number(t, "calls/RefreshToken")
		equal(t, read(lab) == whole, true)
		equal(t, number(t, "calls/RefreshToken"), renewals+1)
		first = lab
	}
	// One that has ended already is renewed before the first message.
	tokens, ends := shortened(t, first)
	<-ends
	lab := connect(t, "SPECTRA_LAB", spectralab.Options{Tokens: tokens})
	stream, err := lab.Runs.GetRunData(t.Context(), &runsv1.GetRunDataRequest{RunId: run})
	ok(t, err)
	_, err = stream.Recv()
	ok(t, err)
	equal(t, lab.Tokens().RefreshToken != tokens.RefreshToken, true)
}

func TestWhatIsAwayIsWaitedForAsLongAsItSays(t *testing.T) {
	lab := connect(t, "SPECTRA_EDGE", engineer())
	run := hardship(t, "measured")
	for _, call := range []func(){
		func() { create(t.Context(), t, lab, "") },
		func() {
			_, err := lab.Samples.ListSamples(t.Context(), &samplesv1.ListSamplesRequest{})
			ok(t, err)
		},
		func() {
			stream, err := lab.Runs.GetRunData(t.Context(), &runsv1.GetRunDataRequest{RunId: run})
			ok(t, err)
			_, err = stream.Recv()
			ok(t, err)
		},
	} {
		hardship(t, "away/0.7")
		begun := time.Now()
		call()
		// The edge says a second.
		equal(t, time.Since(begun) >= time.Second && time.Since(begun) < 8*time.Second, true)
	}
}

func TestAChangeWhoseAnswerDidNotReachTheEdgeIsDoneOnce(t *testing.T) {
	lab := connect(t, "SPECTRA_EDGE", engineer())
	hardship(t, "mislay")
	begun := time.Now()
	sample := create(t.Context(), t, lab, "")
	equal(t, time.Since(begun) >= time.Second, true)
	filter := `name = "` + sample.GetName() + `"`
	list, err := lab.Samples.ListSamples(t.Context(), &samplesv1.ListSamplesRequest{Filter: filter})
	ok(t, err)
	equal(t, len(list.GetSamples()), 1)
	equal(t, list.GetSamples()[0].GetId(), sample.GetId())
}

func TestWhatIsNotKnownAgainIsNotSentAgainThoughTheLabSaysWhen(t *testing.T) {
	lab := connect(t, "SPECTRA_EDGE", engineer())
	calls := number(t, "calls/ChangePassword")
	hardship(t, "mislay")
	_, err := lab.Auth.ChangePassword(t.Context(), &authv1.ChangePasswordRequest{
		CurrentPassword: "wrong", NewPassword: "a long new one",
	})
	failure := refused(t, err, spectralab.Unavailable)
	equal(t, failure.Reason, "AUTH_UNREACHABLE")
	equal(t, failure.RetryDelay, time.Second)
	equal(t, number(t, "calls/ChangePassword"), calls+1)
}

func TestACallWithLittleTimeDoesNotWait(t *testing.T) {
	lab := connect(t, "SPECTRA_EDGE", engineer())
	hardship(t, "away/2")
	ctx, end := context.WithTimeout(t.Context(), 900*time.Millisecond)
	defer end()
	begun := time.Now()
	_, err := lab.Samples.ListSamples(ctx, &samplesv1.ListSamplesRequest{})
	refused(t, err, spectralab.Unavailable)
	equal(t, time.Since(begun) < 900*time.Millisecond, true)
	time.Sleep(2 * time.Second)
}

func TestAWrongAddressIsToldAtOnce(t *testing.T) {
	for _, wrong := range []string{"127.0.0.1:3012", "ftp://127.0.0.1", "http://"} {
		if _, err := spectralab.Connect(t.Context(), wrong, engineer()); err == nil {
			t.Error(wrong)
		}
	}
	begun := time.Now()
	_, err := spectralab.Connect(t.Context(), "http://127.0.0.1:1", engineer())
	refused(t, err, spectralab.Unavailable)
	equal(t, time.Since(begun) < 3*time.Second, true)
}

func TestAWatchOfALabThatIsClosedEnds(t *testing.T) {
	lab := connect(t, "SPECTRA_LAB", engineer())
	begun := false
	for _, err := range spectralab.Watch(t.Context(), lab.Samples.WatchSamples, &samplesv1.WatchSamplesRequest{}) {
		ok(t, err)
		if !begun {
			ok(t, lab.Close())
		}
		begun = true
	}
	equal(t, begun, true)
}

func TestAWatchGoesOnWhenItsTokenEndsAndWhenTheLabWasAway(t *testing.T) {
	ctx, end := context.WithTimeout(t.Context(), 30*time.Second)
	defer end()
	tokens, ends := shortened(t, connect(t, "SPECTRA_LAB", engineer()))
	lab := connect(t, "SPECTRA_LAB", spectralab.Options{Tokens: tokens, Retries: 30})
	lot := unique("LOT")
	request := &samplesv1.WatchSamplesRequest{Filter: `lot_code = "` + lot + `"`}
	next, stop := iter.Pull2(spectralab.Watch(ctx, lab.Samples.WatchSamples, request))
	defer stop()

	// It begins with a sign of life; what was done until then is not told.
	begun, err, _ := next()
	ok(t, err)
	equal(t, begun.GetEvent() == nil, true)
	told := func() string {
		for {
			message, err, more := next()
			ok(t, err)
			equal(t, more, true)
			if message.GetEvent() != nil {
				return message.GetEvent().GetSample().GetName()
			}
		}
	}
	done := func() string { return create(ctx, t, lab, lot).GetName() }
	equal(t, done(), told())
	<-ends
	equal(t, done(), told())
	equal(t, lab.Tokens().AccessToken != tokens.AccessToken, true)
	hardship(t, "restart")
	equal(t, done(), told())
}

func TestTLSWithTheLabsAuthorityAndNotWithout(t *testing.T) {
	options := engineer()
	options.Retries = -1
	_, err := spectralab.Connect(t.Context(), setting(t, "SPECTRA_TLS"), options)
	refused(t, err, spectralab.Unavailable)
	options.Authority, err = os.ReadFile(setting(t, "SPECTRA_AUTHORITY"))
	ok(t, err)
	lab := connect(t, "SPECTRA_TLS", options)
	ok(t, lab.SignOut(t.Context()))
}

// pause is what a stream is left waiting for after its first message.
var pause = func() {}

// drain reads a stream to its end.
func drain[Message any](
	t *testing.T, stream grpc.ServerStreamingClient[Message], text func(*Message) string,
) string {
	t.Helper()
	var all strings.Builder
	for count := 0; ; count++ {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return all.String()
		}
		ok(t, err)
		all.WriteString(text(message))
		if count == 0 {
			pause()
			pause = func() {}
		}
	}
}

// newLot makes some samples of one lot.
func newLot(t *testing.T, lab *spectralab.Lab, size int) (lot string, names []string) {
	t.Helper()
	lot = unique("LOT")
	for range size {
		names = append(names, create(t.Context(), t, lab, lot).GetName())
	}
	return lot, names
}

// read lists the names of a lot in pages of two, with a pause after the first.
func read(t *testing.T, lab *spectralab.Lab, lot string, pause func()) (names []string) {
	request := &samplesv1.ListSamplesRequest{Filter: `lot_code = "` + lot + `"`, PageSize: 2}
	rows := spectralab.Rows(t.Context(), lab.Samples.ListSamples, request, (*samplesv1.ListSamplesResponse).GetSamples)
	for sample, err := range rows {
		if err != nil {
			t.Error(err)
			return nil
		}
		if names = append(names, sample.GetName()); len(names) == 1 {
			pause()
		}
	}
	return names
}

func refused(t *testing.T, err error, kind spectralab.Kind) *spectralab.Error {
	t.Helper()
	var failure *spectralab.Error
	if !errors.As(err, &failure) || !errors.Is(err, kind) {
		t.Fatalf("got %v, wanted %s", err, kind)
	}
	return failure
}
