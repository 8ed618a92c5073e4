package spectralab

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"google.golang.org/grpc"

	authv1 "spectra-lab/spectralab/gen/auth/v1"
)

// A token that ends sooner than this is renewed before it is used.
const margin = 30 * time.Second

// Tokens are those of a session that was signed in before: what Lab.Tokens gave.
type Tokens struct {
	AccessToken, RefreshToken string
	// ExpiresAt is when the access token ends.
	ExpiresAt time.Time
}

// session has the tokens of one session, renewed in time and once for all calls that wait for it.
type session struct {
	auth    authv1.AuthServiceClient
	renewal singleflight.Group

	lock sync.Mutex
	now  Tokens
}

// newSession signs in, unless there are tokens. The connection sends calls as they are: without a token.
func newSession(ctx context.Context, wire grpc.ClientConnInterface, options Options) (*session, error) {
	s := &session{auth: authv1.NewAuthServiceClient(wire)}
	if options.Tokens != nil {
		s.now = *options.Tokens
		return s, nil
	}
	pair, err := s.auth.Login(ctx, &authv1.LoginRequest{
		Username: options.Username, Password: options.Password, Otp: options.OTP,
	})
	if err != nil {
		return nil, err
	}
	s.set(pair)
	return s, nil
}

func (s *session) tokens() Tokens {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.now
}

// accessToken is one that is good for a while.
func (s *session) accessToken(ctx context.Context) (string, error) {
	if now := s.tokens(); now.last() {
		return now.AccessToken, nil
	}
	// Whoever gives up now does not lose the pair for everybody: the old one is spent.
	renewal := s.renewal.DoChan("", func() (any, error) { return s.renew(context.WithoutCancel(ctx)) })
	select {
	case renewed := <-renewal:
		token, _ := renewed.Val.(string)
		return token, renewed.Err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (s *session) renew(ctx context.Context) (string, error) {
	now := s.tokens()
	// Somebody else did meanwhile.
	if now.last() {
		return now.AccessToken, nil
	}
	pair, err := s.auth.RefreshToken(ctx, &authv1.RefreshTokenRequest{RefreshToken: now.RefreshToken})
	if err != nil {
		// Auth is away for a moment, and the token still good: go on with it.
		if errors.Is(err, Unavailable) && time.Now().Before(now.ExpiresAt) {
			return now.AccessToken, nil
		}
		return "", err
	}
	s.set(pair)
	return pair.GetAccessToken(), nil
}

// last says whether the access token is good for a while.
func (tokens Tokens) last() bool { return time.Until(tokens.ExpiresAt) >= margin }

// expired notes that the lab did not accept this one any more.
func (s *session) expired(accessToken string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.now.AccessToken == accessToken {
		s.now.ExpiresAt = time.Time{}
	}
}

func (s *session) set(pair interface {
	GetAccessToken() string
	GetRefreshToken() string
	GetExpiresIn() int32
}) {
	s.lock.Lock()
	defer s.lock.Unlock()
	expiresAt := time.Now().Add(time.Duration(pair.GetExpiresIn()) * time.Second)
	s.now = Tokens{pair.GetAccessToken(), pair.GetRefreshToken(), expiresAt}
}
