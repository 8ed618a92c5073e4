//! A laboratory on a real socket.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use contract::{
    auth::v1::{CreateUserRequest, Role, User},
    calibration::v1::{Calibration, Capability, CreateCalibrationRequest, CreateInstrumentRequest, Instrument},
    runs::v1::{
        ApproveRecipeRequest, CreateRecipeRequest, CreateRunRequest, ParamLimit, Recipe, Run, SubmitRecipeRequest,
    },
    samples::v1::{CreateProjectRequest, CreateSampleRequest, Project, Sample},
};
use prost_types::{Struct, Timestamp, Value, value::Kind};
use spectra::{
    lab::{Lab, Means},
    settings::{SERVICES, Settings},
};
use spectra_runtime::{
    Clock,
    auth::{keys::Keys, token::Tokens},
    server::{self, Drain, Listener},
};
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};
use uuid::Uuid;

use crate::{Database, Person, database};

/// Seconds of a day.
const DAY_S: i64 = 86_400;

/// How a test's laboratory differs from the ordinary.
#[derive(Default)]
pub struct Start {
    /// Settings by their names.
    pub settings: Vec<(&'static str, String)>,
    /// Clocks of single services.
    pub clocks: BTreeMap<&'static str, Clock>,
}

/// A running laboratory with a database of its own.
pub struct TestLab {
    /// Its database.
    pub database: Database,
    /// Where its edge listens.
    pub address: SocketAddr,
    /// A connection to it.
    pub channel: Channel,
    /// Ends it.
    pub drain: Drain,
    /// The serving, which ends after the drain.
    pub serving: JoinHandle<()>,
}

/// Calls a second that no test makes.
const MANY: &str = "1000000";
/// The secret of every test's laboratory.
pub const SECRET: &str = "a secret that only the tests know and use";

impl TestLab {
    /// An ordinary laboratory.
    pub async fn start() -> Self {
        Self::start_with(Start::default()).await
    }

    /// A laboratory with other settings or clocks.
    pub async fn start_with(start: Start) -> Self {
        Self::on(database().await, start).await
    }

    /// A laboratory on a server of the test's own, at this URL.
    pub async fn start_on(url: &str) -> Self {
        Self::on(crate::postgres::fill(url).await, Start::default()).await
    }

    async fn on(database: Database, start: Start) -> Self {
        // One person of a test calls as often as a whole laboratory would.
        let often = ["SPECTRA_CALLS_PER_PERSON", "SPECTRA_CALLS_PER_ORGANIZATION"].map(|name| (name, MANY.to_owned()));
        let settings = often.into_iter().chain(start.settings);
        let environment = settings.map(|(name, value)| (name.to_owned(), value)).collect();
        let settings = Settings::read(environment).expect("settings");
        let means =
            Means { database_url: database.url.clone(), secret: Some(SECRET.to_owned().into()), clocks: start.clocks };
        let here: Vec<&'static str> = SERVICES.into_iter().chain(["edge"]).collect();
        let lab = Lab::start(&settings, &means, &here).await.expect("a laboratory");
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.expect("a port");
        let address = listener.address().expect("its address");
        let drain = lab.drain.clone();
        lab.ready().await;
        lab.standing.serving(drain.clone()).await;
        let edge = Arc::clone(&lab.edge);
        let closing = drain.clone();
        let serving = tokio::spawn(async move {
            server::serve(listener, edge, closing).await;
            lab.finish().await;
        });
        let channel = Endpoint::from_shared(format!("http://{address}")).expect("an address").connect_lazy();
        Self { database, address, channel, drain, serving }
    }

    /// Another connection to it.
    #[must_use]
    pub fn connect(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).expect("an address").connect_lazy()
    }

    /// Somebody of the first organization: `admin`, `pi`, `engineer`, `tech` or `viewer`.
    pub async fn person(&self, who: &str) -> Person {
        Person::sign_in(&self.channel, &format!("{who}@demo.lab")).await
    }

    /// Somebody of the second organization.
    pub async fn stranger(&self, who: &str) -> Person {
        Person::sign_in(&self.channel, &format!("{who}@other.lab")).await
    }

    /// Ends it, and waits for the end.
    pub async fn stop(mut self) {
        self.drain.close();
        let _ = tokio::time::timeout(Duration::from_secs(25), &mut self.serving).await;
    }
}

impl Drop for TestLab {
    fn drop(&mut self) {
        self.drain.close();
    }
}

/// What a test needs to have around, entered as a person would.
impl Person {
    /// Somebody with an address of their own, who signs in with [`PASSWORD`].
    pub async fn new_user(&self, role: Role) -> User {
        let user = User {
            email: format!("{}@new.lab", Uuid::now_v7()),
            display_name: "Nova Newcomer".to_owned(),
            role: role.into(),
            ..Default::default()
        };
        let request = CreateUserRequest { user: Some(user), password: PASSWORD.to_owned() };
        self.users().create_user(request).await.expect("a person").into_inner().user.expect("a person")
    }

    /// A sample with a name of its own.
    pub async fn new_sample(&self) -> Sample {
        let sample = Sample {
            name: format!("sample {}", Uuid::now_v7()),
            material_type: "wafer".to_owned(),
            ..Default::default()
        };
        let request = CreateSampleRequest { sample: Some(sample), request_id: String::new() };
        self.samples().create_sample(request).await.expect("a sample").into_inner().sample.expect("a sample")
    }

