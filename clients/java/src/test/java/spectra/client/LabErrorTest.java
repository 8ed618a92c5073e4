package spectra.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.util.EnumSet;
import org.junit.jupiter.api.Test;
import spectra.common.v1.ErrorReason;

class LabErrorTest {
    @Test
    void everyReasonOfTheContractHasItsClass() {
        var reasons = EnumSet.complementOf(
                EnumSet.of(ErrorReason.ERROR_REASON_UNSPECIFIED, ErrorReason.UNRECOGNIZED));
        for (ErrorReason reason : reasons) {
            LabError error = error(reason.name().replace("ERROR_REASON_", ""), "spectra-lab");
            assertNotSame(LabError.class, error.getClass(), reason.name());
            assertEquals(reason.name(), "ERROR_REASON_" + error.reason());
        }
    }

    @Test
    void aReasonOfLaterIsStillRead() {
        LabError error = error("OF_LATER", "spectra-lab");
        assertSame(LabError.class, error.getClass());
        assertEquals("OF_LATER", error.reason());
    }

    @Test
    void whatSomebodyElseSaysIsNoReason() {
        assertEquals("", error("CALIBRATION_EXPIRED", "another").reason());
    }

    @Test
    void aBrokenConnectionIsNoRefusal() {
        assertSame(LabError.Unavailable.class, LabError.of(Status.UNAVAILABLE.asRuntimeException()).getClass());
        assertSame(LabError.Unavailable.class, LabError.of(Status.CANCELLED.asRuntimeException()).getClass());
    }

    private static LabError error(String reason, String domain) {
        var info = ErrorInfo.newBuilder().setReason(reason).setDomain(domain).build();
        return LabError.of(StatusProto.toStatusRuntimeException(com.google.rpc.Status.newBuilder()
                .setCode(Status.Code.FAILED_PRECONDITION.value())
                .addDetails(Any.pack(info))
                .build()));
    }
}
