//! TLS 1.3 from files, which are read again when they change: a renewed certificate needs no restart.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
    version::TLS13,
};
use tokio::sync::watch;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use super::Drain;

/// Between two looks at the files.
const LOOK_PERIOD: Duration = Duration::from_secs(2);

/// Files in PEM form.
#[derive(Debug, Clone)]
pub struct Files {
    /// The certificate by which the process proves itself, with those between it and the authority's.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Certificates of the authority that the laboratory's services are signed by.
    pub authority: Option<PathBuf>,
}

/// The process's TLS. Clones are renewed together.
#[derive(Clone)]
pub struct Tls {
    open: watch::Receiver<Arc<ServerConfig>>,
    mutual: watch::Receiver<Arc<ServerConfig>>,
    client: watch::Receiver<ClientTlsConfig>,
}

struct Loaded {
    open: Arc<ServerConfig>,
    mutual: Arc<ServerConfig>,
    client: ClientTlsConfig,
}

impl Tls {
    /// Reads the files, and goes on looking at them until the drain closes. Files that cannot be used are told in the
    /// log, and those read before stay in force.
    ///
    /// # Errors
    /// A sentence on which file cannot be used, and why.
    pub fn start(files: Files, drain: Drain) -> Result<Self, String> {
        let mut read_at = changed_at(&files);
        let loaded = load(&files)?;
        let (open, open_now) = watch::channel(loaded.open);
        let (mutual, mutual_now) = watch::channel(loaded.mutual);
        let (client, client_now) = watch::channel(loaded.client);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = drain.closed() => return,
                    () = tokio::time::sleep(LOOK_PERIOD) => {}
                }
                let now = changed_at(&files);
                if now == read_at {
                    continue;
                }
                read_at = now;
                match load(&files) {
                    Ok(loaded) => {
                        open.send_replace(loaded.open);
                        mutual.send_replace(loaded.mutual);
                        client.send_replace(loaded.client);
                        tracing::info!(certificate = %files.certificate.display(), "TLS files have changed and are in force");
                    }
                    Err(error) => {
                        tracing::warn!(error, "TLS files have changed and cannot be used; the former ones stay")
                    }
                }
            }
        });
        Ok(Self { open: open_now, mutual: mutual_now, client: client_now })
    }

    /// For a listener that everybody may connect to, or only services of the laboratory.
    #[must_use]
    pub fn server(&self, mutual: bool) -> watch::Receiver<Arc<ServerConfig>> {
        if mutual { self.mutual.clone() } else { self.open.clone() }
    }

    pub(super) fn client(&self) -> watch::Receiver<ClientTlsConfig> {
        self.client.clone()
    }
}

/// For one call as the process: whom it trusts, and by what it proves itself.
///
/// # Errors
/// A sentence on which file cannot be used, and why.
pub fn client(files: &Files) -> Result<ClientTlsConfig, String> {
    load(files).map(|loaded| loaded.client)
}

fn paths(files: &Files) -> impl Iterator<Item = &Path> {
    [Some(&files.certificate), Some(&files.key), files.authority.as_ref()].into_iter().flatten().map(PathBuf::as_path)
}

fn changed_at(files: &Files) -> Vec<Option<SystemTime>> {
    paths(files).map(|path| fs::metadata(path).and_then(|file| file.modified()).ok()).collect()
}

fn load(files: &Files) -> Result<Loaded, String> {
    let unusable = |path: &Path, why: &dyn std::fmt::Display| format!("{} cannot be used: {why}", path.display());
    let read = |path: &Path| fs::read(path).map_err(|error: io::Error| unusable(path, &error));
    let (certificate, key) = (read(&files.certificate)?, read(&files.key)?);
    let authority = files.authority.as_deref().map(read).transpose()?;

    let chain = || certificates(&certificate).map_err(|why| unusable(&files.certificate, &why));
    let private = || PrivateKeyDer::from_pem_slice(&key).map_err(|why| unusable(&files.key, &why));
    let configure = |builder: rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>| {
        let mut config =
            builder.with_single_cert(chain()?, private()?).map_err(|why| unusable(&files.certificate, &why))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok::<_, String>(Arc::new(config))
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = || {
        ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(|why| format!("TLS 1.3 is not to be had: {why}"))
    };
    let open = configure(builder()?.with_no_client_auth())?;

    let mut client = ClientTlsConfig::new().identity(Identity::from_pem(&certificate, &key));
    let mutual = match (&authority, &files.authority) {
        (Some(authority), Some(path)) => {
            client = client.ca_certificate(Certificate::from_pem(authority));
            let mut roots = RootCertStore::empty();
            for root in certificates(authority).map_err(|why| unusable(path, &why))? {
                roots.add(root).map_err(|why| unusable(path, &why))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|why| unusable(path, &why))?;
            configure(builder()?.with_client_cert_verifier(verifier))?
        }
        _ => Arc::clone(&open),
    };
    Ok(Loaded { open, mutual, client })
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|why| why.to_string())?;
    if all.is_empty() { Err("it holds no certificate".to_owned()) } else { Ok(all) }
}
