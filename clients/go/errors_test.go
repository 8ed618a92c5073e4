package spectralab

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	authv1 "spectra-lab/spectralab/gen/auth/v1"
	commonv1 "spectra-lab/spectralab/gen/common/v1"
)

func TestWhoeverGivesUpIsToldSo(t *testing.T) {
	ctx, end := context.WithTimeout(context.Background(), time.Millisecond)
	defer end()
	// Nobody is there.
	lab, err := Connect(context.Background(), "http://127.0.0.1:1", Options{Tokens: &Tokens{}})
	if err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	_, err = lab.Auth.GetCurrentUser(ctx, &authv1.GetCurrentUserRequest{})
	if !errors.Is(err, DeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestEachReasonOfTheContractHasAKind(t *testing.T) {
	reasons := map[string]bool{}
	for number, name := range commonv1.ErrorReason_name {
		if number == 0 {
			continue
		}
		reason := strings.TrimPrefix(name, "ERROR_REASON_")
		reasons[reason] = true
		if kinds[reason] == "" {
			t.Error("no kind for", reason)
		}
	}
	for reason := range kinds {
		if !reasons[reason] {
			t.Error("the contract does not have", reason)
		}
	}
}
