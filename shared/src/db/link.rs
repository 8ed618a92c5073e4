//! How a connection to the database is made: in the clear, or by TLS where its URL says so, as libpq understands it:
//! `postgres://..?sslmode=require&sslrootcert=/path/of/authority.pem`. By TLS, the server's certificate and name are
//! checked always.

use std::{borrow::Cow, sync::Arc};

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio_postgres::{CancelToken, Client, Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A way to a database.
#[derive(Clone)]
pub struct Link {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Link {
    /// The way that a URL names.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence goes on after its name, without its password.
    pub fn new(url: &str) -> Result<Self, String> {
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let (ours, others): (Vec<_>, Vec<_>) = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .partition(|(name, _)| matches!(*name, "sslmode" | "sslrootcert"));
        let value = |name| ours.iter().find(|(known, _)| *known == name).map(|(_, value)| decoded(value));
        let (mode, authority) = (value("sslmode"), value("sslrootcert"));
        let others: Vec<String> = others.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut config: Config = format!("{place}?{}", others.join("&"))
            .parse()
            .map_err(|error: tokio_postgres::Error| format!("cannot be read: {error}"))?;
        let tls = match (mode.as_deref(), authority) {
            (None | Some("disable" | "allow" | "prefer"), None) => None,
            (None | Some("require" | "verify-ca" | "verify-full"), Some(authority)) => Some(by_tls(&authority)?),
            (Some("require" | "verify-ca" | "verify-full"), None) => {
                return Err("has sslmode=require: add sslrootcert=, the path of a PEM file with the \
                            authority of its certificate"
                    .to_owned());
            }
            (Some(mode), _) => {
                return Err(format!("has sslmode={mode}: it must be disable or require"));
            }
        };
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        Ok(Self { config, tls })
    }

    /// Whether it is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether it stays on this machine: by a socket of the file system, or the machine's own address.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.config.get_hosts().iter().all(|host| match host {
            tokio_postgres::config::Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
            tokio_postgres::config::Host::Unix(_) => true,
        })
    }

    /// A connection for diesel.
    ///
    /// # Errors
    /// Where the database does not let it in.
    pub async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        let refused = |error: tokio_postgres::Error| ConnectionError::BadConnection(told(&error));
        match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(refused)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(refused)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
        }
    }

    /// A connection without diesel.
    ///
    /// # Errors
    /// Where the database does not let it in.
    pub async fn client(&self) -> Result<Client, String> {
        match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(|error| told(&error))?;
                tokio::spawn(connection);
                Ok(client)
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(|error| told(&error))?;
                tokio::spawn(connection);
                Ok(client)
            }
        }
    }

    /// Has the server give up what a connection is doing.
    pub(super) async fn cancel(&self, token: CancelToken) -> Result<(), tokio_postgres::Error> {
        match &self.tls {
            None => token.cancel_query(NoTls).await,
            Some(tls) => token.cancel_query(tls.clone()).await,
        }
    }
}

fn by_tls(authority: &str) -> Result<MakeRustlsConnect, String> {
    let unusable = |why: &dyn std::fmt::Display| format!("has sslrootcert={authority}, which cannot be used: {why}");
    let pem = std::fs::read(authority).map_err(|error| unusable(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate.map_err(|error| unusable(&error))?).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err(unusable(&"it holds no certificate"));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// The error with its causes: by itself it says only that something went wrong.
fn told(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

/// Without percent-encoding.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        Link::new(url).err().expect("it is refused")
    }

    #[test]
    fn a_url_says_whether_it_is_encrypted_and_by_whose_word() {
        let socket = Link::new("postgres://me:pw@%2Ftmp%2Fx/lab").unwrap();
        assert!(socket.is_local() && !socket.is_encrypted());
        let remote = Link::new("postgres://me:pw@db.example/lab?sslmode=prefer&connect_timeout=3").unwrap();
        assert!(!remote.is_local() && !remote.is_encrypted());
        for (url, why) in [
            ("postgres://me:pw@db/lab?sslmode=require", "add sslrootcert"),
            ("postgres://me:pw@db/lab?sslmode=sometimes", "must be disable or require"),
            ("postgres://me:pw@db/lab?sslmode=require&sslrootcert=/nowhere", "/nowhere, which cannot be used"),
            ("postgres://me:pw@db/lab?sslmode=disable&sslrootcert=/nowhere", "sslmode=disable"),
            ("postgres://me:pw@db/lab?unheard=of", "cannot be read"),
        ] {
            let told = refused(url);
            assert!(told.contains(why) && !told.contains("pw@"), "{url}: {told}");
        }
    }
}
