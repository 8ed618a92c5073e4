//! Where a call came from, told by the edge to the services behind it: they see the edge's connection only.

use std::net::IpAddr;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, Request};
use tonic::body::Body;

use super::listener::ClientAddress;

/// Name of the header. Nobody but our processes can make its value.
const HEADER: &str = "x-spectra-client-address";

/// Seals addresses under a secret that the laboratory's processes share.
#[derive(Clone)]
pub struct Origin(hmac::Key);

impl Origin {
    /// With this secret. What was sealed under another is not believed.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Notes on a call that goes on to another process where it came from.
    pub fn note(&self, request: &mut Request<Body>) {
        let address = request.extensions().get::<ClientAddress>().map(|client| client.0.to_string());
        let headers = request.headers_mut();
        headers.remove(HEADER);
        let sealed = address.map(|address| {
            let mac = hmac::sign(&self.0, address.as_bytes());
            HeaderValue::try_from(format!("{address} {}", URL_SAFE_NO_PAD.encode(mac.as_ref())))
        });
        if let Some(Ok(sealed)) = sealed {
            headers.insert(HEADER, sealed);
        }
    }

    /// Where a call came from, if a process of ours says so.
    pub(super) fn read(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let (address, mac) = headers.get(HEADER)?.to_str().ok()?.split_once(' ')?;
        hmac::verify(&self.0, address.as_bytes(), &URL_SAFE_NO_PAD.decode(mac).ok()?).ok()?;
        address.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_believed_from_the_edge_and_from_nobody_else() {
        let (edge, stranger) = (Origin::new(&[7; 32]), Origin::new(&[8; 32]));
        let client: IpAddr = "192.0.2.7".parse().unwrap();
        let mut request = Request::new(Body::empty());
        request.headers_mut().insert(HEADER, HeaderValue::from_static("10.0.0.1 forged"));
        assert_eq!(edge.read(request.headers()), None);
        request.extensions_mut().insert(ClientAddress(client));
        stranger.note(&mut request);
        assert_eq!(edge.read(request.headers()), None);
        edge.note(&mut request);
        assert_eq!(edge.read(request.headers()), Some(client));
        let mac = request.headers()[HEADER].to_str().unwrap().split_once(' ').unwrap().1.to_owned();
        request.headers_mut().insert(HEADER, HeaderValue::try_from(format!("192.0.2.8 {mac}")).unwrap());
        assert_eq!(edge.read(request.headers()), None, "another address under the same seal");
    }
}
