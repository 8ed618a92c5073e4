//! GetSample and ListSamples, and the statements that read the same rows.

use bytes::Bytes;
use contract::samples::v1::{GetSampleRequest, GetSampleResponse, ListSamplesRequest, ListSamplesResponse};
use prost::Message as _;

use super::{Caller, expect};
use crate::{
    Result,
    database::{GENERIC_PLANS, Script},
    load::{Call, Workload},
    seed::{NUMBERS_FROM, Organization, SAMPLE, SAMPLES, World, sample_id},
    wire::{Line, frame},
};

const LIST: &str = "spectra.samples.v1.SamplesService/ListSamples";
/// Rows of a page in the list case.
const PAGE: i32 = 50;
/// Pages among which each call chooses.
const PAGES: u64 = 199;
/// Rows of a page where page 10,000 is compared with page 1, and the page that is compared.
const SMALL_PAGE: i32 = 10;
const LATE_PAGE: u64 = 10_000;

/// Random samples of some organizations.
pub(crate) struct Get {
    callers: Vec<Caller>,
    samples: u64,
}

impl Get {
    /// Among so many samples of each of these.
    pub(crate) fn new(line: &Line, organizations: &[&Organization], samples: u64) -> Result<Self> {
        let caller = |organization: &&Organization| {
            Caller::new(line, "spectra.samples.v1.SamplesService/GetSample", organization)
        };
        Ok(Self { callers: organizations.iter().map(caller).collect::<Result<_>>()?, samples })
    }
}

impl Workload for Get {
    fn next(&self) -> Option<Call> {
        let number = rand::random_range(1..=self.samples);
        let who = rand::random_range(0..self.callers.len());
        let key = number * self.callers.len() as u64 + who as u64;
        Some(self.callers[who].call(&GetSampleRequest { id: sample_id(number) }, key))
    }

    fn check(&self, key: u64, answer: Bytes) -> Result<()> {
        let (number, who) = (key / self.callers.len() as u64, key as usize % self.callers.len());
        let sample = GetSampleResponse::decode(answer)?.sample.unwrap_or_default();
        expect("the id", &sample_id(number), &sample.id)?;
        // The two organizations have samples with the same ids: whose it is, its name tells.
        expect("the name", &format!("{} {number}", self.callers[who].organization.slug), &sample.name)
    }
}

/// The same samples by plain HTTP, as JSON.
pub(crate) struct GetJson {
    /// Where samples are, without the id.
    samples: String,
    organization: Organization,
}

impl GetJson {
    pub(crate) fn new(line: &Line, organization: &Organization) -> Result<Self> {
        Ok(Self { samples: line.method("api/v1/samples")?.to_string(), organization: organization.clone() })
    }
}

impl Workload for GetJson {
    fn next(&self) -> Option<Call> {
        let number = rand::random_range(1..=SAMPLES);
        let address = format!("{}/{}", self.samples, sample_id(number)).parse().ok()?;
        Some(Call { address, bearer: Some(self.organization.bearer.clone()), message: None, key: number })
    }

    fn check(&self, key: u64, answer: Bytes) -> Result<()> {
        let answer: serde_json::Value = serde_json::from_slice(&answer)?;
        expect("the id", &sample_id(key), answer["id"].as_str().unwrap_or_default())
    }
}

/// Pages of the list in its default order.
pub(crate) struct Pages {
    caller: Caller,
    size: i32,
    /// The framed request of each page, and the number of the sample that it ends before.
    pages: Vec<(Bytes, u64)>,
}

impl Pages {
    /// Pages of 50 that begin anywhere.
    pub(crate) async fn at_random(line: &mut Line, world: &World) -> Result<Self> {
        let caller = Caller::new(line, LIST, &world.demo)?;
        let (mut token, mut pages) = (String::new(), Vec::new());
        let between = SAMPLES / (PAGES + 1);
        for page in 1..=PAGES {
            token = next_token(line, &caller, i32::try_from(between)?, token).await?;
            pages.push((request(PAGE, &token), page * between));
        }
        Ok(Self { caller, size: PAGE, pages })
    }

