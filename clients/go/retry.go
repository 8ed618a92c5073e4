package spectralab

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	firstWait = 100 * time.Millisecond
	// Longest wait between two tries, where the lab says nothing.
	longestRetryWait = 2 * time.Second
	// A lab that asks for more patience than this is not waited for.
	longestWait = 10 * time.Second
)

// isRepeatable says whether a call may be sent again: it only reads, or is known again by its request_id or refresh token.
func isRepeatable(method string, request any) bool {
	name := method[strings.LastIndex(method, "/")+1:]
	for _, prefix := range []string{"Get", "List", "Export", "Download", "RefreshToken"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return requestID(request) != nil
}

// requestID is the field by which a method knows a repetition: each that changes something, and gives no secret, has it.
func requestID(request any) protoreflect.FieldDescriptor {
	return request.(proto.Message).ProtoReflect().Descriptor().Fields().ByName("request_id")
}

// wait is how long to wait before try number `tries` + 1; false where another try is of no use.
func wait(e *Error, tries int, longest time.Duration) (time.Duration, bool) {
	if e.RetryDelay > 0 {
		// A little later than asked for, each at another time.
		return e.RetryDelay + rand.N(e.RetryDelay/5+1), e.RetryDelay <= longestWait
	}
	if e.Kind != Unavailable {
		return 0, false
	}
	full := min(firstWait<<min(tries-1, 10), longest)
	return full/2 + rand.N(full/2), true
}

// sleep waits; false where the caller gives up, or will have by then.
func sleep(ctx context.Context, duration time.Duration) bool {
	if end, bounded := ctx.Deadline(); bounded && time.Until(end) <= duration {
		return false
	}
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
