//! What is measured, against what, and how fast it is meant to be.

mod guess;
mod read;
mod write;

use std::sync::Arc;

use bytes::Bytes;
use http::Uri;
use prost::Message;

use crate::{
    Result,
    database::Script,
    load::{Call, Workload},
    seed::{Organization, World},
    wire::{Line, frame},
};

/// A case: the product's work, and what it is compared with.
pub(crate) struct Case {
    /// Its name in options and results.
    pub(crate) key: &'static str,
    /// Its name in the table.
    pub(crate) title: &'static str,
    /// What the product does.
    pub(crate) product: Arc<dyn Workload>,
    /// What that is divided by.
    pub(crate) base: Base,
    /// The same statements as the product sends, by pgbench.
    pub(crate) envelope: Option<Script>,
    /// What the ratio is of.
    pub(crate) of: Of,
    /// The ratio that this version is to reach.
    pub(crate) goal: f64,
    /// The ratio that the product is to reach one day.
    pub(crate) later: f64,
}

/// What a ratio is of: speeds, which are to be great, or something that is to be small.
#[derive(serde::Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Of {
    /// Calls a second.
    Speeds,
    /// The time that all callers together need for a call.
    Times,
    /// The median of what one caller waits for a call.
    Medians,
    /// The program's processor time for a call.
    Processor,
}

/// What a case is compared with.
pub(crate) enum Base {
    /// The bare statement, by pgbench.
    Database(Script),
    /// Another call of the product.
    Product(Arc<dyn Workload>),
}

/// All cases, ready to be measured.
pub(crate) async fn all(line: &mut Line, world: &World) -> Result<Vec<Case>> {
    let get = Arc::new(read::Get::new(line, &[&world.demo], crate::seed::SAMPLES)?);
    let mixed = read::Get::new(line, &[&world.demo, &world.other], crate::seed::MIXED_SAMPLES)?;
    let pages = read::Pages::at_random(line, world).await?;
    let (first, late) = read::Pages::first_and_late(line, world).await?;
    let create = write::Create::new(line, &world.demo)?;
    let start = write::Start::new(line, world)?;
    let case = |key, title, product, base, envelope, goals: (f64, f64)| Case {
        key,
        title,
        product,
        base,
        envelope,
        of: Of::Speeds,
        goal: goals.0,
        later: goals.1,
    };
    Ok(vec![
        case(
            "get",
            "GetSample / point select",
            Arc::clone(&get) as Arc<dyn Workload>,
            Base::Database(read::select(&[&world.demo])),
            Some(read::bound_select(&[&world.demo])),
            (0.7, 1.0),
        ),
        case(
            "get-mixed",
            "GetSample, two organizations mixed / point select",
            Arc::new(mixed),
            Base::Database(read::select(&[&world.demo, &world.other])),
            Some(read::bound_select(&[&world.demo, &world.other])),
            (0.5, 0.75),
        ),
        case(
            "list",
            "ListSamples, page of 50 / keyset page, generic plans",
            Arc::new(pages),
            Base::Database(read::keyset_page(world)),
            Some(read::bound_keyset_page(world)),
            (0.4, 0.65),
        ),
        case(
            "create",
            "CreateSample / insert",
            Arc::new(create),
            Base::Database(write::insert(&world.demo)),
            Some(write::envelope(&world.demo)),
            (0.35, 0.5),
        ),
        Case {
            of: Of::Times,
            ..case(
                "page",
                "page 10,000 / page 1 (time)",
                Arc::new(late),
                Base::Product(Arc::new(first)),
                None,
                (1.1, 1.1),
            )
        },
        case(
            "start",
            "StartRun, with its authorization / GetSample",
            Arc::new(start),
            Base::Product(Arc::clone(&get) as Arc<dyn Workload>),
            None,
            (0.25, 0.25),
        ),
        Case {
            of: Of::Processor,
            ..case(
                "rest",
                "GetSample, plain HTTP / gRPC (processor time)",
                Arc::new(read::GetJson::new(line, &world.demo)?),
                Base::Product(Arc::clone(&get) as Arc<dyn Workload>),
                None,
                (1.6, 1.6),
            )
        },
        Case {
            of: Of::Medians,
            ..case(
                "guesses",
                "GetSample, beside 1,000 wrong passwords / alone (p50)",
                Arc::new(guess::BesideGuesses::new(line, Arc::clone(&get))?),
                Base::Product(get),
                None,
                (2.0, 2.0),
            )
        },
    ])
}

/// A method as somebody calls it.
#[derive(Clone)]
struct Caller {
    method: Uri,
    organization: Organization,
}

impl Caller {
    fn new(line: &Line, method: &str, organization: &Organization) -> Result<Self> {
        Ok(Self { method: line.method(method)?, organization: organization.clone() })
    }

    fn call(&self, message: &impl Message, key: u64) -> Call {
        self.send(frame(message), key)
    }

    fn send(&self, message: Bytes, key: u64) -> Call {
        let bearer = Some(self.organization.bearer.clone());
        Call { address: self.method.clone(), bearer, message: Some(message), key }
    }
}

/// An answer that is not the one that was to come.
fn expect(what: &str, wanted: &str, got: &str) -> Result<()> {
    if wanted == got { Ok(()) } else { Err(format!("{what} is {got:?}, not {wanted:?}").into()) }
}
