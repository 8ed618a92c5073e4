package spectralab

import (
	"context"
	"errors"
	"io"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// conn is what each call passes: typed errors, and another try where that is safe. A session adds the token.
type conn struct {
	wire    *grpc.ClientConn
	session *session
	retries int
}

// Invoke makes a call with one answer.
func (c *conn) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	request = withRequestID(request)
	return c.attempt(ctx, method, request, func(ctx context.Context) error {
		return c.wire.Invoke(ctx, method, request, reply, options...)
	})
}

// NewStream makes a call whose answer comes bit by bit. It is sent with the first look at the answer.
func (c *conn) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if desc.ClientStreams {
		return nil, errors.New("the client does not know methods that are sent a stream")
	}
	open := func(ctx context.Context) (grpc.ClientStream, error) {
		return c.wire.NewStream(ctx, desc, method, options...)
	}
	return &stream{conn: c, ctx: ctx, method: method, open: open}, nil
}

// attempt sends, as often as it takes and is safe.
func (c *conn) attempt(ctx context.Context, method string, request any, send func(context.Context) error) error {
	renewed := false
	for tries := 1; ; {
		token, err := "", error(nil)
		if c.session != nil {
			token, err = c.session.accessToken(ctx)
		}
		if err == nil {
			err = send(withToken(ctx, token))
		}
		if err == nil || errors.Is(err, io.EOF) {
			return err
		}
		failure := asError(err, ctx.Err())
		if failure.Reason == "TOKEN_EXPIRED" && token != "" && !renewed {
			c.session.expired(token)
			renewed = true
			continue
		}
		delay, worthIt := wait(failure, tries, longestRetryWait)
		if !worthIt || tries > c.retries || !isRepeatable(method, request) || !sleep(ctx, delay) {
			return failure
		}
		tries++
	}
}

// stream is the answer to a call that comes bit by bit.
type stream struct {
	conn    *conn
	ctx     context.Context
	method  string
	open    func(context.Context) (grpc.ClientStream, error)
	request any
	// now is the answer, once its first message is there.
	now   grpc.ClientStream
	token string
}

func (s *stream) SendMsg(request any) error {
	s.request = request
	return nil
}

func (s *stream) CloseSend() error         { return nil }
func (s *stream) Context() context.Context { return s.ctx }

func (s *stream) Header() (metadata.MD, error) {
	if s.now == nil {
		return nil, nil
	}
	return s.now.Header()
}

func (s *stream) Trailer() metadata.MD {
	if s.now == nil {
		return nil
	}
	return s.now.Trailer()
}

func (s *stream) RecvMsg(message any) error {
	if s.now == nil {
		return s.conn.attempt(s.ctx, s.method, s.request, func(ctx context.Context) error { return s.begin(ctx, message) })
	}
	err := s.now.RecvMsg(message)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	failure := asError(err, s.ctx.Err())
	if failure.Reason == "TOKEN_EXPIRED" {
		s.conn.session.expired(s.token)
	}
	return failure
}

// begin sends the request and takes the first message.
func (s *stream) begin(ctx context.Context, message any) error {
	now, err := s.open(ctx)
	if err != nil {
		return err
	}
	// An error here is told, better, by RecvMsg.
	if now.SendMsg(s.request) == nil {
		_ = now.CloseSend()
	}
	if err := now.RecvMsg(message); err != nil {
		return err
	}
	s.now, s.token = now, tokenOf(ctx)
	return nil
}

type tokenKey struct{}

func withToken(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	ctx = context.WithValue(ctx, tokenKey{}, token)
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

func tokenOf(ctx context.Context) string {
	token, _ := ctx.Value(tokenKey{}).(string)
	return token
}

// withRequestID gives the request a request_id, so that each try is known as the same; one that the caller gave is kept.
func withRequestID(request any) any {
	field := requestID(request)
	message := request.(proto.Message)
	if field == nil || message.ProtoReflect().Has(field) {
		return request
	}
	message = proto.Clone(message)
	message.ProtoReflect().Set(field, protoreflect.ValueOfString(uuid.NewString()))
	return message
}
