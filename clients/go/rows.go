package spectralab

import (
	"context"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Rows are those of a list, page by page: `of` says where a page has them. They end with the first error.
func Rows[Request proto.Message, Page interface{ GetNextPageToken() string }, Row any](
	ctx context.Context,
	list func(context.Context, Request, ...grpc.CallOption) (Page, error),
	request Request,
	of func(Page) []Row,
	options ...grpc.CallOption,
) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		next := proto.CloneOf(request)
		for {
			page, err := list(ctx, next, options...)
			if err != nil {
				var none Row
				yield(none, err)
				return
			}
			for _, row := range of(page) {
				if !yield(row, nil) {
					return
				}
			}
			if page.GetNextPageToken() == "" {
				return
			}
			set(next, "page_token", page.GetNextPageToken())
		}
	}
}

func set(message proto.Message, name protoreflect.Name, value string) {
	reflected := message.ProtoReflect()
	reflected.Set(reflected.Descriptor().Fields().ByName(name), protoreflect.ValueOfString(value))
}
