//! The program as a person runs it: started, stopped, started again, and in each other's way.

use std::{
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use contract::{
    auth::v1::{LoginRequest, auth_service_client::AuthServiceClient},
    samples::v1::{CreateSampleRequest, ListSamplesRequest, Sample, samples_service_client::SamplesServiceClient},
};
use tonic::{
    Code, Request,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

/// A free port of this machine.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn spectra(data: &Path, listen: SocketAddr) -> Command {
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
struct Up {
    child: Child,
    listen: SocketAddr,
    said: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Up {
    fn start(data: &Path) -> Self {
        let listen = free();
        let mut child = spectra(data, listen).arg("up").spawn().unwrap();
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
    fn end(&mut self, signal: &str) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        (status.code(), begun.elapsed())
    }

    fn channel(&self) -> Channel {
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
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("spectra-program-").tempdir().unwrap()
}

async fn sign_in(channel: &Channel) -> MetadataValue<Ascii> {
    let request = LoginRequest { username: "engineer@demo.lab".into(), password: "eng123".into(), otp: String::new() };
    let tokens = AuthServiceClient::new(channel.clone()).login(request).await.unwrap().into_inner();
    format!("Bearer {}", tokens.access_token).parse().unwrap()
}

fn with<T>(token: &MetadataValue<Ascii>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", token.clone());
    request
}

fn create(name: &str) -> CreateSampleRequest {
    let sample = Sample { name: name.to_owned(), material_type: "wafer".to_owned(), ..Default::default() };
    CreateSampleRequest { sample: Some(sample), request_id: String::new() }
}

fn failed(output: &Output) -> String {
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    assert_eq!(said.lines().count(), 1, "one clear sentence, not: {said}");
    said
}

/// The processes of the cluster in this data folder.
fn servers(data: &Path) -> String {
    let found = Command::new("pgrep").args(["-f", &format!("{}/postgres", data.display())]).output().unwrap();
    String::from_utf8_lossy(&found.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_laboratory_and_back_and_its_data_stay() {
    let folder = folder();
    let data = folder.path().join("data");
    let mut up = Up::start(&data);
    let token = sign_in(&up.channel()).await;
    SamplesServiceClient::new(up.channel()).create_sample(with(&token, create("kept"))).await.unwrap();

    // A second one on the same folder.
    let second = spectra(&data, free()).arg("up").output().unwrap();
    let said = failed(&second);
    assert!(said.contains(&up.child.id().to_string()), "who has the folder: {said}");
    // Another on the same port.
    let other = self::folder();
    let third = spectra(&other.path().join("data"), up.listen).arg("up").output().unwrap();
    let said = failed(&third);
    assert!(said.contains(&format!("port {} is in use", up.listen.port())), "{said}");
    // A container's question.
    let url = format!("http://{}", up.listen);
    let asked = spectra(&data, free()).args(["healthcheck", &url]).output().unwrap();
    assert!(asked.status.success());

    let (code, took) = up.end("-INT");
    assert_eq!(code, Some(0), "{}", up.said.lock().unwrap());
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(servers(&data), "", "PostgreSQL is stopped too");
    let asked = spectra(&data, free()).args(["healthcheck", &url]).output().unwrap();
    assert!(failed(&asked).contains("is it running?"));

    let begun = Instant::now();
    let again = Up::start(&data);
    assert!(begun.elapsed() < Duration::from_secs(20), "a second start is quick, not {:?}", begun.elapsed());
    assert!(!again.said.lock().unwrap().contains("entered the demo"), "the seed is entered once");
    let token = sign_in(&again.channel()).await;
    let request = ListSamplesRequest { filter: "name = \"kept\"".to_owned(), ..Default::default() };
    let kept = SamplesServiceClient::new(again.channel()).list_samples(with(&token, request)).await.unwrap();
    assert_eq!(kept.into_inner().samples.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_end_under_load_it_answers_what_it_took_and_ends() {
    let folder = folder();
    let mut up = Up::start(&folder.path().join("data"));
    let token = sign_in(&up.channel()).await;
    let mut watch = HealthClient::new(up.channel()).watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status, 1);

    let (end, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let load: Vec<_> = (0..16)
        .map(|caller| {
            let (end, sent, acknowledged) = (Arc::clone(&end), Arc::clone(&sent), Arc::clone(&acknowledged));
            let (mut samples, token) = (SamplesServiceClient::new(up.channel()), token.clone());
            tokio::spawn(async move {
                let mut number = 0;
                while !end.load(Ordering::Relaxed) {
                    number += 1;
                    let name = format!("load {caller} {number}");
                    sent.fetch_add(1, Ordering::Relaxed);
                    match samples.create_sample(with(&token, create(&name))).await {
                        Ok(_) => acknowledged.lock().unwrap().push(name),
                        // Not taken: the connection was closing. That it was not taken is checked below, by what is
                        // in the table.
                        Err(status) => {
                            let unsent = std::error::Error::source(&status).is_some();
                            assert!(unsent || status.code() == Code::Unavailable, "{status:?}");
                            return;
                        }
                    }
                }
            })
        })
        .collect();
    while sent.load(Ordering::Relaxed) < 200 {
        tokio::task::yield_now().await;
    }
    let (code, took) = tokio::task::block_in_place(|| up.end("-TERM"));
    end.store(true, Ordering::Relaxed);
    for call in load {
        call.await.unwrap();
    }
    assert_eq!(code, Some(0), "{}", up.said.lock().unwrap());
    assert!(took < Duration::from_secs(25), "{took:?}");
    // The watch was told, and ended.
    let mut told = Vec::new();
    let last = loop {
        match watch.message().await {
            Ok(Some(message)) => told.push(message.status),
            other => break other,
        }
    };
    assert_eq!(told, [2], "NOT_SERVING is said before the end");
    assert_eq!(last.unwrap_err().code(), Code::Unavailable);

    // What was answered is there at the next start, and what is there was answered.
    let again = Up::start(&folder.path().join("data"));
    let token = sign_in(&again.channel()).await;
    let mut there = std::collections::HashSet::new();
    let mut request = ListSamplesRequest { page_size: 1000, ..Default::default() };
    loop {
        let page = SamplesServiceClient::new(again.channel()).list_samples(with(&token, request.clone())).await;
        let page = page.unwrap().into_inner();
        there.extend(page.samples.into_iter().map(|sample| sample.name).filter(|name| name.starts_with("load ")));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    let acknowledged: std::collections::HashSet<_> = acknowledged.lock().unwrap().iter().cloned().collect();
    assert!(acknowledged.len() > 100);
    assert_eq!(there.symmetric_difference(&acknowledged).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn what_it_lacks_is_told_in_one_sentence() {
    let folder = folder();
    let data = folder.path().join("data");
    let empty: PathBuf = folder.path().join("no-programs");
    std::fs::create_dir(&empty).unwrap();
    let without = spectra(&data, free()).env("SPECTRA_PG_BIN", &empty).arg("up").output().unwrap();
    assert!(failed(&without).contains("PostgreSQL"));

    let old = folder.path().join("old");
    std::fs::create_dir(&old).unwrap();
    for program in ["initdb", "postgres", "pg_ctl", "pg_isready", "psql"] {
        let path = old.join(program);
        std::fs::write(&path, "#!/bin/sh\necho \"$(basename \"$0\") (PostgreSQL) 13.4\"\n").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let too_old = spectra(&data, free()).env("SPECTRA_PG_BIN", &old).arg("up").output().unwrap();
    let said = failed(&too_old);
    assert!(said.contains("13") && said.contains("15"), "{said}");

    let serve = spectra(&data, free()).arg("serve").output().unwrap();
    assert!(failed(&serve).contains("JWT_SECRET is not set"));
    let seed = spectra(&data, free()).env("SPECTRA_PROFILE", "production").arg("seed").output().unwrap();
    assert!(!seed.status.success());
    let help = spectra(&data, free()).arg("--help").output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for word in ["up", "serve", "migrate", "seed", "healthcheck", "config"] {
        assert!(help.contains(word), "{help}");
    }
}

/// A full disk, as a small file system of our own: needs the right to mount one, which a test's user may lack.
#[test]
fn a_full_disk_is_told_in_one_sentence() {
    let folder = folder();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(&disk).output().unwrap();
    if !mounted.status.success() {
        println!("no right to mount a file system: the full disk is not tried");
        return;
    }
    let full = spectra(&disk.join("data"), free()).arg("up").output().unwrap();
    let unmounted = Command::new("umount").arg(&disk).status().unwrap();
    assert!(unmounted.success());
    let said = failed(&full);
    assert!(said.contains("full") || said.contains("space"), "{said}");
}
