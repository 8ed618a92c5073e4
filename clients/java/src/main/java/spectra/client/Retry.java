package spectra.client;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;

/** Which calls may be sent again, and when. */
final class Retry {
    private static final long FIRST_WAIT_MS = 100;
    /** A lab that asks for more patience than this is not waited for. */
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(10);
    /** How methods that only read begin. */
    private static final List<String> READING = List.of("Get", "List", "Export", "Download");

    private Retry() {}

    /** Whether the call may be sent again: it only reads, or is known again by its request_id or refresh token. */
    static boolean isRepeatable(MethodDescriptor<?, ?> method, Message request) {
        return reads(method) || requestId(method, request) != null || method.getBareMethodName().equals("RefreshToken");
    }

    /** The request with a request_id, so that each try is known as the same; one that the caller gave is kept. */
    static Message withRequestId(MethodDescriptor<?, ?> method, Message request) {
        FieldDescriptor field = requestId(method, request);
        if (field == null || !request.getField(field).equals("")) {
            return request;
        }
        return request.toBuilder().setField(field, UUID.randomUUID().toString()).build();
    }

    /** How long to wait after try number {@code tries}; empty where another try is of no use. */
    static Optional<Duration> wait(LabError error, int tries, Duration longest) {
        double random = ThreadLocalRandom.current().nextDouble();
        if (error.retryDelay().isPresent()) {
            // A little later than asked for, each caller at another time.
            return error.retryDelay()
                    .filter(delay -> delay.compareTo(LONGEST_WAIT) <= 0)
                    .map(delay -> Duration.ofNanos((long) (delay.toNanos() * (1 + random / 5))));
        }
        if (!(error instanceof LabError.Unavailable)) {
            return Optional.empty();
        }
        long wait = Math.min(FIRST_WAIT_MS << Math.min(tries - 1, 20), longest.toMillis());
        return Optional.of(Duration.ofMillis((long) (wait * (0.5 + random / 2))));
    }

    /** Waits; throws {@code error} if the thread is interrupted meanwhile. */
    static void sleep(Duration wait, LabError error) {
        try {
            Thread.sleep(wait.toMillis());
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw error;
        }
    }

    /** The field by which the lab knows a repetition, where the method changes something. */
    private static FieldDescriptor requestId(MethodDescriptor<?, ?> method, Message request) {
        return reads(method) ? null : request.getDescriptorForType().findFieldByName("request_id");
    }

    private static boolean reads(MethodDescriptor<?, ?> method) {
        String name = method.getBareMethodName();
        return name != null && READING.stream().anyMatch(name::startsWith);
    }
}
