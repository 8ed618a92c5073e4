package spectra.client;

import com.google.protobuf.Message;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import spectra.auth.v1.AuditServiceGrpc;
import spectra.auth.v1.AuditServiceGrpc.AuditServiceBlockingStub;
import spectra.auth.v1.AuthServiceGrpc;
import spectra.auth.v1.AuthServiceGrpc.AuthServiceBlockingStub;
import spectra.auth.v1.LogoutRequest;
import spectra.auth.v1.OrganizationsServiceGrpc;
import spectra.auth.v1.OrganizationsServiceGrpc.OrganizationsServiceBlockingStub;
import spectra.auth.v1.UsersServiceGrpc;
import spectra.auth.v1.UsersServiceGrpc.UsersServiceBlockingStub;
import spectra.calibration.v1.CalibrationServiceGrpc;
import spectra.calibration.v1.CalibrationServiceGrpc.CalibrationServiceBlockingStub;
import spectra.calibration.v1.InstrumentsServiceGrpc;
import spectra.calibration.v1.InstrumentsServiceGrpc.InstrumentsServiceBlockingStub;
import spectra.runs.v1.MethodsServiceGrpc;
import spectra.runs.v1.MethodsServiceGrpc.MethodsServiceBlockingStub;
import spectra.runs.v1.RecipesServiceGrpc;
import spectra.runs.v1.RecipesServiceGrpc.RecipesServiceBlockingStub;
import spectra.runs.v1.RunsServiceGrpc;
import spectra.runs.v1.RunsServiceGrpc.RunsServiceBlockingStub;
import spectra.samples.v1.ProjectsServiceGrpc;
import spectra.samples.v1.ProjectsServiceGrpc.ProjectsServiceBlockingStub;
import spectra.samples.v1.SamplesServiceGrpc;
import spectra.samples.v1.SamplesServiceGrpc.SamplesServiceBlockingStub;

/** A lab in which one person is signed in; for any number of threads. */
public final class Lab implements AutoCloseable {
    private final ManagedChannel wire;
    private final Session session;
    private final LabChannel channel;

    private Lab(ManagedChannel wire, Session session, LabChannel channel) {
        this.wire = wire;
        this.session = session;
        this.channel = channel;
    }

    /** Signs in at {@code http://host:port}, or {@code https://host:port} for TLS. */
    public static Lab connect(String address, String username, String password) {
        return at(address).connect(new Credentials(username, password));
    }

    /** Where a lab is, for who has more to say about how to connect. */
    public static Builder at(String address) {
        return new Builder(address);
    }

    /** How to connect. */
    public static final class Builder {
        private final URI address;
        private Path authority;
        private int retries = 5;

        private Builder(String address) {
            this.address = URI.create(address);
            if (this.address.getHost() == null || !List.of("http", "https").contains(this.address.getScheme())) {
                throw new IllegalArgumentException("http://host:port or https://host:port, not " + address);
            }
        }

        /** PEM file of the authority that the lab's certificate comes from; the system's authorities unless said. */
        public Builder authority(Path authority) {
            this.authority = authority;
            return this;
        }

        /** How often a call that may be repeated is sent again; 5 unless said. */
        public Builder retries(int retries) {
            this.retries = retries;
            return this;
        }

        /** Signs in. */
        public Lab connect(Credentials who) {
            return begin(channel -> new Session(channel, who));
        }

        /** Goes on with a session that was signed in before. */
        public Lab connect(Tokens tokens) {
            return begin(channel -> new Session(channel, tokens));
        }

        private Lab begin(Function<LabChannel, Session> signIn) {
            int port = address.getPort() < 0 ? (isTls() ? 443 : 80) : address.getPort();
            ManagedChannel wire = Grpc.newChannelBuilderForAddress(address.getHost(), port, credentials())
                    // A connection that no longer answers is given up.
                    .keepAliveTime(20, TimeUnit.SECONDS)
                    .build();
            try {
                Session session = signIn.apply(new LabChannel(wire, retries, null));
                return new Lab(wire, session, new LabChannel(wire, retries, session));
            } catch (RuntimeException error) {
                wire.shutdownNow();
                throw error;
            }
        }

        private boolean isTls() {
            return address.getScheme().equals("https");
        }

        private ChannelCredentials credentials() {
            if (!isTls()) {
                return InsecureChannelCredentials.create();
            }
            if (authority == null) {
                return TlsChannelCredentials.create();
            }
            try {
                return TlsChannelCredentials.newBuilder().trustManager(authority.toFile()).build();
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }

    /** Signing in and out, sessions, one's own password. */
    public AuthServiceBlockingStub auth() {
        return AuthServiceGrpc.newBlockingStub(channel);
    }

    /** The people of the organization. */
    public UsersServiceBlockingStub users() {
        return UsersServiceGrpc.newBlockingStub(channel);
    }

    /** The organization itself. */
    public OrganizationsServiceBlockingStub organizations() {
        return OrganizationsServiceGrpc.newBlockingStub(channel);
    }

    /** Who changed what, and when. */
    public AuditServiceBlockingStub audit() {
        return AuditServiceGrpc.newBlockingStub(channel);
    }

    /** Samples. */
    public SamplesServiceBlockingStub samples() {
        return SamplesServiceGrpc.newBlockingStub(channel);
    }

    /** Projects of samples. */
    public ProjectsServiceBlockingStub projects() {
        return ProjectsServiceGrpc.newBlockingStub(channel);
    }

    /** Instruments. */
    public InstrumentsServiceBlockingStub instruments() {
        return InstrumentsServiceGrpc.newBlockingStub(channel);
    }

    /** Calibrations, and whether instruments are fit for use. */
    public CalibrationServiceBlockingStub calibration() {
        return CalibrationServiceGrpc.newBlockingStub(channel);
    }

    /** Runs, and what they measured. */
    public RunsServiceBlockingStub runs() {
        return RunsServiceGrpc.newBlockingStub(channel);
    }

    /** Recipes of runs. */
    public RecipesServiceBlockingStub recipes() {
        return RecipesServiceGrpc.newBlockingStub(channel);
    }

    /** Methods of measurement. */
    public MethodsServiceBlockingStub methods() {
        return MethodsServiceGrpc.newBlockingStub(channel);
    }

    /** The rows of a list, page by page: {@code of} says where a page has them. */
    public <Q extends Message, P extends Message, R> Iterable<R> rows(
            Function<Q, P> list, Q request, Function<P, List<R>> of) {
        return () -> new Rows<>(list, request, of);
    }

    /** What a watch tells, until it is closed. */
    public <Q extends Message, M extends Message> Watch<Q, M> watch(Function<Q, Iterator<M>> method, Q request) {
        return new Watch<>(wire, method, request);
    }

    /** To go on with this session in another process. They change whenever the access token is renewed. */
    public Tokens tokens() {
        return session.tokens();
    }

    /** Ends the session, and the connection. */
    public void signOut() {
        try {
            auth().logout(LogoutRequest.getDefaultInstance());
        } catch (LabError.NotSignedIn error) {
            // The answer to a first try was lost: it was done.
            if (!error.reason().equals("TOKEN_REVOKED")) {
                throw error;
            }
        } finally {
            close();
        }
    }

    /** Ends the connection; the session goes on. */
    @Override
    public void close() {
        wire.shutdownNow();
    }
}
