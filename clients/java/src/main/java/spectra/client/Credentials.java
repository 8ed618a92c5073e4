package spectra.client;

/**
 * Who signs in.
 *
 * @param otp one-time code, where a second factor is set up; empty otherwise
 */
public record Credentials(String username, String password, String otp) {
    public Credentials(String username, String password) {
        this(username, password, "");
    }

    /** Without the secrets. */
    @Override
    public String toString() {
        return "Credentials of " + username;
    }
}
