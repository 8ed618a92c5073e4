package spectralab

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Longest wait between two tries to connect.
const longestReconnectWait = 5 * time.Second

// Watch gives the messages of a watch for as long as the caller listens, signs of life among them: the first says that it
// has begun. When the connection breaks or the access token ends, it goes on where it was. Events come at least once and
// in order. It ends with the first error that another try does not help, and without one when the context
// does, or the lab is closed.
func Watch[Request proto.Message, Message any](
	ctx context.Context,
	method func(context.Context, Request, ...grpc.CallOption) (grpc.ServerStreamingClient[Message], error),
	request Request,
	options ...grpc.CallOption,
) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		next := proto.CloneOf(request)
		// A token that ended is another one at the next try, however many failed before; twice in a row, it is no use.
		expired := false
		for tries := 1; ; tries++ {
			err := listen(ctx, method, next, options, func(message *Message) bool {
				tries, expired = 1, false
				if at, resumable := any(message).(interface{ GetResumeToken() string }); resumable {
					set(next, "resume_token", at.GetResumeToken())
				}
				return yield(message, nil)
			})
			if err == nil || ctx.Err() != nil || errors.Is(err, errClosed) {
				return
			}
			failure := asError(err, nil)
			delay, worthIt := wait(failure, tries, longestReconnectWait)
			expired = failure.Reason == "TOKEN_EXPIRED" && !expired
			if expired {
				delay, worthIt = 0, true
			}
			if !worthIt {
				yield(nil, failure)
				return
			}
			if !sleep(ctx, delay) {
				return
			}
		}
	}
}

// listen takes messages until the stream ends, with its error, or the caller has enough, without one.
func listen[Request proto.Message, Message any](
	ctx context.Context,
	method func(context.Context, Request, ...grpc.CallOption) (grpc.ServerStreamingClient[Message], error),
	request Request,
	options []grpc.CallOption,
	take func(*Message) bool,
) error {
	// Whoever stops listening ends the call.
	ctx, end := context.WithCancel(ctx)
	defer end()
	stream, err := method(ctx, request, options...)
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			// A watch has no end of its own.
			return &Error{Kind: Unavailable, status: status.New(codes.Unavailable, "the watch ended")}
		}
		if err != nil {
			return err
		}
		if !take(message) {
			return nil
		}
	}
}
