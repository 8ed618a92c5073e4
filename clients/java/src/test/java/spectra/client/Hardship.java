package spectra.client;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

/** What test.sh tells, and what ../../hardship.py does. */
final class Hardship {
    private Hardship() {}

    static String setting(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalStateException(name + " is not set: start test.sh");
        }
        return value;
    }

    static String ask(String what) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create(setting("SPECTRA_HARDSHIP") + "/" + what)).build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IllegalStateException("hardship.py does not know " + what);
        }
        return answer.body();
    }

    /** What ../../hardship.py has counted. */
    static int count(String what) throws IOException, InterruptedException {
        return Integer.parseInt(ask(what));
    }

    /** The session of a lab with an access token that ends within 2 s, which the client does not know. */
    static Tokens shortened(Lab lab) throws IOException, InterruptedException {
        Tokens tokens = lab.tokens();
        return new Tokens(ask("shorten/" + tokens.accessToken()), tokens.refreshToken(), tokens.expiresAt());
    }

    /** Waits until a shortened token has ended. */
    static void untilItEnds() throws InterruptedException {
        Thread.sleep(3_500);
    }
}
