package spectra.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A call that did not succeed. Decide by the class or the reason, never by the message. */
public class LabError extends StatusRuntimeException {
    private static final String DOMAIN = "spectra-lab";

    private final String reason;
    private final Map<String, String> metadata;
    private final Duration retryDelay;
    private final List<FieldViolation> violations;

    private LabError(StatusRuntimeException from, ErrorInfo info) {
        super(from.getStatus(), from.getTrailers());
        reason = info.getReason();
        metadata = info.getMetadataMap();
        retryDelay = detail(from, RetryInfo.class)
                .map(RetryInfo::getRetryDelay)
                .map(delay -> Duration.ofSeconds(delay.getSeconds(), delay.getNanos()))
                .orElse(null);
        violations = detail(from, BadRequest.class)
                .map(BadRequest::getFieldViolationsList)
                .orElse(List.of());
    }

    /** Why: a name of error_reason.proto; empty where the answer is not the lab's, as when no connection came about. */
    public String reason() {
        return reason;
    }

    /** What it is about: the keys that error_reason.proto names. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /** To be quoted to the operator. */
    public String requestId() {
        return metadata.getOrDefault("request_id", "");
    }

    /** After how long another try is worth it, where the lab says so. */
    public Optional<Duration> retryDelay() {
        return Optional.ofNullable(retryDelay);
    }

    /** Which fields of the request are wrong. */
    public List<FieldViolation> violations() {
        return violations;
    }

    /** The typed error for what a call or a stream threw. */
    public static LabError of(StatusRuntimeException from) {
        if (from instanceof LabError error) {
            return error;
        }
        ErrorInfo info = detail(from, ErrorInfo.class)
                .filter(detail -> detail.getDomain().equals(DOMAIN))
                .orElse(ErrorInfo.getDefaultInstance());
        return switch (info.getReason()) {
            case "FIELD_INVALID", "FIELD_READ_ONLY", "FILTER_INVALID", "PAGE_TOKEN_INVALID",
                    "REQUEST_ID_REUSED", "PARAMS_INVALID", "PASSWORD_WEAK", "RESUME_TOKEN_INVALID" ->
                    new InvalidRequest(from, info);
            case "TOKEN_MISSING", "TOKEN_EXPIRED", "TOKEN_INVALID", "TOKEN_AUDIENCE", "TOKEN_REVOKED",
                    "TOKEN_REUSED", "CREDENTIALS_INVALID", "MFA_REQUIRED" -> new NotSignedIn(from, info);
            case "PERMISSION_DENIED" -> new PermissionDenied(from, info);
            case "RESOURCE_NOT_FOUND" -> new NotFound(from, info);
            case "RESOURCE_EXISTS" -> new AlreadyExists(from, info);
            case "ETAG_MISMATCH" -> new EtagMismatch(from, info);
            case "CALIBRATION_EXPIRED", "CALIBRATION_MISSING", "CALIBRATION_NOT_YET_VALID",
                    "CALIBRATION_REVOKED", "CALIBRATION_OUT_OF_TOLERANCE", "CALIBRATION_SCOPE" ->
                    new CalibrationNotInForce(from, info);
            case "INSTRUMENT_OUT_OF_SERVICE", "INSTRUMENT_BUSY" -> new InstrumentUnavailable(from, info);
            case "SAMPLE_UNAVAILABLE" -> new SampleUnavailable(from, info);
            case "RECIPE_NOT_APPROVED", "FOUR_EYES_REQUIRED" -> new RecipeNotApproved(from, info);
            case "STATE_CONFLICT", "GRANT_LAPSED" -> new StateConflict(from, info);
            case "THROTTLED", "QUOTA" -> new LimitReached(from, info);
            case "DATABASE_UNAVAILABLE", "CALIBRATION_UNREACHABLE", "SAMPLES_UNREACHABLE", "AUTH_UNREACHABLE",
                    "RUNS_UNREACHABLE", "DRAINING", "OVERLOADED" -> new Unavailable(from, info);
            case "DEADLINE_EXCEEDED" -> new DeadlineExceeded(from, info);
            case "RESUME_TOKEN_EXPIRED" -> new ResumeTokenExpired(from, info);
            case "METHOD_UNKNOWN" -> new Unimplemented(from, info);
            case "INTERNAL" -> new InternalError(from, info);
            case "" -> withoutReason(from, info);
            default -> new LabError(from, info);
        };
    }

