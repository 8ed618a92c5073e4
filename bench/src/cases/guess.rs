//! Somebody guesses passwords while others work.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use contract::auth::v1::LoginRequest;
use http::Uri;

use super::read::Get;
use crate::{
    Result,
    load::{Call, Workload},
    wire::{Line, frame},
};

/// Wrong passwords for one account, all at once.
const GUESSES: u64 = 1_000;

/// GetSample, while an account after the other is guessed at.
pub(crate) struct BesideGuesses {
    get: Arc<Get>,
    login: Uri,
    accounts: AtomicU64,
}

impl BesideGuesses {
    pub(crate) fn new(line: &Line, get: Arc<Get>) -> Result<Self> {
        Ok(Self { get, login: line.method("spectra.auth.v1.AuthService/Login")?, accounts: AtomicU64::new(0) })
    }
}

impl Workload for BesideGuesses {
    fn next(&self) -> Option<Call> {
        self.get.next()
    }

    fn check(&self, key: u64, answer: Bytes) -> Result<()> {
        self.get.check(key, answer)
    }

    fn beside(&self) -> Vec<Call> {
        let account = self.accounts.fetch_add(1, Ordering::Relaxed);
        let guess = |number| LoginRequest {
            username: format!("guessed{account}@demo.lab"),
            password: format!("guess {number}"),
            otp: String::new(),
        };
        let call = |number| Call {
            address: self.login.clone(),
            bearer: None,
            message: Some(frame(&guess(number))),
            key: number,
        };
        (0..GUESSES).map(call).collect()
    }
}
