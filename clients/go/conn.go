package spectralab

import (
	"context"
	"errors"
	"io"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	runsv1 "spectra-lab/spectralab/gen/runs/v1"
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

// attempt sends, as often as it takes, is safe, and can be waited for.
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
		if err == nil || errors.Is(err, io.EOF) || errors.Is(err, errChanged) {
			return err
		}
		failure := c.failure(ctx, err)
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

// errClosed is why calls of a lab that was closed end.
var errClosed = errors.New("the lab is closed")

// failure is the typed error for what a call returned.
func (c *conn) failure(ctx context.Context, err error) *Error {
	if c.wire.GetState() == connectivity.Shutdown {
		return &Error{status: status.New(codes.Canceled, errClosed.Error()), cause: errClosed}
	}
	return asError(err, ctx.Err())
}

// errChanged: what a stream told before is not what it tells now.
var errChanged = errors.New("the answer is another one than before")

// stream is the answer to a call that comes bit by bit. Where the call only reads, it is made again, for the rest, when the
// answer breaks off.
type stream struct {
	conn    *conn
	ctx     context.Context
	method  string
	open    func(context.Context) (grpc.ClientStream, error)
	request any
	// now is the answer, once its first message is there.
	now   grpc.ClientStream
	end   context.CancelFunc
	token string
	// first is what it told first, and again how many messages of an answer that is begun again were told already.
	first proto.Message
	again int
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
		return s.resume(message, nil)
	}
	err := s.now.RecvMsg(message)
	if err == nil {
		s.told(message)
		return nil
	}
	s.end()
	if errors.Is(err, io.EOF) {
		return err
	}
	failure := s.conn.failure(s.ctx, err)
	if !s.recover(failure) {
		return failure
	}
	return s.resume(message, failure)
}

// resume makes the call and takes its next message; `broke` is why the one before ended.
func (s *stream) resume(message any, broke *Error) error {
	err := s.conn.attempt(s.ctx, s.method, s.request, func(ctx context.Context) error { return s.begin(ctx, message) })
	if errors.Is(err, errChanged) {
		return broke
	}
	if err == nil {
		s.told(message)
	}
	return err
}

// recover says whether the rest is to be asked for, after a while that it waits.
func (s *stream) recover(failure *Error) bool {
	again := isRepeatable(s.method, s.request)
	if failure.Reason == "TOKEN_EXPIRED" && s.token != "" {
		s.conn.session.expired(s.token)
		return again
	}
	delay, worthIt := wait(failure, 1, longestRetryWait)
	return worthIt && again && s.conn.retries > 0 && sleep(s.ctx, delay)
}

// begin sends the request and takes the first message that was not told before.
func (s *stream) begin(ctx context.Context, message any) error {
	ctx, end := context.WithCancel(ctx)
	begun := false
	defer func() {
		if !begun {
			end()
		}
	}()
	now, err := s.open(ctx)
	if err != nil {
		return err
	}
	// An error here is told, better, by RecvMsg.
	if now.SendMsg(s.request) == nil {
		_ = now.CloseSend()
	}
	for place := range s.again + 1 {
		if err := now.RecvMsg(message); err != nil {
			return err
		}
		// Its first message says what an answer is.
		if place == 0 && s.again > 0 && !proto.Equal(message.(proto.Message), s.first) {
			return errChanged
		}
	}
	begun, s.now, s.end, s.token = true, now, end, tokenOf(ctx)
	return nil
}

// told notes a message, and what to ask for behind it.
func (s *stream) told(message any) {
	if data, isData := message.(*runsv1.GetRunDataResponse); isData {
		rest := proto.CloneOf(s.request.(*runsv1.GetRunDataRequest))
		rest.FromSeq = data.GetChunk().GetSeq() + 1
		s.request = rest
		return
	}
	if s.again == 0 {
		s.first = proto.Clone(message.(proto.Message))
	}
	s.again++
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
