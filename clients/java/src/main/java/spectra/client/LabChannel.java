package spectra.client;

import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import spectra.runs.v1.GetRunDataRequest;
import spectra.runs.v1.GetRunDataResponse;

/** What each call of a blocking stub passes: typed errors, and another try where that is safe; the token of a session. */
final class LabChannel extends Channel {
    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
    private static final String BEARER = "Bearer ";
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(2);

    private final Channel wire;
    private final int retries;
    private final Session session;

    /** {@code session} may be null: calls go without a token. */
    LabChannel(Channel wire, int retries, Session session) {
        this.wire = wire;
        this.retries = retries;
        this.session = session;
    }

    @Override
    public String authority() {
        return wire.authority();
    }

    @Override
    public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions options) {
        return method.getType() == MethodType.UNARY
                ? new UnaryCall<>(method, options)
                : new StreamCall<>(method, options);
    }

    /** One try of a call, with these headers. */
    private interface Try<R> {
        R send(Metadata headers);
    }

    /** Sends, as often as it takes, is safe, and can be waited for. */
    private <R> R attempt(
            MethodDescriptor<?, ?> method, CallOptions options, Metadata given, Message request, Try<R> call) {
        boolean renewed = false;
        for (int tries = 1; ; ) {
            var headers = new Metadata();
            headers.merge(given);
            String token = null;
            try {
                if (session != null) {
                    token = session.accessToken();
                    headers.put(AUTHORIZATION, BEARER + token);
                }
                return call.send(headers);
            } catch (StatusRuntimeException thrown) {
                LabError error = LabError.of(thrown);
                if (token != null && !renewed && error.reason().equals("TOKEN_EXPIRED")) {
                    session.expired(token);
                    renewed = true;
                    continue;
                }
                if (tries > retries || !Retry.isRepeatable(method, request)) {
                    throw error;
                }
                pause(Retry.wait(error, tries++, LONGEST_WAIT).orElseThrow(() -> error), options, error);
            }
        }
    }

    /** Waits; throws {@code error} where the call's time would be over by then, or nobody will be there. */
    private static void pause(Duration wait, CallOptions options, LabError error) {
        var end = options.getDeadline();
        if (end != null && end.timeRemaining(TimeUnit.MILLISECONDS) <= wait.toMillis()) {
            throw error;
        }
        Retry.sleep(wait, error);
    }

    /** A call that is made, with all its tries, as soon as the request is complete; on the caller's thread. */
    private final class UnaryCall<Q, R> extends ClientCall<Q, R> {
        private final MethodDescriptor<Q, R> method;
        private final CallOptions options;
        private Listener<R> listener;
        private Metadata headers;
        private Q request;

        UnaryCall(MethodDescriptor<Q, R> method, CallOptions options) {
            this.method = method;
            // The stub's executor waits for the outer call; each try has its own.
            this.options = options.withExecutor(null);
        }

        @Override
        public void start(Listener<R> listener, Metadata headers) {
            this.listener = listener;
            this.headers = headers;
        }

        @Override
        public void sendMessage(Q request) {
            @SuppressWarnings("unchecked")
            Q identified = (Q) Retry.withRequestId(method, (Message) request);
            this.request = identified;
        }

        @Override
        public void halfClose() {
            // What is thrown here, blocking stubs throw as it is.
            R response = attempt(method, options, headers, (Message) request, headers -> {
                Channel channel = ClientInterceptors.intercept(wire, MetadataUtils.newAttachHeadersInterceptor(headers));
                return ClientCalls.blockingUnaryCall(channel, method, options, request);
            });
            listener.onMessage(response);
            listener.onClose(Status.OK, new Metadata());
        }

        @Override
        public void request(int messages) {}

        @Override
        public void cancel(String message, Throwable cause) {}
    }

    /**
     * A call whose answer comes bit by bit. It is made, with all its tries, as soon as the request is complete, and on the
     * caller's thread until the first message is there; again for the rest, where it breaks off and only reads.
     */
    private final class StreamCall<Q, R> extends ClientCall<Q, R> {
        private final MethodDescriptor<Q, R> method;
        private final CallOptions options;
        private final Context context = Context.current();
        private Listener<R> listener;
        private Metadata headers;
        private Told<Q, R> told;
        /** Guarded by this. */
        private ClientCall<Q, R> now;
        /** Messages that are asked for and have not come. Guarded by this. */
        private int wanted;
        /** Guarded by this. */
        private boolean cancelled;

        StreamCall(MethodDescriptor<Q, R> method, CallOptions options) {
            this.method = method;
            this.options = options.withExecutor(null);
        }

        @Override
        public void start(Listener<R> listener, Metadata headers) {
            this.listener = listener;
            this.headers = headers;
        }

        @Override
        public synchronized void request(int messages) {
            wanted += messages;
            if (now != null) {
                now.request(messages);
            }
        }

        @Override
        public void sendMessage(Q request) {
            told = new Told<>(request);
        }

        @Override
        public void halfClose() {
            begin(null);
        }

        @Override
        public synchronized void cancel(String message, Throwable cause) {
            cancelled = true;
            if (now != null) {
                now.cancel(message, cause);
            }
        }

        /** Makes the call, and waits for its first message that was not told before; {@code broke} ended the one before. */
        private void begin(LabError broke) {
            attempt(method, options, headers, (Message) told.request(), headers -> {
                var answer = new Answer(broke, headers.get(AUTHORIZATION));
                open(answer, headers);
                try {
                    return answer.begun.get();
                } catch (ExecutionException thrown) {
                    throw (StatusRuntimeException) thrown.getCause();
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                    cancel("the thread was interrupted", interrupted);
                    throw Status.CANCELLED.withCause(interrupted).asRuntimeException();
                }
            });
        }

        private synchronized void open(Answer answer, Metadata headers) {
            if (cancelled) {
                throw Status.CANCELLED.withCause(new CancellationException()).asRuntimeException();
            }
            // Whoever watches ends the call by the context.
            Context before = context.attach();
            try {
                now = wire.newCall(method, options);
                now.start(answer, headers);
                now.request(told.again() + wanted);
                now.sendMessage(told.request());
                now.halfClose();
            } finally {
                context.detach(before);
            }
        }

        /** What comes, from one of gRPC's threads. */
        private final class Answer extends Listener<R> {
            final CompletableFuture<Void> begun = new CompletableFuture<>();
            private final LabError broke;
            private final String authorization;
            private final int passed = told.again();
            private int place;
            private boolean other;

            Answer(LabError broke, String authorization) {
                this.broke = broke;
                this.authorization = authorization;
            }

            @Override
            public void onMessage(R message) {
                if (place++ < passed) {
                    if (place == 1 && !told.beginsWith(message)) {
                        other = true;
                        cancel("the answer is another one than before", broke);
                    }
                    return;
                }
                synchronized (StreamCall.this) {
                    wanted--;
                }
                told.add(message);
                listener.onMessage(message);
                begun.complete(null);
            }

            @Override
            public void onClose(Status status, Metadata trailers) {
                if (status.isOk()) {
                    listener.onClose(status, trailers);
                    begun.complete(null);
                    return;
                }
                StatusRuntimeException end = other ? broke : status.asRuntimeException(trailers);
                if (!begun.completeExceptionally(end)) {
                    resume(LabError.of(end), authorization);
                }
            }
        }

        /** Asks for the rest after the end, or tells of the end. */
        private void resume(LabError end, String authorization) {
            LabError last = end;
            boolean expired = authorization != null && end.reason().equals("TOKEN_EXPIRED");
            if (expired) {
                session.expired(authorization.substring(BEARER.length()));
            }
            if (!isCancelled() && Retry.isRepeatable(method, (Message) told.request())) {
                try {
                    if (!expired) {
                        var wait = retries > 0 ? Retry.wait(end, 1, LONGEST_WAIT) : Optional.<Duration>empty();
                        pause(wait.orElseThrow(() -> end), options, end);
                    }
                    begin(end);
                    return;
                } catch (StatusRuntimeException thrown) {
                    last = LabError.of(thrown);
                }
            }
            listener.onClose(last.getStatus(), last.getTrailers() == null ? new Metadata() : last.getTrailers());
        }

        private synchronized boolean isCancelled() {
            return cancelled;
        }
    }

    /** What a stream has told so far, and what to ask for the rest of it. */
    private static final class Told<Q, R> {
        private Q request;
        private R first;
        private int again;

        Told(Q request) {
            this.request = request;
        }

        Q request() {
            return request;
        }

        /** How many messages of the next answer were told already. */
        int again() {
            return again;
        }

        /** Whether an answer that begins so is the one of before: its first message says what it is. */
        boolean beginsWith(R message) {
            return message.equals(first);
        }

        @SuppressWarnings("unchecked")
        void add(R message) {
            if (message instanceof GetRunDataResponse data) {
                int next = data.getChunk().getSeq() + 1;
                request = (Q) ((GetRunDataRequest) request).toBuilder().setFromSeq(next).build();
                return;
            }
            first = first == null ? message : first;
            again++;
        }
    }
}
