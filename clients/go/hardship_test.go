package spectralab_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"spectra-lab/spectralab"
	samplesv1 "spectra-lab/spectralab/gen/samples/v1"
)

// setting is what test.sh tells.
func setting(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatal(name, "is not set: start test.sh")
	}
	return value
}

// hardship asks ../hardship.py for something.
func hardship(t *testing.T, what string) string {
	t.Helper()
	answer, err := http.Get(setting(t, "SPECTRA_HARDSHIP") + "/" + what)
	ok(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ok(t, err)
	if answer.StatusCode != http.StatusOK {
		t.Fatal("hardship.py does not know ", what)
	}
	return string(body)
}

// number is what ../hardship.py has counted.
func number(t *testing.T, what string) int {
	t.Helper()
	count, err := strconv.Atoi(hardship(t, what))
	ok(t, err)
	return count
}

// shortened is a session with an access token that ends within 2 s, which the client does not know; and when it has ended.
func shortened(t *testing.T, lab *spectralab.Lab) (*spectralab.Tokens, <-chan time.Time) {
	t.Helper()
	tokens := lab.Tokens()
	tokens.AccessToken = hardship(t, "shorten/"+tokens.AccessToken)
	return &tokens, time.After(3500 * time.Millisecond)
}

func engineer() spectralab.Options {
	return spectralab.Options{Username: "engineer@demo.lab", Password: "eng123"}
}

func connect(t *testing.T, where string, options spectralab.Options) *spectralab.Lab {
	t.Helper()
	lab, err := spectralab.Connect(t.Context(), setting(t, where), options)
	ok(t, err)
	// The context of the test ends before this.
	t.Cleanup(func() { _ = lab.Close() })
	return lab
}

func create(ctx context.Context, t *testing.T, lab *spectralab.Lab, lot string) *samplesv1.Sample {
	t.Helper()
	sample := &samplesv1.Sample{Name: unique("sample"), MaterialType: "wafer", LotCode: lot}
	made, err := lab.Samples.CreateSample(ctx, &samplesv1.CreateSampleRequest{Sample: sample})
	ok(t, err)
	return made.GetSample()
}

var count atomic.Int64

func unique(what string) string {
	return fmt.Sprintf("%s-%d-%d", what, time.Now().UnixNano(), count.Add(1))
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, got, wanted T) {
	t.Helper()
	if got != wanted {
		t.Fatalf("got %v, wanted %v", got, wanted)
	}
}
