//! Where a call comes from, where proxies stand before the edge.

use std::net::IpAddr;

use http::Request;
use ipnet::IpNet;
use spectra_runtime::server::ClientAddress;

/// To it, each proxy appends the address that it was called from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Proxies that are believed.
#[derive(Clone, Default)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    pub fn new(trusted: Vec<IpNet>) -> Self {
        Self(trusted)
    }

    /// Notes on a request the nearest address that none of them has: what stands before it in the header, anybody may
    /// have written.
    pub fn see_through<B>(&self, request: &mut Request<B>) {
        let Some(ClientAddress(peer)) = request.extensions().get::<ClientAddress>().copied() else { return };
        if !self.trusts(peer) {
            return;
        }
        let headers = request.headers().get_all(FORWARDED_FOR);
        let hops: Vec<&str> =
            headers.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
        let mut address = peer;
        for hop in hops.into_iter().rev() {
            let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
            address = hop.to_canonical();
            if !self.trusts(address) {
                break;
            }
        }
        request.extensions_mut().insert(ClientAddress(address));
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, headers: &[&str]) -> String {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
        let mut request = Request::builder();
        for header in headers {
            request = request.header(FORWARDED_FOR, *header);
        }
        let mut request = request.extension(ClientAddress(peer.parse().unwrap())).body(()).unwrap();
        proxies.see_through(&mut request);
        request.extensions().get::<ClientAddress>().unwrap().0.to_string()
    }

    #[test]
    fn the_nearest_address_that_no_trusted_proxy_has_is_the_clients() {
        assert_eq!(seen("10.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(
            seen("10.0.0.1", &["198.51.100.1, 192.0.2.7, 10.9.9.9"]),
            "192.0.2.7",
            "the rest is a client's word"
        );
        assert_eq!(seen("10.0.0.1", &["198.51.100.1", "192.0.2.7,2001:db8::5"]), "192.0.2.7");
        assert_eq!(seen("::ffff:10.0.0.1", &["192.0.2.7"]), "192.0.2.7");
    }

    #[test]
    fn nobody_else_is_believed() {
        assert_eq!(seen("203.0.113.9", &["192.0.2.7"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["192.0.2.7, unknown"]), "10.0.0.1", "nothing is read past what is no address");
        assert_eq!(seen("10.0.0.1", &["10.0.0.2"]), "10.0.0.2");
    }
}