    /// A project with a code of its own.
    pub async fn new_project(&self) -> Project {
        // The end of a UUIDv7 is the part that differs.
        let code = format!("P-{}", &Uuid::now_v7().simple().to_string()[12..]);
        let project = Project { code, name: "A project".to_owned(), ..Default::default() };
        let request = CreateProjectRequest { project: Some(project), request_id: String::new() };
        self.projects().create_project(request).await.expect("a project").into_inner().project.expect("a project")
    }

    /// An instrument for I-V sweeps, not calibrated.
    pub async fn new_instrument(&self) -> Instrument {
        let capability = |quantity: &str, range: &str, unit: &str| Capability {
            quantity: quantity.to_owned(),
            range_low: format!("-{range}"),
            range_high: range.to_owned(),
            unit: unit.to_owned(),
            ..Default::default()
        };
        let instrument = Instrument {
            asset_code: format!("A-{}", Uuid::now_v7()),
            manufacturer: "Keithley".to_owned(),
            model: "2400".to_owned(),
            capabilities: vec![capability("dc_voltage", "210", "V"), capability("dc_current", "1.05", "A")],
            methods: vec!["iv_sweep".to_owned()],
            ..Default::default()
        };
        let request = CreateInstrumentRequest { instrument: Some(instrument), request_id: String::new() };
        let response = self.instruments().create_instrument(request).await.expect("an instrument").into_inner();
        response.instrument.expect("an instrument")
    }

    /// A certificate that is valid from so many days ago to so many days from now.
    pub async fn calibrate(&self, instrument: &Instrument, from_days: i64, to_days: i64) -> Calibration {
        let calibration = certificate(&instrument.id, from_days, to_days);
        let request = CreateCalibrationRequest { calibration: Some(calibration), request_id: String::new() };
        let response = self.calibrations().create_calibration(request).await.expect("a calibration").into_inner();
        response.calibration.expect("a calibration")
    }

    /// An instrument that is fit for use.
    pub async fn new_fit_instrument(&self) -> Instrument {
        let instrument = self.new_instrument().await;
        self.calibrate(&instrument, -10, 100).await;
        instrument
    }

    /// A run in the queue.
    pub async fn new_run(&self, instrument: &Instrument, sample: &Sample) -> Run {
        let request = CreateRunRequest { run: Some(iv_sweep(instrument, sample)), request_id: String::new() };
        self.runs().create_run(request).await.expect("a run").into_inner().run.expect("a run")
    }

    /// A recipe for I-V sweeps, a draft; a run may end the sweep elsewhere.
    pub async fn new_recipe(&self) -> Recipe {
        let recipe = Recipe {
            name: format!("recipe {}", Uuid::now_v7()),
            method: "iv_sweep".to_owned(),
            params: Some(numbers(&[("vgs_start", 0.0), ("vgs_stop", 5.0), ("vgs_step", 0.5)])),
            limits: vec![ParamLimit { param: "vgs_stop".to_owned(), low: 1.0, high: 10.0 }],
            ..Default::default()
        };
        let request = CreateRecipeRequest { recipe: Some(recipe), request_id: String::new() };
        self.recipes().create_recipe(request).await.expect("a recipe").into_inner().recipe.expect("a recipe")
    }

    /// Submits the latest version of a recipe.
    pub async fn submit(&self, recipe: &Recipe) -> Recipe {
        let request = SubmitRecipeRequest { id: recipe.id.clone(), ..Default::default() };
        self.recipes().submit_recipe(request).await.expect("submitted").into_inner().recipe.expect("a recipe")
    }

    /// Approves the latest version of a recipe, which is in review.
    pub async fn approve(&self, recipe: &Recipe) -> Recipe {
        let version = recipe.latest_version.as_ref().expect("a version").version;
        let request = ApproveRecipeRequest { id: recipe.id.clone(), version, ..Default::default() };
        self.recipes().approve_recipe(request).await.expect("approved").into_inner().recipe.expect("a recipe")
    }
}

/// The tokens of every test's laboratory, by this clock.
#[must_use]
pub fn tokens(clock: &Clock) -> Tokens {
    let settings = Settings::read(BTreeMap::new()).expect("settings");
    Tokens::new(settings.tokens(), Arc::new(Keys::shared(SECRET.as_bytes())), clock.clone())
}

/// What those sign in with who were entered by [`Person::new_user`].
pub const PASSWORD: &str = "seven quiet lamps in a row";

/// A certificate that is valid from so many days ago to so many days from now.
#[must_use]
pub fn certificate(instrument_id: &str, from_days: i64, to_days: i64) -> Calibration {
    let at = |days: i64| Timestamp { seconds: Clock::default().now().timestamp() + days * DAY_S, nanos: 0 };
    Calibration {
        instrument_id: instrument_id.to_owned(),
        certificate_id: format!("CERT-{}", Uuid::now_v7()),
        provider: "Metrology Services".to_owned(),
        issued_at: Some(at(from_days)),
        expires_at: Some(at(to_days)),
        ..Default::default()
    }
}

/// An I-V sweep with the parameters that the previous generation asked for.
#[must_use]
pub fn iv_sweep(instrument: &Instrument, sample: &Sample) -> Run {
    Run {
        instrument_id: instrument.id.clone(),
        sample_id: sample.id.clone(),
        method: "iv_sweep".to_owned(),
        params: Some(numbers(&[("vgs_start", 0.0), ("vgs_stop", 5.0), ("vgs_step", 0.5)])),
        ..Default::default()
    }
}

/// Parameters that are numbers.
#[must_use]
pub fn numbers(pairs: &[(&str, f64)]) -> Struct {
    let value = |number: f64| Value { kind: Some(Kind::NumberValue(number)) };
    Struct { fields: pairs.iter().map(|(name, number)| ((*name).to_owned(), value(*number))).collect() }
}
