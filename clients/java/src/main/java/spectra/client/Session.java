package spectra.client;

import io.grpc.Channel;
import io.grpc.Context;
import java.time.Duration;
import java.time.Instant;
import spectra.auth.v1.AuthServiceGrpc;
import spectra.auth.v1.AuthServiceGrpc.AuthServiceBlockingStub;
import spectra.auth.v1.LoginRequest;
import spectra.auth.v1.RefreshTokenRequest;

/** The tokens of one session, renewed in time and once for all calls that wait for it. */
final class Session {
    /** A token that ends sooner than this is renewed before it is used. */
    private static final Duration MARGIN = Duration.ofSeconds(30);

    private final AuthServiceBlockingStub auth;
    private Tokens tokens;

    /** {@code channel} sends calls without a token. */
    Session(Channel channel, Tokens tokens) {
        this.auth = AuthServiceGrpc.newBlockingStub(channel);
        this.tokens = tokens;
    }

    Session(Channel channel, Credentials who) {
        this.auth = AuthServiceGrpc.newBlockingStub(channel);
        var signedIn = auth.login(LoginRequest.newBuilder()
                .setUsername(who.username())
                .setPassword(who.password())
                .setOtp(who.otp())
                .build());
        this.tokens = tokens(signedIn.getAccessToken(), signedIn.getRefreshToken(), signedIn.getExpiresIn());
    }

    synchronized Tokens tokens() {
        return tokens;
    }

    /** An access token that is good for a while. Who comes while it is renewed waits, and has the new one. */
    synchronized String accessToken() {
        if (Instant.now().plus(MARGIN).isAfter(tokens.expiresAt())) {
            renew();
        }
        return tokens.accessToken();
    }

    /** Notes that the lab did not accept this one any more. */
    synchronized void expired(String accessToken) {
        if (tokens.accessToken().equals(accessToken)) {
            tokens = new Tokens(accessToken, tokens.refreshToken(), Instant.EPOCH);
        }
    }

    private void renew() {
        // Whoever gives up on the call that this is for does not end it: a refresh token is good once.
        Context before = Context.ROOT.attach();
        try {
            var renewed = auth.refreshToken(RefreshTokenRequest.newBuilder()
                    .setRefreshToken(tokens.refreshToken())
                    .build());
            tokens = tokens(renewed.getAccessToken(), renewed.getRefreshToken(), renewed.getExpiresIn());
        } catch (LabError.Unavailable error) {
            // Auth is away for a moment: a token that is still good is gone on with.
            if (!Instant.now().isBefore(tokens.expiresAt())) {
                throw error;
            }
        } finally {
            Context.ROOT.detach(before);
        }
    }

    private static Tokens tokens(String accessToken, String refreshToken, int expiresIn) {
        return new Tokens(accessToken, refreshToken, Instant.now().plusSeconds(expiresIn));
    }
}
