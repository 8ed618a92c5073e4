package spectra.client;

import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.time.Duration;

/** What each call of a blocking stub passes: typed errors, and another try where that is safe; the token of a session. */
final class LabChannel extends Channel {
    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
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
                : new StreamCall<>(wire.newCall(method, options));
    }

    /** Sends the request, again where that is safe, and gives the answer. */
    private <Q, R> R call(MethodDescriptor<Q, R> method, CallOptions options, Metadata headers, Q request) {
        boolean renewed = false;
        for (int tries = 1; ; ) {
            String token = null;
            try {
                if (session != null) {
                    token = session.accessToken();
                    headers.discardAll(AUTHORIZATION);
                    headers.put(AUTHORIZATION, "Bearer " + token);
                }
                Channel channel = ClientInterceptors.intercept(wire, MetadataUtils.newAttachHeadersInterceptor(headers));
                return ClientCalls.blockingUnaryCall(channel, method, options, request);
            } catch (StatusRuntimeException thrown) {
                LabError error = LabError.of(thrown);
                if (token != null && !renewed && error.reason().equals("TOKEN_EXPIRED")) {
                    session.expired(token);
                    renewed = true;
                    continue;
                }
                if (tries > retries || !Retry.isRepeatable(method, (Message) request)) {
                    throw error;
                }
                Retry.sleep(Retry.wait(error, tries++, LONGEST_WAIT).orElseThrow(() -> error), error);
            }
        }
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
            R response = call(method, options, headers, request);
            listener.onMessage(response);
            listener.onClose(Status.OK, new Metadata());
        }

        @Override
        public void request(int messages) {}

        @Override
        public void cancel(String message, Throwable cause) {}
    }

    /** A call that brings the token, and tells the session when the stream ended with it. */
    private final class StreamCall<Q, R> extends SimpleForwardingClientCall<Q, R> {
        StreamCall(ClientCall<Q, R> call) {
            super(call);
        }

        @Override
        public void start(Listener<R> listener, Metadata headers) {
            String token = session.accessToken();
            headers.put(AUTHORIZATION, "Bearer " + token);
            super.start(
                    new SimpleForwardingClientCallListener<R>(listener) {
                        @Override
                        public void onClose(Status status, Metadata trailers) {
                            if (!status.isOk()
                                    && LabError.of(status.asRuntimeException(trailers)).reason().equals("TOKEN_EXPIRED")) {
                                session.expired(token);
                            }
                            super.onClose(status, trailers);
                        }
                    },
                    headers);
        }
    }
}
