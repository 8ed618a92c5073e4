package spectra.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Instant;
import java.util.Collections;
import java.util.HashSet;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import spectra.auth.v1.AuthServiceGrpc.AuthServiceImplBase;
import spectra.auth.v1.RefreshTokenRequest;
import spectra.auth.v1.RefreshTokenResponse;

/** How often a session is renewed, which a lab does not tell: for some seconds it gives a spent refresh token another pair. */
class SessionTest {
    private final AtomicInteger renewals = new AtomicInteger();
    private volatile boolean away;
    private Server server;
    private ManagedChannel channel;

    @BeforeEach
    void start() throws IOException {
        server = InProcessServerBuilder.forName("auth").addService(new Auth()).build().start();
        channel = InProcessChannelBuilder.forName("auth").build();
    }

    @AfterEach
    void stop() {
        channel.shutdownNow();
        server.shutdownNow();
    }

    @Test
    void aTokenThatIsAboutToEndIsRenewedOnceForAllWhoWait() throws Exception {
        Session session = session(Instant.now().plusSeconds(1));
        var seen = new HashSet<String>();
        var threads = Executors.newFixedThreadPool(8);
        try {
            Callable<String> use = session::accessToken;
            for (var token : threads.invokeAll(Collections.nCopies(8, use))) {
                seen.add(token.get());
            }
        } finally {
            threads.shutdownNow();
        }
        assertEquals(1, seen.size());
        assertEquals(1, renewals.get());
    }

    @Test
    void whoIsToldLateThatATokenEndedDoesNotEndTheNextOne() {
        Session session = session(Instant.now().plusSeconds(900));
        session.expired("access");
        String next = session.accessToken();
        session.expired("access");
        assertEquals(next, session.accessToken());
        assertEquals(1, renewals.get());
    }

    @Test
    void aTokenThatIsStillGoodIsUsedWhileAuthIsAway() {
        away = true;
        assertEquals("access", session(Instant.now().plusSeconds(20)).accessToken());
        assertThrows(LabError.Unavailable.class, session(Instant.now().minusSeconds(1))::accessToken);
    }

    private Session session(Instant expiresAt) {
        return new Session(new LabChannel(channel, 0, null), new Tokens("access", "refresh", expiresAt));
    }

    private final class Auth extends AuthServiceImplBase {
        @Override
        public void refreshToken(RefreshTokenRequest request, StreamObserver<RefreshTokenResponse> answer) {
            if (away) {
                answer.onError(Status.UNAVAILABLE.asRuntimeException());
                return;
            }
            try {
                // Time for the others to come.
                Thread.sleep(200);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
            answer.onNext(RefreshTokenResponse.newBuilder()
                    .setAccessToken("access " + renewals.incrementAndGet())
                    .setExpiresIn(900)
                    .build());
            answer.onCompleted();
        }
    }
}
