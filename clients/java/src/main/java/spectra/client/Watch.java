package spectra.client;

import com.google.protobuf.Message;
import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Function;

/**
 * What a watch tells, its signs of life included, until it or the lab is closed. When the connection breaks or the access
 * token ends, it goes on where it was. Events come at least once and in order. One thread reads; any may close.
 */
public final class Watch<Q extends Message, M extends Message> implements Iterator<M>, AutoCloseable {
    /** Longest wait between two tries to connect. */
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(5);

    private final CancellableContext life = Context.ROOT.withCancellation();
    private final ManagedChannel wire;
    private final Function<Q, Iterator<M>> method;
    private Q request;
    private Iterator<M> stream;
    private int failures;
    private boolean renewed;
    private M next;

    Watch(ManagedChannel wire, Function<Q, Iterator<M>> method, Q request) {
        this.wire = wire;
        this.method = method;
        this.request = request;
    }

    /** Waits for the next message; false when the watch was closed. */
    @Override
    public boolean hasNext() {
        while (next == null && !life.isCancelled()) {
            try {
                receive();
            } catch (StatusRuntimeException thrown) {
                stream = null;
                if (wire.isShutdown()) {
                    // The lab is closed.
                    close();
                } else if (!life.isCancelled()) {
                    recover(LabError.of(thrown));
                }
            }
        }
        return next != null;
    }

    @Override
    public M next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the watch was closed");
        }
        M message = next;
        next = null;
        request = Fields.with(request, "resume_token", Fields.text(message, "resume_token"));
        return message;
    }

    /** Ends the watch, and the waiting for it. */
    @Override
    public void close() {
        life.cancel(null);
    }

    /** Takes in one message of the stream, or its end; the stream is begun if there is none. */
    private void receive() {
        if (stream == null) {
            Context before = life.attach();
            try {
                stream = method.apply(request);
            } finally {
                life.detach(before);
            }
        }
        if (!stream.hasNext()) {
            // A watch has no end of its own: whoever ended it is going away.
            throw Status.UNAVAILABLE.withDescription("the watch ended").asRuntimeException();
        }
        next = stream.next();
        failures = 0;
        renewed = false;
    }

    private void recover(LabError error) {
        if (!renewed && error.reason().equals("TOKEN_EXPIRED")) {
            renewed = true;
            return;
        }
        failures++;
        Retry.sleep(Retry.wait(error, failures, LONGEST_WAIT).orElseThrow(() -> error), error);
        // Else gRPC waits longer and longer by itself.
        wire.resetConnectBackoff();
    }
}
