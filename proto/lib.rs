//! The contract: everything that `proto/` says, as Rust.
//!
//! Types, clients and servers are in one module a package ([`auth`], [`samples`], [`calibration`], [`runs`],
//! [`common`]); [`method`] answers what a method declares about itself; [`FILE_DESCRIPTOR_SET`] feeds reflection.

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::{DescriptorPool, ExtensionDescriptor, MethodDescriptor};

pub use prost_protovalidate::{Validate, Violation};
pub use spectra::{auth, calibration, common, runs, samples};

#[allow(missing_docs, unused_parens, clippy::all, clippy::pedantic, rustdoc::all)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/packages.rs"));

    include!(concat!(env!("OUT_DIR"), "/requests.rs"));
    include!(concat!(env!("OUT_DIR"), "/validate_impl.rs"));
}
pub use generated::google::api::{HttpRule, http_rule};
use generated::spectra;

/// Every file of the contract with its imports, encoded as `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The descriptors, with custom options readable.
pub static DESCRIPTOR_POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the build compiled these descriptors"));

/// A request of a mutating method: it carries a request_id, under which its response can be replayed.
pub trait Mutation: prost::Message + Clone + Default {
    /// `package.Service/Method`.
    const METHOD: &'static str;

    /// The UUID that the client chose; empty where it chose none.
    fn request_id(&self) -> &str;

    /// The same request with the request_id cleared: what two uses of one request_id are compared by.
    #[must_use]
    fn without_request_id(&self) -> Self;
}

/// A request for one page of a list.
pub trait List: prost::Message {
    /// `package.Service/Method`.
    const METHOD: &'static str;

    /// Rows wanted; 0 where the client leaves it to the server.
    fn page_size(&self) -> i32;

    /// Token of the page before; empty for the first.
    fn page_token(&self) -> &str;

    /// Condition (AIP-160); empty for none.
    fn filter(&self) -> &str;

    /// Field to order by, perhaps followed by ` desc`; empty for created_at.
    fn order_by(&self) -> &str;

    /// Rows to pass over before the page.
    fn skip(&self) -> i32;

    /// What it asks for, whichever page of it.
    #[must_use]
    fn without_page(&self) -> Self;
}

/// A request to be told what happens.
pub trait Watch: prost::Message {
    /// `package.Service/Method`.
    const METHOD: &'static str;

    /// Condition (AIP-160); empty for none.
    fn filter(&self) -> &str;

    /// Where an earlier watch ended; empty to begin now.
    fn resume_token(&self) -> &str;

    /// What it asks for, wherever it begins.
    #[must_use]
    fn without_resume_token(&self) -> Self;
}

/// Who may call a method, as its proto declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// The caller's role must hold this permission.
    Permission(String),
    /// Any signed-in caller.
    SignedIn,
    /// Anybody.
    Public,
    /// These services.
    Internal {
        /// Names of the services.
        services: Vec<String>,
        /// Whether a user must stand behind the call.
        actor: common::v1::Actor,
    },
}

/// What a method declares about itself.
#[derive(Debug, Clone)]
pub struct Method {
    /// `/package.Service/Method`, the path of its calls.
    pub path: String,
    /// `package.Service`.
    pub service: String,
    /// Who may call it.
    pub access: Access,
    /// Whether its request carries a request_id.
    pub mutating: bool,
    /// Whether its response must never be stored.
    pub replay_never: bool,
    /// How it is called over plain HTTP; empty for those that are not.
    pub http: Vec<HttpRule>,
    /// Its descriptor.
    pub descriptor: MethodDescriptor,
}

static METHODS: LazyLock<HashMap<String, Method>> = LazyLock::new(|| {
    let option = |name| DESCRIPTOR_POOL.get_extension_by_name(name).expect("options.proto declares the option");
    let (access, replay) = (option("spectra.common.v1.access"), option("spectra.common.v1.replay"));
    let http = option("google.api.http");
    DESCRIPTOR_POOL
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .map(|descriptor| {
            let method = Method::read(descriptor, &access, &replay, &http);
            (method.path.clone(), method)
        })
        .collect()
});

impl Method {
    fn read(
        descriptor: MethodDescriptor,
        access: &ExtensionDescriptor,
        replay: &ExtensionDescriptor,
        http: &ExtensionDescriptor,
    ) -> Self {
        use common::v1::access::Rule;
        let options = descriptor.options();
        let rule = options
            .get_extension(access)
            .as_message()
            .and_then(|message| message.transcode_to::<common::v1::Access>().ok())
            .and_then(|access| access.rule)
            .expect("the build refuses a method without access");
        let http = Some(options.get_extension(http))
            .filter(|_| options.has_extension(http))
            .and_then(|rule| rule.as_message().and_then(|rule| rule.transcode_to::<HttpRule>().ok()));
        let service = descriptor.parent_service().full_name().to_owned();
        Self {
            path: format!("/{service}/{}", descriptor.name()),
            service,
            access: match rule {
                Rule::Permission(permission) => Access::Permission(permission),
                Rule::SignedIn(_) => Access::SignedIn,
                Rule::Public(_) => Access::Public,
                Rule::Internal(internal) => Access::Internal { actor: internal.actor(), services: internal.services },
            },
            mutating: descriptor.input().get_field_by_name("request_id").is_some(),
            replay_never: options.get_extension(replay).as_enum_number() == Some(1),
            http: http.map_or_else(Vec::new, bindings),
            descriptor,
        }
    }
}

impl Method {
    /// Whether a call may be sent again by whoever got no answer: it changes nothing.
    #[must_use]
    pub fn safe(&self) -> bool {
        !self.mutating && !self.replay_never
    }
}

/// A rule, and those beside it.
fn bindings(mut rule: HttpRule) -> Vec<HttpRule> {
    let further = std::mem::take(&mut rule.additional_bindings);
    std::iter::once(rule).chain(further).collect()
}

/// What the method with this path (`/package.Service/Method`) declares; `None` where there is no such method.
#[must_use]
pub fn method(path: &str) -> Option<&'static Method> {
    METHODS.get(path)
}

/// Every method of the contract, in no order.
pub fn methods() -> impl Iterator<Item = &'static Method> {
    METHODS.values()
}