    /// Page 1 and page 10,000.
    pub(crate) async fn first_and_late(line: &mut Line, world: &World) -> Result<(Self, Self)> {
        const LARGE_PAGE: u64 = 1_000;
        let caller = Caller::new(line, LIST, &world.demo)?;
        let before = (LATE_PAGE - 1) * u64::try_from(SMALL_PAGE)?;
        let mut token = String::new();
        // In large steps as far as they go: a token says where a page ended, whatever its size was.
        for _ in 0..before / LARGE_PAGE {
            token = next_token(line, &caller, i32::try_from(LARGE_PAGE)?, token).await?;
        }
        for _ in 0..before % LARGE_PAGE / u64::try_from(SMALL_PAGE)? {
            token = next_token(line, &caller, SMALL_PAGE, token).await?;
        }
        let at = |token: &str, before| Self {
            caller: caller.clone(),
            size: SMALL_PAGE,
            pages: vec![(request(SMALL_PAGE, token), before)],
        };
        Ok((at("", 0), at(&token, before)))
    }
}

impl Workload for Pages {
    fn next(&self) -> Option<Call> {
        let page = rand::random_range(0..self.pages.len());
        Some(self.caller.send(self.pages[page].0.clone(), page as u64))
    }

    fn check(&self, key: u64, answer: Bytes) -> Result<()> {
        let before = self.pages.get(key as usize).map_or(0, |page| page.1);
        let samples = ListSamplesResponse::decode(answer)?.samples;
        expect("the number of rows", &self.size.to_string(), &samples.len().to_string())?;
        let (first, last) = (samples.first(), samples.last());
        expect("the first id", &sample_id(before + 1), first.map_or("", |sample| &sample.id))?;
        expect("the last id", &sample_id(before + self.size as u64), last.map_or("", |sample| &sample.id))
    }
}

fn request(page_size: i32, page_token: &str) -> Bytes {
    frame(&ListSamplesRequest { page_size, page_token: page_token.to_owned(), ..Default::default() })
}

async fn next_token(line: &mut Line, caller: &Caller, page_size: i32, page_token: String) -> Result<String> {
    let request = ListSamplesRequest { page_size, page_token, ..Default::default() };
    let page: ListSamplesResponse = line.call(LIST, Some(&caller.organization.bearer), &request).await?;
    if page.next_page_token.is_empty() { Err("the list ended too early".into()) } else { Ok(page.next_page_token) }
}

/// The bare statement of GetSample.
pub(crate) fn select(organizations: &[&Organization]) -> Script {
    Script::bare(point_selects(organizations, ""))
}

/// The same under row security; where organizations are mixed, the session changes over first.
pub(crate) fn bound_select(organizations: &[&Organization]) -> Script {
    let bind = if organizations.len() > 1 { "SELECT set_config('app.org_id', 'ORGANIZATION', false);\n" } else { "" };
    Script::bound(point_selects(organizations, bind), &organizations[0].id)
}

fn point_selects(organizations: &[&Organization], before: &str) -> Vec<String> {
    // Of many organizations, each has as many rows as the mixed case reads.
    let samples = if organizations.len() > 1 { crate::seed::MIXED_SAMPLES } else { SAMPLES };
    let (first, last) = (NUMBERS_FROM + 1, NUMBERS_FROM + samples);
    let transaction = |organization: &&Organization| {
        format!(
            "\\set n random({first}, {last})\n{before}\
             SELECT * FROM samples.sample WHERE org_id = 'ORGANIZATION' AND id = ('{SAMPLE}' || :n)::uuid;\n"
        )
        .replace("ORGANIZATION", &organization.id)
    };
    organizations.iter().map(transaction).collect()
}

/// The bare statement of a page, on sessions with generic plans: for it, they are the faster ones.
pub(crate) fn keyset_page(world: &World) -> Script {
    Script { options: GENERIC_PLANS.to_owned(), ..Script::bare([page_statement(world)]) }
}

/// The same under row security.
pub(crate) fn bound_keyset_page(world: &World) -> Script {
    Script::bound([page_statement(world)], &world.demo.id)
}

/// One row more than the page has, as the product reads, to know whether there is a next page.
fn page_statement(world: &World) -> String {
    let (organization, first_s) = (&world.demo.id, world.registered_s(0));
    let last = SAMPLES - 2 * PAGE as u64;
    format!(
        "\\set n random(1, {last})\n\\set at {first_s} + :n\n\\set id {NUMBERS_FROM} + :n\n\
         SELECT * FROM samples.sample WHERE org_id = '{organization}' \
         AND (created_at, id) > (to_timestamp(:at), ('{SAMPLE}' || :id)::uuid) \
         ORDER BY created_at, id LIMIT {};\n",
        PAGE + 1
    )
}
