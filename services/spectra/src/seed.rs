//! The demo laboratory, entered through the services as a person would. What is there already is left alone.

mod instruments;
mod projects;
mod recipes;
mod runs;
mod samples;

use contract::{
    auth::v1::{LoginRequest, LogoutRequest, auth_service_client::AuthServiceClient},
    calibration::v1::{
        calibration_service_client::CalibrationServiceClient, instruments_service_client::InstrumentsServiceClient,
    },
    runs::v1::{recipes_service_client::RecipesServiceClient, runs_service_client::RunsServiceClient},
    samples::v1::{projects_service_client::ProjectsServiceClient, samples_service_client::SamplesServiceClient},
};
use spectra_auth::people::{seed_organization, seed_user};
use spectra_runtime::{auth::Role, server::Peer};
use tonic::{Code, Status, metadata::MetadataValue, service::interceptor::InterceptedService};

use crate::{
    Result, Trouble,
    lab::{Lab, Means},
    screen::tell,
    settings::{Profile, SERVICES, Settings},
};

/// People of each organization: e-mail before the @, name, role, password. For development only.
const PEOPLE: [(&str, &str, Role, &str); 5] = [
    ("admin", "Ada Admin", Role::Admin, "admin123"),
    ("pi", "Petra Investigator", Role::Pi, "pi123"),
    ("engineer", "Emil Engineer", Role::Engineer, "eng123"),
    ("tech", "Theo Technician", Role::Technician, "tech123"),
    ("viewer", "Vera Viewer", Role::Viewer, "view123"),
];

/// `spectra seed`.
///
/// # Errors
/// One sentence on what keeps it from being done.
pub async fn run(settings: Settings) -> Result<()> {
    if settings.profile == Profile::Production {
        return Err(Trouble::new("demo accounts have known passwords: `seed` is refused in production"));
    }
    let wanted = |name: &str| Trouble(format!("{name} is not set; `seed` needs the same as `serve`"));
    let means = Means {
        database_url: settings.database_url.clone().ok_or_else(|| wanted("DATABASE_URL"))?,
        secret: Some(settings.jwt_secret.clone().ok_or_else(|| wanted("JWT_SECRET"))?),
        clocks: std::collections::BTreeMap::new(),
    };
    crate::migrate::check(&means.database_url).await?;
    // The services are asked in this process: nobody proves anything over a network.
    let settings = Settings { tls: None, ..settings };
    let lab = Lab::start(&settings, &means, &SERVICES).await?;
    demo(&lab, |line| tell(line)).await?;
    lab.drain.close();
    lab.finish().await;
    Ok(())
}

/// Enters the demo laboratory and the second organization.
///
/// # Errors
/// What a service answered, in one sentence.
pub async fn demo(lab: &Lab, report: impl Fn(&str)) -> Result<()> {
    lab.ready().await;
    let auth = lab.databases.get("auth").ok_or_else(|| Trouble::new("the seed needs the Auth service"))?;
    let mut members = Vec::new();
    for (slug, name) in [("demo", "Demo Laboratory"), ("other", "Other Laboratory")] {
        let org_id = seed_organization(auth, slug, name, "Europe/Berlin").await?;
        for (local, person, role, password) in PEOPLE {
            let email = format!("{local}@{slug}.lab");
            let id = seed_user(auth, org_id, &email, person, role, &password.to_owned().into()).await?;
            if slug == "demo" && matches!(role, Role::Pi | Role::Engineer | Role::Technician) {
                members.push(id.to_string());
            }
        }
    }
    let mut sessions = Vec::new();
    for (username, password) in
        [("engineer@demo.lab", "eng123"), ("pi@demo.lab", "pi123"), ("engineer@other.lab", "eng123")]
    {
        sessions.extend(Session::sign_in(lab, username, password).await?);
    }
    match sessions.as_slice() {
        [engineer, pi, other] => {
            let made = enter(lab, engineer, pi, members).await?;
            let made = made + instruments::other(other).await? + samples::other(other).await?;
            if made > 0 {
                report(&format!("entered the demo laboratory ({made} records)"));
            }
        }
        _ => report("people of the demo laboratory have other passwords by now, or none: it is left as it is"),
    }
    // Nobody shall wonder whose sessions these are.
    for session in sessions {
        session.sign_out().await?;
    }
    Ok(())
}

async fn enter(lab: &Lab, engineer: &Session, pi: &Session, members: Vec<String>) -> Result<usize> {
    let (projects, made) = projects::demo(pi, members).await?;
    let made = made + instruments::demo(engineer).await? + samples::demo(engineer, &projects).await?;
    Ok(made + recipes::demo(engineer, pi).await? + runs::demo(lab, engineer).await?)
}

/// A signed-in person.
struct Session {
    bearer: MetadataValue<tonic::metadata::Ascii>,
    stacks: std::collections::BTreeMap<&'static str, spectra_runtime::server::Stack>,
}

type Client = InterceptedService<Peer, Bearer>;

/// Sends a person's token along.
#[derive(Clone)]
struct Bearer(MetadataValue<tonic::metadata::Ascii>);

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: tonic::Request<()>) -> std::result::Result<tonic::Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Session {
    /// `None` where that is not the password any more, or the person may not sign in.
    async fn sign_in(lab: &Lab, username: &str, password: &str) -> Result<Option<Self>> {
        let stack = lab.stacks.get("auth").ok_or_else(|| Trouble::new("the seed needs the Auth service"))?;
        let request = LoginRequest { username: username.to_owned(), password: password.to_owned(), otp: String::new() };
        let tokens = match AuthServiceClient::new(Peer::Local(stack.clone())).login(request).await {
            Err(status) if status.code() == Code::Unauthenticated => return Ok(None),
            answer => answer.map_err(said)?,
        };
        let bearer = MetadataValue::try_from(format!("Bearer {}", tokens.into_inner().access_token));
        Ok(Some(Self { bearer: bearer.map_err(Trouble::new)?, stacks: lab.stacks.clone() }))
    }

    async fn sign_out(self) -> Result<()> {
        let mut auth = AuthServiceClient::with_interceptor(self.peer("auth"), Bearer(self.bearer.clone()));
        auth.logout(LogoutRequest::default()).await.map(drop).map_err(said)
    }

    fn peer(&self, service: &'static str) -> Peer {
        Peer::Local(self.stacks[service].clone())
    }

    fn samples(&self) -> SamplesServiceClient<Client> {
        SamplesServiceClient::with_interceptor(self.peer("samples"), Bearer(self.bearer.clone()))
    }

    fn projects(&self) -> ProjectsServiceClient<Client> {
        ProjectsServiceClient::with_interceptor(self.peer("samples"), Bearer(self.bearer.clone()))
    }

    fn instruments(&self) -> InstrumentsServiceClient<Client> {
        InstrumentsServiceClient::with_interceptor(self.peer("calibration"), Bearer(self.bearer.clone()))
    }

    fn calibrations(&self) -> CalibrationServiceClient<Client> {
        CalibrationServiceClient::with_interceptor(self.peer("calibration"), Bearer(self.bearer.clone()))
    }

    fn recipes(&self) -> RecipesServiceClient<Client> {
        RecipesServiceClient::with_interceptor(self.peer("runs"), Bearer(self.bearer.clone()))
    }

    fn runs(&self) -> RunsServiceClient<Client> {
        RunsServiceClient::with_interceptor(self.peer("runs"), Bearer(self.bearer.clone()))
    }
}

fn said(status: Status) -> Trouble {
    Trouble(format!("the seed was refused: {} ({:?})", status.message(), status.code()))
}
