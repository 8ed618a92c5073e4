package spectralab

import (
	"testing"
	"time"

	authv1 "spectra-lab/spectralab/gen/auth/v1"
	samplesv1 "spectra-lab/spectralab/gen/samples/v1"
)

func TestWhatMayBeSentAgain(t *testing.T) {
	for _, each := range []struct {
		method  string
		request any
		may     bool
	}{
		{samplesv1.SamplesService_GetSample_FullMethodName, &samplesv1.GetSampleRequest{}, true},
		{samplesv1.SamplesService_CreateSample_FullMethodName, &samplesv1.CreateSampleRequest{}, true},
		{authv1.AuthService_RefreshToken_FullMethodName, &authv1.RefreshTokenRequest{}, true},
		{authv1.AuthService_Login_FullMethodName, &authv1.LoginRequest{}, false},
		{authv1.AuthService_ChangePassword_FullMethodName, &authv1.ChangePasswordRequest{}, false},
	} {
		if isRepeatable(each.method, each.request) != each.may {
			t.Error(each.method)
		}
	}
}

func TestHowLongToWait(t *testing.T) {
	for _, each := range []struct {
		failure Error
		tries   int
		from    time.Duration
		to      time.Duration
	}{
		{Error{Kind: Unavailable}, 1, 50 * time.Millisecond, 100 * time.Millisecond},
		{Error{Kind: Unavailable}, 3, 200 * time.Millisecond, 400 * time.Millisecond},
		{Error{Kind: Unavailable}, 99, time.Second, 2 * time.Second},
		{Error{Kind: LimitReached, RetryDelay: time.Second}, 1, time.Second, 1200 * time.Millisecond},
	} {
		delay, worthIt := wait(&each.failure, each.tries, longestRetryWait)
		if !worthIt || delay < each.from || delay > each.to {
			t.Error(each, delay, worthIt)
		}
	}
	for _, failure := range []Error{{Kind: NotFound}, {Kind: LimitReached, RetryDelay: time.Minute}} {
		if _, worthIt := wait(&failure, 1, longestRetryWait); worthIt {
			t.Error(failure)
		}
	}
}
