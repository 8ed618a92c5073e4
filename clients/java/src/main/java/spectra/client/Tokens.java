package spectra.client;

import java.time.Instant;

/**
 * A session that was signed in before: what {@link Lab#tokens} gave.
 *
 * @param expiresAt when the access token ends
 */
public record Tokens(String accessToken, String refreshToken, Instant expiresAt) {
    /** Without the secrets. */
    @Override
    public String toString() {
        return "Tokens until " + expiresAt;
    }
}
