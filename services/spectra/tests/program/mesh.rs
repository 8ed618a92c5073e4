//! The laboratory as five processes: they find each other, trust each other, and do without each other for a while.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use contract::{
    auth::v1::{LogoutRequest, auth_service_client::AuthServiceClient},
    calibration::v1::{ListInstrumentsRequest, instruments_service_client::InstrumentsServiceClient},
    runs::v1::{CreateRunRequest, ListRunsRequest, Run, runs_service_client::RunsServiceClient},
    samples::v1::{GetSampleRequest, ListSamplesRequest, samples_service_client::SamplesServiceClient},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{io::copy_bidirectional, net::TcpStream};
use tonic::{
    Code, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_types::StatusExt as _;

use crate::support::{Up, create, folder, free, sign_in, spectra, with};

/// What an operator would wait for at most.
const PATIENCE: Duration = Duration::from_secs(30);
const SEAL_KEY: &str = "a key that only the tests know, for page tokens";
const SERVICES: [&str; 4] = ["auth", "samples", "calibration", "runs"];

/// Five processes on the database of a laboratory that `up` made.
struct Mesh {
    /// Runs until the mesh goes.
    _database: Up,
    folder: tempfile::TempDir,
    listen: BTreeMap<&'static str, SocketAddr>,
    /// Where the others find a service, if it is not where it listens.
    detours: BTreeMap<&'static str, SocketAddr>,
    secure: bool,
    processes: BTreeMap<&'static str, Child>,
}

impl Mesh {
    fn new(secure: bool) -> Self {
        let folder = folder();
        let database = Up::start(&folder.path().join("data"));
        let listen = SERVICES.into_iter().chain(["edge"]).map(|service| (service, free())).collect();
        let mesh =
            Self { _database: database, folder, listen, detours: BTreeMap::new(), secure, processes: BTreeMap::new() };
        if secure {
            mesh.make_certificates();
        }
        mesh
    }

    /// An authority, and a certificate of it that all processes prove themselves by.
    fn make_certificates(&self) {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        for (file, text) in [
            ("authority.pem", authority.pem()),
            ("certificate.pem", certificate.pem()),
            ("key.pem", key.serialize_pem()),
        ] {
            fs::write(self.file(file), text).unwrap();
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn kept(&self, name: &str) -> String {
        fs::read_to_string(self.file("data").join(name)).unwrap()
    }

    /// The program, with what every process of the mesh is told.
    fn program(&self) -> Command {
        let mut command = spectra(&self.file("nothing"), self.listen["edge"]);
        command.env("DATABASE_URL", self.kept("database_url"));
        for service in SERVICES {
            let name = service.to_uppercase();
            let (listen, found) = (self.listen[service], self.detours.get(service).unwrap_or(&self.listen[service]));
            let scheme = if self.secure { "https" } else { "http" };
            command.env(format!("SPECTRA_{name}_LISTEN"), listen.to_string());
            command.env(format!("SPECTRA_{name}_URL"), format!("{scheme}://localhost:{}", found.port()));
        }
        if self.secure {
            command
                .env("JWT_ALGORITHM", "EdDSA")
                .env("SPECTRA_TLS_CERTIFICATE", self.file("certificate.pem"))
                .env("SPECTRA_TLS_KEY", self.file("key.pem"))
                .env("SPECTRA_TLS_AUTHORITY", self.file("authority.pem"));
        }
        command
    }

    /// What somebody who administers the keys says, and hears.
    fn keys(&self, arguments: &[&str]) -> String {
        let secret = self.kept("jwt_secret");
        let output = self.program().env("JWT_SECRET", secret).arg("keys").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn start(&mut self, service: &'static str) {
        let mut command = self.program();
        match (self.secure, service) {
            // Each has what it needs, and nothing else.
            (true, "samples" | "calibration" | "runs") => {
                let credential = self.keys(&["credential", service]);
                command.env("SPECTRA_SERVICE_CREDENTIAL", credential.trim());
                command.env("SPECTRA_SEAL_KEY", SEAL_KEY);
            }
            (true, "edge") => {
                command.env_remove("DATABASE_URL").env("SPECTRA_SEAL_KEY", SEAL_KEY);
            }
            _ => {
                command.env("JWT_SECRET", self.kept("jwt_secret"));
            }
        }
        let log = fs::File::create(self.file(&format!("{service}.log"))).unwrap();
        command.args(["serve", service]).stdout(log.try_clone().unwrap()).stderr(log);
        self.processes.insert(service, command.spawn().unwrap());
    }

    async fn start_all(&mut self) {
        for service in SERVICES.into_iter().chain(["edge"]) {
            self.start(service);
        }
        self.ready().await;
    }

    /// Comes when each service answers through the edge.
    async fn ready(&self) {
        let channel = self.channel();
        let begun = Instant::now();
        loop {
            match everything(&channel).await {
                Ok(()) => return,
                Err(status) => assert!(begun.elapsed() < PATIENCE, "not there: {status:?}\n{}", self.logs()),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn logs(&self) -> String {
        let log = |service: &&str| fs::read_to_string(self.file(&format!("{service}.log"))).unwrap_or_default();
        self.processes.keys().map(log).collect()
    }

    fn kill(&mut self, service: &str) {
        let mut process = self.processes.remove(service).unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    fn channel(&self) -> Channel {
        self.channel_to("edge")
    }

    /// As a client does who trusts the authority, and has no certificate.
    fn channel_to(&self, service: &str) -> Channel {
        let port = self.listen[service].port();
        if !self.secure {
            return Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect_lazy();
        }
        let authority = Certificate::from_pem(fs::read(self.file("authority.pem")).unwrap());
        let tls = ClientTlsConfig::new().ca_certificate(authority);
        Endpoint::from_shared(format!("https://localhost:{port}")).unwrap().tls_config(tls).unwrap().connect_lazy()
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        for process in self.processes.values_mut() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A call of each service.
async fn everything(channel: &Channel) -> Result<(), Status> {
    let login = contract::auth::v1::LoginRequest {
        username: "engineer@demo.lab".into(),
        password: "eng123".into(),
        otp: String::new(),
    };
    let tokens = AuthServiceClient::new(channel.clone()).login(login).await?.into_inner();
    let token = format!("Bearer {}", tokens.access_token).parse().unwrap();
    let channel = || channel.clone();
    SamplesServiceClient::new(channel()).list_samples(with(&token, ListSamplesRequest::default())).await?;
    InstrumentsServiceClient::new(channel()).list_instruments(with(&token, ListInstrumentsRequest::default())).await?;
    RunsServiceClient::new(channel()).list_runs(with(&token, ListRunsRequest::default())).await?;
    Ok(())
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

async fn sample(channel: &Channel, token: &MetadataValue<Ascii>) -> String {
    let name = format!("mesh {}", uuid::Uuid::now_v7());
    let created = SamplesServiceClient::new(channel.clone()).create_sample(with(token, create(&name))).await.unwrap();
    created.into_inner().sample.unwrap().id
}

async fn get(channel: &Channel, token: &MetadataValue<Ascii>, id: &str) -> Result<(), Status> {
    let request = with(token, GetSampleRequest { id: id.to_owned() });
    SamplesServiceClient::new(channel.clone()).get_sample(request).await.map(drop)
}

/// A sweep that asks for nothing special.
fn sweep(instrument_id: String, sample_id: String) -> CreateRunRequest {
    let number = |value| prost_types::Value { kind: Some(prost_types::value::Kind::NumberValue(value)) };
    let params = [("vgs_start", 0.0), ("vgs_stop", 5.0), ("vgs_step", 0.5)];
    let fields = params.map(|(name, value)| (name.to_owned(), number(value))).into_iter().collect();
    let params = Some(prost_types::Struct { fields });
    let run = Run { instrument_id, sample_id, method: "iv_sweep".to_owned(), params, ..Default::default() };
    CreateRunRequest { run: Some(run), request_id: String::new() }
}

/// A sweep on the instrument with this asset code.
async fn run(channel: &Channel, token: &MetadataValue<Ascii>, asset_code: &str) -> Result<(), Status> {
    let filter = format!("asset_code = \"{asset_code}\"");
    let request = with(token, ListInstrumentsRequest { filter, ..Default::default() });
    let found = InstrumentsServiceClient::new(channel.clone()).list_instruments(request).await?.into_inner();
    let request = sweep(found.instruments[0].id.clone(), sample(channel, token).await);
    RunsServiceClient::new(channel.clone()).create_run(with(token, request)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_keys_and_certificates_of_their_own_five_processes_are_one_laboratory() {
    let mut mesh = Mesh::new(true);
    mesh.start_all().await;
    let channel = mesh.channel();
    let token = sign_in(&channel).await;
    assert_eq!(reason(&run(&channel, &token, "LS-8404-01").await.unwrap_err()), "CALIBRATION_EXPIRED");
    run(&channel, &token, "KEI-2400-01").await.unwrap();

    // Services let in services only; whoever comes without a certificate is not spoken to.
    let outside = get(&mesh.channel_to("samples"), &token, &sample(&channel, &token).await).await.unwrap_err();
    assert!(std::error::Error::source(&outside).is_some(), "{outside:?}");

    // The keys are there for others; those of services are nobody's business.
    let jwks = mesh.keys(&["list"]);
    assert_eq!(jwks.lines().count(), 2, "{jwks}");

    keys_change_under_load(&mesh, &channel, &token).await;
    what_ends_here_ends_everywhere(&channel).await;
    certificates_change(&mesh).await;
}

async fn keys_change_under_load(mesh: &Mesh, channel: &Channel, token: &MetadataValue<Ascii>) {
    let id = sample(channel, token).await;
    let (end, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (channel, id, end, calls) = (channel.clone(), id.clone(), Arc::clone(&end), Arc::clone(&calls));
            tokio::spawn(async move {
                while !end.load(Ordering::Relaxed) {
                    // Signed by the key of the moment, and verified elsewhere.
                    let token = sign_in(&channel).await;
                    for _ in 0..20 {
                        get(&channel, &token, &id).await.unwrap();
                        calls.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    let signs_with = async || {
        let token = sign_in(channel).await;
        let header = token.to_str().unwrap().trim_start_matches("Bearer ").split('.').next().unwrap().to_owned();
        (header, token)
    };
    let (before, old) = signs_with().await;
    mesh.keys(&["rotate", "--after", "15"]);
    let begun = Instant::now();
    let (after, new) = loop {
        let (header, token) = signs_with().await;
        if header != before {
            break (header, token);
        }
        assert!(begun.elapsed() < PATIENCE, "the new key does not sign");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_ne!(before, after);
    get(channel, &old, &id).await.unwrap();
    get(channel, &new, &id).await.unwrap();
    end.store(true, Ordering::Relaxed);
    for caller in load {
        caller.await.unwrap();
    }
    assert!(calls.load(Ordering::Relaxed) > 100);
}

async fn what_ends_here_ends_everywhere(channel: &Channel) {
    let token = sign_in(channel).await;
    let id = sample(channel, &token).await;
    AuthServiceClient::new(channel.clone()).logout(with(&token, LogoutRequest::default())).await.unwrap();
    let begun = Instant::now();
    loop {
        match get(channel, &token, &id).await {
            Ok(()) => assert!(begun.elapsed() < Duration::from_secs(5), "a session that has ended goes on"),
            Err(status) => break assert_eq!(reason(&status), "TOKEN_REVOKED"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn certificates_change(mesh: &Mesh) {
    mesh.make_certificates();
    let begun = Instant::now();
    // A client that trusts the new authority only.
    while let Err(status) = everything(&mesh.channel()).await {
        assert!(begun.elapsed() < PATIENCE, "the new certificates are not in force: {status:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_away_is_named_and_comes_back_by_itself() {
    let mut mesh = Mesh::new(false);
    mesh.start_all().await;
    let channel = mesh.channel();
    let token = sign_in(&channel).await;
    run(&channel, &token, "KEI-2400-01").await.unwrap();

    mesh.kill("samples");
    let away = get(&channel, &token, &uuid::Uuid::now_v7().to_string()).await.unwrap_err();
    assert_eq!((away.code(), reason(&away).as_str()), (Code::Unavailable, "SAMPLES_UNREACHABLE"));
    assert!(away.get_details_retry_info().is_some());
    let health = async || {
        let service = "spectra.samples.v1.SamplesService".to_owned();
        let answer = HealthClient::new(channel.clone()).check(HealthCheckRequest { service }).await.unwrap();
        answer.into_inner().status()
    };
    let begun = Instant::now();
    while health().await != ServingStatus::NotServing {
        assert!(begun.elapsed() < PATIENCE, "the edge says that samples serves");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    mesh.start("samples");
    mesh.ready().await;
    while health().await != ServingStatus::Serving {
        assert!(begun.elapsed() < PATIENCE, "the edge does not say that samples serves again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let token = sign_in(&channel).await;
    run(&channel, &token, "KEI-2400-01").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_network_that_swallows_packets_calls_fail_fast_and_nothing_piles_up() {
    let mut mesh = Mesh::new(false);
    let proxy = Proxy::start(mesh.listen["calibration"]).await;
    mesh.detours.insert("calibration", proxy.address);
    mesh.start_all().await;
    let channel = mesh.channel();
    let token = sign_in(&channel).await;
    let request = with(&token, ListInstrumentsRequest::default());
    let instruments = InstrumentsServiceClient::new(channel.clone()).list_instruments(request).await.unwrap();
    let instrument = instruments.into_inner().instruments.into_iter().find(|i| i.asset_code == "KEI-2400-01").unwrap();
    let sample_id = sample(&channel, &token).await;
    let attempt = async || {
        let request = sweep(instrument.id.clone(), sample_id.clone());
        let begun = Instant::now();
        let answer = RunsServiceClient::new(channel.clone()).create_run(with(&token, request)).await.map(drop);
        (answer.map_err(|status| reason(&status)), begun.elapsed())
    };
    assert_eq!(attempt().await.0, Ok(()));

    let before = proxy.connections.load(Ordering::Relaxed);
    proxy.swallow.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    let mut quick = 0;
    while begun.elapsed() < Duration::from_secs(12) {
        let answers = futures::future::join_all((0..16).map(|_| attempt())).await;
        for (answer, took) in &answers {
            assert_eq!(answer.as_ref().unwrap_err(), "CALIBRATION_UNREACHABLE");
            assert!(*took < Duration::from_secs(6), "{took:?}");
        }
        quick += answers.iter().filter(|(_, took)| *took < Duration::from_millis(500)).count();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(quick > 100, "once it is known, callers do not wait: {quick} did not");
    let tried = proxy.connections.load(Ordering::Relaxed) - before;
    assert!(tried < 40, "{tried} connections piled up");

    proxy.swallow.store(false, Ordering::Relaxed);
    let begun = Instant::now();
    while attempt().await.0.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it does not come back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Passes bytes on, until it is told to swallow them: then nothing comes through, and nothing is closed.
struct Proxy {
    address: SocketAddr,
    swallow: Arc<AtomicBool>,
    connections: Arc<AtomicU32>,
}

impl Proxy {
    async fn start(to: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = Self { address, swallow: Arc::default(), connections: Arc::default() };
        let (swallow, connections) = (Arc::clone(&proxy.swallow), Arc::clone(&proxy.connections));
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                let swallow = Arc::clone(&swallow);
                tokio::spawn(async move {
                    let swallowed = async |since: bool| {
                        while swallow.load(Ordering::Relaxed) != since {
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                    };
                    let Ok(mut server) = TcpStream::connect(to).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => return,
                        () = swallowed(true) => {}
                    }
                    // Held open, and silent, until packets come through again; then it is too late for this one.
                    swallowed(false).await;
                });
            }
        });
        proxy
    }
}