    /** What a connection that broke or never came about looks like: some codes, and nothing of the lab's with them. */
    private static LabError withoutReason(StatusRuntimeException from, ErrorInfo info) {
        return switch (from.getStatus().getCode()) {
            case UNAVAILABLE, ABORTED, INTERNAL, UNKNOWN, DATA_LOSS -> new Unavailable(from, info);
            // A server that ends the connection cancels what is under way; where the caller did, there is a cause.
            case CANCELLED -> from.getStatus().getCause() == null
                    ? new Unavailable(from, info)
                    : new LabError(from, info);
            case DEADLINE_EXCEEDED -> new DeadlineExceeded(from, info);
            default -> new LabError(from, info);
        };
    }

    private static <D extends Message> Optional<D> detail(StatusRuntimeException from, Class<D> type) {
        com.google.rpc.Status status = StatusProto.fromThrowable(from);
        if (status == null) {
            return Optional.empty();
        }
        for (Any detail : status.getDetailsList()) {
            if (detail.is(type)) {
                try {
                    return Optional.of(detail.unpack(type));
                } catch (InvalidProtocolBufferException broken) {
                    return Optional.empty();
                }
            }
        }
        return Optional.empty();
    }

    /** The request breaks a rule, whatever the state of the lab. */
    public static final class InvalidRequest extends LabError {
        private InvalidRequest(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** No token, one that is not accepted, or wrong credentials. */
    public static final class NotSignedIn extends LabError {
        private NotSignedIn(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** The role does not hold the permission. */
    public static final class PermissionDenied extends LabError {
        private PermissionDenied(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** Not there, or another organization's. */
    public static final class NotFound extends LabError {
        private NotFound(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** A name, barcode or code is taken. */
    public static final class AlreadyExists extends LabError {
        private AlreadyExists(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** The resource changed since it was read. */
    public static final class EtagMismatch extends LabError {
        private EtagMismatch(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** The lockout: no certificate in force lets the instrument be used for this. */
    public static final class CalibrationNotInForce extends LabError {
        private CalibrationNotInForce(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** The instrument is out of service, or another run is active on it. */
    public static final class InstrumentUnavailable extends LabError {
        private InstrumentUnavailable(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** The sample is in use, quarantined or gone. */
    public static final class SampleUnavailable extends LabError {
        private SampleUnavailable(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** The policy wants an approved recipe, or an approval by somebody else. */
    public static final class RecipeNotApproved extends LabError {
        private RecipeNotApproved(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** The state does not allow the step. */
    public static final class StateConflict extends LabError {
        private StateConflict(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** Too many attempts, or a quota is used up. */
    public static final class LimitReached extends LabError {
        private LimitReached(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** The lab, or a part of it, cannot be reached now. */
    public static final class Unavailable extends LabError {
        private Unavailable(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** Time ran out; whether a change took effect is unknown. */
    public static final class DeadlineExceeded extends LabError {
        private DeadlineExceeded(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** What happened since the resume_token cannot be told: read everything, and watch without one. */
    public static final class ResumeTokenExpired extends LabError {
        private ResumeTokenExpired(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** The server does not have this method. */
    public static final class Unimplemented extends LabError {
        private Unimplemented(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }

    /** A fault of the lab's. */
    public static final class InternalError extends LabError {
        private InternalError(StatusRuntimeException from, ErrorInfo info) {
            super(from, info);
        }
    }
}
