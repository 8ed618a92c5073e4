// Package spectralab is the client of SPECTRA-Lab.
package spectralab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	authv1 "spectra-lab/spectralab/gen/auth/v1"
	calibrationv1 "spectra-lab/spectralab/gen/calibration/v1"
	runsv1 "spectra-lab/spectralab/gen/runs/v1"
	samplesv1 "spectra-lab/spectralab/gen/samples/v1"
)

// Options say who signs in, and how calls are made.
type Options struct {
	Username, Password string
	// OTP is a one-time code, where a second factor is set up.
	OTP string
	// Tokens are those of a session to go on with, in place of a name and a password.
	Tokens *Tokens
	// Authority is the PEM of the authority that the lab's certificate comes from; the system's authorities unless said.
	Authority []byte
	// Retries is how often a call that may be repeated is sent again: 5 unless said, negative for never.
	Retries int
}

// Lab is a lab in which one person is signed in.
type Lab struct {
	Auth          authv1.AuthServiceClient
	Users         authv1.UsersServiceClient
	Organizations authv1.OrganizationsServiceClient
	Audit         authv1.AuditServiceClient
	Samples       samplesv1.SamplesServiceClient
	Projects      samplesv1.ProjectsServiceClient
	Instruments   calibrationv1.InstrumentsServiceClient
	Calibration   calibrationv1.CalibrationServiceClient
	Runs          runsv1.RunsServiceClient
	Recipes       runsv1.RecipesServiceClient
	Methods       runsv1.MethodsServiceClient

	wire    *grpc.ClientConn
	session *session
}

// Connect signs in at a lab: http://host:port, or https://host:port for TLS.
func Connect(ctx context.Context, address string, options Options) (*Lab, error) {
	if options.Retries == 0 {
		options.Retries = 5
	}
	wire, err := dial(address, options.Authority)
	if err != nil {
		return nil, err
	}
	session, err := newSession(ctx, &conn{wire: wire, retries: options.Retries}, options)
	if err != nil {
		return nil, errors.Join(err, wire.Close())
	}
	calls := &conn{wire: wire, retries: options.Retries, session: session}
	return &Lab{
		Auth:          authv1.NewAuthServiceClient(calls),
		Users:         authv1.NewUsersServiceClient(calls),
		Organizations: authv1.NewOrganizationsServiceClient(calls),
		Audit:         authv1.NewAuditServiceClient(calls),
		Samples:       samplesv1.NewSamplesServiceClient(calls),
		Projects:      samplesv1.NewProjectsServiceClient(calls),
		Instruments:   calibrationv1.NewInstrumentsServiceClient(calls),
		Calibration:   calibrationv1.NewCalibrationServiceClient(calls),
		Runs:          runsv1.NewRunsServiceClient(calls),
		Recipes:       runsv1.NewRecipesServiceClient(calls),
		Methods:       runsv1.NewMethodsServiceClient(calls),
		wire:          wire,
		session:       session,
	}, nil
}

// Tokens are for going on with this session in another process. They change whenever the access token is renewed.
func (lab *Lab) Tokens() Tokens { return lab.session.tokens() }

// SignOut ends the session, and the connection.
func (lab *Lab) SignOut(ctx context.Context) error {
	_, err := lab.Auth.Logout(ctx, &authv1.LogoutRequest{})
	// The answer to a first try was lost: it was done.
	if refusal := ErrorOf(err); refusal != nil && refusal.Reason == "TOKEN_REVOKED" {
		err = nil
	}
	return errors.Join(err, lab.Close())
}

// Close ends the connection; the session goes on.
func (lab *Lab) Close() error { return lab.wire.Close() }

func dial(address string, authority []byte) (*grpc.ClientConn, error) {
	at, err := url.Parse(address)
	if err != nil || at.Host == "" || (at.Scheme != "http" && at.Scheme != "https") {
		return nil, fmt.Errorf("http://host:port or https://host:port, not %q", address)
	}
	transport := insecure.NewCredentials()
	if at.Scheme == "https" {
		settings := &tls.Config{MinVersion: tls.VersionTLS12}
		if authority != nil {
			settings.RootCAs = x509.NewCertPool()
			if !settings.RootCAs.AppendCertsFromPEM(authority) {
				return nil, errors.New("the authority has no certificate in PEM")
			}
		}
		transport = credentials.NewTLS(settings)
	}
	// A connection that no longer answers is given up.
	alive := keepalive.ClientParameters{Time: 20 * time.Second}
	// And one that is wanted is tried for again soon.
	again := grpc.ConnectParams{MinConnectTimeout: 10 * time.Second, Backoff: backoff.Config{
		BaseDelay: firstWait, Multiplier: 2, Jitter: 0.2, MaxDelay: longestReconnectWait,
	}}
	return grpc.NewClient(at.Host, grpc.WithTransportCredentials(transport), grpc.WithKeepaliveParams(alive),
		grpc.WithConnectParams(again))
}
