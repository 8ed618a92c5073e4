//! Whom the edge lets in from outside, and whom it believes.

use std::net::IpAddr;

use ipnet::IpNet;

use super::reader::Reader;

pub(super) fn cors_origins(reader: &mut Reader) -> Vec<String> {
    const NAME: &str = "SPECTRA_CORS_ORIGINS";
    let text = reader.text(NAME, "", "origins of web pages that may call, separated by commas");
    let mut origins = Vec::new();
    for origin in text.split(',').map(str::trim).filter(|origin| !origin.is_empty()) {
        if is_origin(origin) {
            origins.push(origin.to_owned());
        } else {
            let wanted =
                "it must be origins as browsers send them, such as https://lab.example or http://127.0.0.1:5173";
            reader.fault(NAME, format!("has {origin:?}; {wanted}"));
        }
    }
    origins
}

/// Whether a browser would name a page's origin so: scheme, host and a port that is not the scheme's own.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<http::Uri>() else { return false };
    let usual = match uri.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => return false,
    };
    let is_bare = uri.authority().is_some_and(|authority| text.ends_with(&format!("://{authority}")));
    is_bare && !text.contains('@') && text == text.to_lowercase() && uri.port_u16() != Some(usual)
}

pub(super) fn trusted_proxies(reader: &mut Reader) -> Vec<IpNet> {
    const NAME: &str = "SPECTRA_TRUSTED_PROXIES";
    let text = reader.text(
        NAME,
        "",
        "addresses or networks of proxies before the edge, separated by commas, whose X-Forwarded-For is believed",
    );
    let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty()).filter_map(|network| {
        let parsed = network.parse::<IpNet>().or_else(|_| network.parse::<IpAddr>().map(IpNet::from));
        if parsed.is_err() {
            reader.fault(NAME, format!("has {network:?}; it must be addresses or networks such as 10.0.0.0/8"));
        }
        parsed.ok()
    });
    networks.collect()
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    #[test]
    fn origins_are_as_browsers_send_them() {
        for (text, is_one) in [
            ("https://lab.example", true),
            ("http://127.0.0.1:5173", true),
            ("http://[::1]:5173", true),
            ("*", false),
            ("lab.example", false),
            ("https://lab.example/", false),
            ("https://lab.example:443", false),
            ("https://Lab.example", false),
            ("https://somebody@lab.example", false),
            ("ftp://lab.example", false),
        ] {
            let settings = Settings::read([("SPECTRA_CORS_ORIGINS".to_owned(), text.to_owned())].into());
            assert_eq!(settings.is_ok(), is_one, "{text}");
        }
    }
}
