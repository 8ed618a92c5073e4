//! Page tokens: where a page ended, sealed so that nobody but this server can make or change one.

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use contract::{List, Watch};
use uuid::Uuid;

use super::Value;
use crate::db::LogPosition;

/// First byte of every token; a change of what follows takes another.
const VERSION: u8 = 1;
/// Bytes of HMAC-SHA256.
const MAC_LENGTH: usize = 32;
/// Bytes of a UUID.
const ID_LENGTH: usize = 16;

/// Seals page tokens under one secret, which the replicas of a service share.
#[derive(Clone)]
pub struct Sealer(hmac::Key);

impl Sealer {
    /// A sealer with this secret. Tokens sealed under another are invalid.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The seal of one organization's list: same method, same order, same request apart from which page it wants.
    pub(super) fn seal<Request: List>(
        &self,
        organization: Uuid,
        request: &Request,
        field: &str,
        descending: bool,
    ) -> Seal {
        let query = request.without_page().encode_to_vec();
        let parts = [Request::METHOD.as_bytes(), field.as_bytes(), &query];
        Seal(self.context(b"spectra page token", organization, descending, &parts))
    }

    /// The seal of one organization's watch: same method, same request apart from where it resumes.
    pub(crate) fn seal_resume<Request: Watch>(&self, organization: Uuid, request: &Request) -> ResumeSeal {
        let query = request.without_resume_token().encode_to_vec();
        let parts = [Request::METHOD.as_bytes(), &query];
        ResumeSeal(Seal(self.context(b"spectra resume token", organization, false, &parts)))
    }

    fn context(&self, label: &[u8], organization: Uuid, descending: bool, parts: &[&[u8]]) -> hmac::Context {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(label);
        context.update(organization.as_bytes());
        context.update(&[u8::from(descending)]);
        for part in parts {
            // The length goes first, so that no two lists of parts read alike.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context
    }
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) key: Value,
    pub(super) id: Uuid,
}

impl Position {
    /// Version, kind, id, key.
    fn encode(&self) -> Vec<u8> {
        let (kind, key) = match &self.key {
            Value::Text(text) => (0, text.as_bytes().to_vec()),
            Value::Uuid(id) => (1, id.as_bytes().to_vec()),
            Value::Instant(instant) => (2, instant.timestamp_micros().to_be_bytes().to_vec()),
            Value::Integer(number) => (3, number.to_be_bytes().to_vec()),
            Value::Boolean(truth) => (4, vec![u8::from(*truth)]),
        };
        [&[VERSION, kind], self.id.as_bytes().as_slice(), &key].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let ([VERSION, kind], bytes) = bytes.split_first_chunk()? else { return None };
        let (id, key) = bytes.split_first_chunk::<ID_LENGTH>()?;
        let key = match kind {
            0 => Value::Text(String::from_utf8(key.to_vec()).ok()?),
            1 => Value::Uuid(Uuid::from_slice(key).ok()?),
            2 => Value::Instant(DateTime::from_timestamp_micros(i64::from_be_bytes(key.try_into().ok()?))?),
            3 => Value::Integer(i64::from_be_bytes(key.try_into().ok()?)),
            4 => Value::Boolean(key == [1]),
            _ => return None,
        };
        Some(Self { key, id: Uuid::from_bytes(*id) })
    }
}

/// HMAC over everything but the position, which comes last.
pub(super) struct Seal(hmac::Context);

impl Seal {
    /// The token of a position.
    pub(super) fn close(&self, position: &Position) -> String {
        self.close_bytes(position.encode())
    }

    fn close_bytes(&self, mut token: Vec<u8>) -> String {
        let mac = self.mac(&token);
        token.extend_from_slice(mac.as_ref());
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The position in a token; `None` where this seal did not close it.
    pub(super) fn open(&self, token: &str) -> Option<Position> {
        Position::decode(&self.open_bytes(token)?)
    }

    fn open_bytes(&self, token: &str) -> Option<Vec<u8>> {
        let mut token = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (position, mac) = token.split_last_chunk::<MAC_LENGTH>()?;
        constant_time::verify_slices_are_equal(self.mac(position).as_ref(), mac).ok()?;
        token.truncate(token.len() - MAC_LENGTH);
        Some(token)
    }

    fn mac(&self, position: &[u8]) -> hmac::Tag {
        let mut context = self.0.clone();
        context.update(position);
        context.sign()
    }
}

/// Seals where a watch is to go on.
pub(crate) struct ResumeSeal(Seal);

impl ResumeSeal {
    /// The token of a position in the event log.
    pub(crate) fn close(&self, position: LogPosition) -> String {
        let LogPosition { epoch, txid, seq } = position;
        let mut token = vec![VERSION];
        [epoch, txid, seq].into_iter().for_each(|number| token.extend_from_slice(&number.to_be_bytes()));
        self.0.close_bytes(token)
    }

    /// The position in a token; `None` where this seal did not close it.
    pub(crate) fn open(&self, token: &str) -> Option<LogPosition> {
        let bytes = self.0.open_bytes(token)?;
        let ([VERSION], numbers) = bytes.split_first_chunk()? else { return None };
        let mut numbers = numbers.chunks_exact(8).filter_map(|bytes| bytes.try_into().ok().map(i64::from_be_bytes));
        Some(LogPosition { epoch: numbers.next()?, txid: numbers.next()?, seq: numbers.next()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            ".{0,60}".prop_map(Value::Text),
            any::<u128>().prop_map(|id| Value::Uuid(Uuid::from_u128(id))),
            // Years 0000 to 9999.
            (-62_167_219_200_000_000..253_402_300_800_000_000_i64)
                .prop_map(|at| Value::Instant(DateTime::from_timestamp_micros(at).expect("within range"))),
            any::<i64>().prop_map(Value::Integer),
            any::<bool>().prop_map(Value::Boolean),
        ]
    }

    proptest! {
        #[test]
        fn a_position_survives_its_token(key in value(), id: u128) {
            let position = Position { key, id: Uuid::from_u128(id) };
            let seal = Seal(hmac::Context::with_key(&Sealer::new(&[7; 32]).0));
            prop_assert_eq!(seal.open(&seal.close(&position)), Some(position));
        }

        #[test]
        fn no_other_text_opens(
            token in "[A-Za-z0-9_-]{0,200}",
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let seal = Seal(hmac::Context::with_key(&Sealer::new(&[7; 32]).0));
            prop_assert_eq!(seal.open(&token), None);
            let _ = Position::decode(&bytes);
        }
    }
}
