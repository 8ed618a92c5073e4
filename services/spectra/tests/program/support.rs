//! The program, started as a person would, and calls to it.

use std::{
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use contract::{
    auth::v1::{LoginRequest, auth_service_client::AuthServiceClient},
    samples::v1::{CreateSampleRequest, Sample},
};
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

/// A port of this machine that nobody listens at, and that none of the tests here was given before. It is below those that
/// the system takes for connections: one of them could take it before it is listened at.
pub fn free() -> SocketAddr {
    const LOWEST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let nth = std::process::id().wrapping_mul(7919).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(LOWEST + nth % COUNT).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return SocketAddr::from(([127, 0, 0, 1], port));
        }
    }
}

pub fn spectra(data: &Path, listen: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spectra"));
    command
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("SPECTRA_LISTEN", listen.to_string())
        .env("SPECTRA_ADMIN_LISTEN", free().to_string())
        .env("SPECTRA_DATA", data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A laboratory that was started by `up` and has said where it is.
pub struct Up {
    pub child: Child,
    pub listen: SocketAddr,
    pub said: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Up {
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    pub fn start_with(data: &Path, settings: &[(&str, String)]) -> Self {
        let listen = free();
        let settings = settings.iter().map(|(name, value)| (name, value));
        let mut child = spectra(data, listen).envs(settings).arg("up").spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let streams: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        let readers = streams.map(|stream| {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    said.lock().unwrap().push_str(&(line + "\n"));
                }
            })
        });
        let up = Self { child, listen, said, readers: readers.into() };
        let begun = Instant::now();
        while !up.said.lock().unwrap().contains("Ctrl-C stops everything") {
            assert!(begun.elapsed() < Duration::from_secs(60), "not up: {}", up.said.lock().unwrap());
            pause();
        }
        up
    }

    /// Sends a signal and waits for the end: its exit code, and how long it took.
    pub fn end(&mut self, signal: &str) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        (status.code(), begun.elapsed())
    }

    pub fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.listen)).unwrap().connect_lazy()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "this thread has nothing else to do")]
pub fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

pub fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("spectra-program-").tempdir().unwrap()
}

pub async fn sign_in(channel: &Channel) -> MetadataValue<Ascii> {
    let request = LoginRequest { username: "engineer@demo.lab".into(), password: "eng123".into(), otp: String::new() };
    let tokens = AuthServiceClient::new(channel.clone()).login(request).await.unwrap().into_inner();
    format!("Bearer {}", tokens.access_token).parse().unwrap()
}

pub fn with<T>(token: &MetadataValue<Ascii>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", token.clone());
    request
}

pub fn create(name: &str) -> CreateSampleRequest {
    let sample = Sample { name: name.to_owned(), material_type: "wafer".to_owned(), ..Default::default() };
    CreateSampleRequest { sample: Some(sample), request_id: String::new() }
}
