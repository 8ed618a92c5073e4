//! Recipes: what was approved is what is measured. Approved by whom it should be, pinned by its content, and in force at
//! the instant of the start.

use std::time::{Duration, Instant};

use contract::runs::v1::{
    ApproveRecipeRequest, CreateNonRoutineRunRequest, CreateRecipeRequest, CreateRunRequest, GetPolicyRequest,
    GetRecipeRequest, GetRunRequest, ListRecipeVersionsRequest, ListRecipesRequest, ListRunsRequest, ParamLimit,
    Policy, Recipe, RecipeState, RecipeVersion, RejectRecipeRequest, RetireRecipeRequest, Run, RunPurpose, RunState,
    StartRunRequest, SubmitRecipeRequest, UpdatePolicyRequest, UpdateRecipeRequest,
};
use contract::{calibration::v1::Instrument, samples::v1::Sample};
use prost_types::FieldMask;
use spectra_tests::{Person, TestLab, iv_sweep, numbers, reason, refused};
use tonic::{Code, Response, Status};
use uuid::Uuid;

fn latest(recipe: &Recipe) -> &RecipeVersion {
    recipe.latest_version.as_ref().expect("a version")
}

fn approved(recipe: &Recipe) -> &RecipeVersion {
    recipe.approved_version.as_ref().expect("an approved version")
}

/// A run that follows a version, and says nothing else of what it measures.
fn following(version: &RecipeVersion, instrument: &Instrument, sample: &Sample) -> Run {
    Run {
        instrument_id: instrument.id.clone(),
        sample_id: sample.id.clone(),
        recipe_version_id: version.id.clone(),
        ..Default::default()
    }
}

async fn create(person: &Person, run: Run) -> Result<Run, Status> {
    let request = CreateRunRequest { run: Some(run), request_id: String::new() };
    Ok(person.runs().create_run(request).await?.into_inner().run.expect("a run"))
}

async fn start(person: &Person, run: &Run) -> Result<Run, Status> {
    let request = StartRunRequest { id: run.id.clone(), ..Default::default() };
    Ok(person.runs().start_run(request).await?.into_inner().run.expect("a run"))
}

async fn edit(person: &Person, recipe: Recipe, fields: &[&str]) -> Result<Recipe, Status> {
    let update_mask = Some(FieldMask { paths: fields.iter().map(|field| (*field).to_owned()).collect() });
    let request = UpdateRecipeRequest { recipe: Some(recipe), update_mask, request_id: String::new() };
    Ok(person.recipes().update_recipe(request).await?.into_inner().recipe.expect("a recipe"))
}

async fn retire(person: &Person, recipe: &Recipe) -> Result<Response<impl Sized + std::fmt::Debug + use<>>, Status> {
    let request = RetireRecipeRequest { id: recipe.id.clone(), comment: "old".to_owned(), ..Default::default() };
    person.recipes().retire_recipe(request).await
}

fn approve(recipe: &Recipe, version: i32) -> ApproveRecipeRequest {
    ApproveRecipeRequest { id: recipe.id.clone(), version, ..Default::default() }
}

async fn demand(admin: &Person, policy: Policy, field: &str) -> Policy {
    let update_mask = Some(FieldMask { paths: vec![field.to_owned()] });
    let request = UpdatePolicyRequest { policy: Some(policy), update_mask, request_id: String::new() };
    admin.runs().update_policy(request).await.unwrap().into_inner().policy.unwrap()
}

fn why(answer: Result<Run, Status>) -> String {
    reason(&answer.expect_err("a refusal")).0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pi_approves_an_engineer_is_refused_and_a_run_pins_what_was_approved() {
    let lab = TestLab::start().await;
    let (pi, engineer, technician) = (lab.person("pi").await, lab.person("engineer").await, lab.person("tech").await);
    let (instrument, sample) = (engineer.new_fit_instrument().await, engineer.new_sample().await);

    let recipe = engineer.new_recipe().await;
    assert_eq!((latest(&recipe).state(), latest(&recipe).version), (RecipeState::Draft, 1));
    assert!(recipe.approved_version.is_none());
    assert_eq!(recipe.params.as_ref().unwrap().fields.len(), 5, "defaults are filled in");
    let run = following(latest(&recipe), &instrument, &sample);
    let refusal = create(&engineer, run.clone()).await.unwrap_err();
    let (reason, metadata) = reason(&refusal);
    assert_eq!((refusal.code(), reason.as_str()), (Code::FailedPrecondition, "RECIPE_NOT_APPROVED"));
    assert_eq!(metadata["recipe_version_id"], run.recipe_version_id);

    let submitted = engineer.submit(&recipe).await;
    assert_eq!(latest(&submitted).state(), RecipeState::InReview);
    let by_engineer = engineer.recipes().approve_recipe(approve(&recipe, 1)).await;
    assert_eq!(by_engineer.unwrap_err().code(), Code::PermissionDenied);
    let recipe = pi.approve(&submitted).await;
    let version = approved(&recipe);
    assert_eq!(version.state(), RecipeState::Approved);
    assert!(version.reviewed_at.is_some() && version.submitted_at.is_some() && version.closed_at.is_none());
    assert_ne!(version.reviewed_by, version.submitted_by);

    // It pins the version by its content, which anybody can hash again.
    let run = create(&engineer, run).await.unwrap();
    assert_eq!((run.method.as_str(), &run.params), ("iv_sweep", &version.params));
    assert_eq!((&run.recipe_version_id, &run.recipe_sha256), (&version.id, &version.content_sha256));
    let canonical = "{\"limits\":{\"vgs_stop\":{\"high\":10,\"low\":1}},\"method\":\"iv_sweep\",\"params\":\
                     {\"compliance\":0.1,\"vds\":5,\"vgs_start\":0,\"vgs_step\":0.5,\"vgs_stop\":5}}";
    let owner = lab.database.owner().await;
    let hash = owner.query_one("SELECT encode(sha256($1::text::bytea), 'hex')", &[&canonical]).await.unwrap();
    assert_eq!(version.content_sha256, hash.get::<_, String>(0));
    let started = start(&technician, &run).await.unwrap();
    assert_eq!((started.state(), started.recipe_sha256), (RunState::Running, version.content_sha256.clone()));

    // Another time, another sample, and a shorter sweep: within the limits.
    let other = engineer.new_sample().await;
    let mut shorter = following(version, &instrument, &other);
    shorter.params = Some(numbers(&[("vgs_stop", 2.0)]));
    let shorter = create(&engineer, shorter).await.unwrap();
    assert_eq!(shorter.params.as_ref().unwrap().fields["vgs_stop"], numbers(&[("", 2.0)]).fields[""]);
    let sent_back = create(&engineer, shorter.clone()).await.unwrap();
    assert_eq!((sent_back.params, sent_back.recipe_sha256), (shorter.params, shorter.recipe_sha256));
    for params in [numbers(&[("vgs_stop", 20.0)]), numbers(&[("vds", 1.0)]), numbers(&[("vgs", 1.0)])] {
        let beyond = Run { params: Some(params), ..following(version, &instrument, &other) };
        assert_eq!(why(create(&engineer, beyond).await), "PARAMS_INVALID");
    }
    let another = Run { method: "diode_iv".to_owned(), ..following(version, &instrument, &other) };
    assert_eq!(why(create(&engineer, another).await), "FIELD_INVALID");
    let neither = Run { method: String::new(), ..iv_sweep(&instrument, &other) };
    assert_eq!(why(create(&engineer, neither).await), "FIELD_INVALID");

    let filter = format!("recipe_version_id = \"{}\"", version.id);
    let runs = pi.runs().list_runs(ListRunsRequest { filter, ..Default::default() }).await.unwrap().into_inner().runs;
    assert_eq!(runs.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_after_approval_is_a_new_version_and_the_pin_stays() {
    let lab = TestLab::start().await;
    let (pi, engineer) = (lab.person("pi").await, lab.person("engineer").await);
    let (instrument, sample) = (engineer.new_fit_instrument().await, engineer.new_sample().await);
    let first = pi.approve(&engineer.submit(&engineer.new_recipe().await).await).await;
    let run = create(&engineer, following(approved(&first), &instrument, &sample)).await.unwrap();

    let mut changed = first.clone();
    changed.params = Some(numbers(&[("vgs_start", -1.0), ("vgs_stop", 4.0), ("vgs_step", 0.1)]));
    let edited = edit(&engineer, changed, &["params"]).await.unwrap();
    assert_eq!((latest(&edited).version, latest(&edited).state()), (2, RecipeState::Draft));
    assert_eq!(approved(&edited), approved(&first), "what runs are made from is as it was");
    assert_eq!(edited.limits, first.limits, "what was not named is taken over");
    assert_ne!(latest(&edited).content_sha256, approved(&first).content_sha256);

    // The draft is edited in place; once it was submitted, it is not.
    let mut again = edited.clone();
    again.comment = "from -1 V".to_owned();
    let again = edit(&engineer, again, &["comment"]).await.unwrap();
    assert_eq!((latest(&again).version, &latest(&again).id), (2, &latest(&edited).id));
    assert_eq!(latest(&again).content_sha256, latest(&edited).content_sha256, "a remark is no content");
    let submitted = engineer.submit(&again).await;
    let mut third = submitted.clone();
    third.limits = vec![];
    let third = edit(&engineer, third, &["limits"]).await.unwrap();
    assert_eq!((latest(&third).version, latest(&third).state()), (3, RecipeState::Draft));
    // Another name makes no version.
    let renamed = edit(&engineer, Recipe { name: format!("{} b", third.name), ..third.clone() }, &["name"]).await;
    assert_eq!(latest(&renamed.unwrap()).version, 3);

    // The second is approved: the first is superseded at the same time, and nothing starts from it any more.
    let second = pi.recipes().approve_recipe(approve(&first, 2)).await.unwrap().into_inner().recipe.unwrap();
    assert_eq!((approved(&second).version, latest(&second).version), (2, 3));
    let filter = format!("recipe_id = \"{}\"", first.id);
    let list = ListRecipeVersionsRequest { filter, ..Default::default() };
    let versions = engineer.recipes().list_recipe_versions(list).await.unwrap().into_inner().recipe_versions;
    let states: Vec<_> = versions.iter().map(RecipeVersion::state).collect();
    assert_eq!(states, [RecipeState::Superseded, RecipeState::Approved, RecipeState::Draft]);
    assert!(versions[0].closed_at.is_some() && versions[0].closed_by == versions[1].reviewed_by);
    assert_eq!(versions[0].content_sha256, approved(&first).content_sha256);

    let kept = pi.runs().get_run(GetRunRequest { id: run.id.clone() }).await.unwrap().into_inner().run.unwrap();
    assert_eq!(kept, run, "what a run has pinned stays");
    let refusal = start(&engineer, &run).await.unwrap_err();
    let (why, metadata) = reason(&refusal);
    assert_eq!((why.as_str(), &metadata["recipe_version_id"]), ("RECIPE_NOT_APPROVED", &versions[0].id));
    let fresh = create(&engineer, following(&versions[1], &instrument, &sample)).await.unwrap();
    assert_eq!(start(&engineer, &fresh).await.unwrap().state(), RunState::Running);

    // A version that a later one has overtaken is approved no more; it can be rejected.
    engineer.submit(&second).await;
    let third = pi.recipes().approve_recipe(approve(&first, 3)).await.unwrap().into_inner().recipe.unwrap();
    let fourth = engineer.submit(&edit(&engineer, third, &["comment"]).await.unwrap()).await;
    let fifth = pi.approve(&engineer.submit(&edit(&engineer, fourth, &["comment"]).await.unwrap()).await).await;
    assert_eq!(approved(&fifth).version, 5);
    let refusal = pi.recipes().approve_recipe(approve(&first, 4)).await.unwrap_err();
    let (why, metadata) = reason(&refusal);
    assert_eq!((why.as_str(), metadata["allowed"].as_str()), ("STATE_CONFLICT", "draft"));
    let reject = RejectRecipeRequest { id: first.id, version: 4, comment: "late".to_owned(), ..Default::default() };
    pi.recipes().reject_recipe(reject).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_version_is_mended_and_a_retired_one_starts_nothing() {
    let lab = TestLab::start().await;
    let (pi, engineer) = (lab.person("pi").await, lab.person("engineer").await);
    let (instrument, sample) = (engineer.new_fit_instrument().await, engineer.new_sample().await);
    let recipe = engineer.submit(&engineer.new_recipe().await).await;
    let twice = SubmitRecipeRequest { id: recipe.id.clone(), ..Default::default() };
    assert_eq!(refused(engineer.recipes().submit_recipe(twice).await), "STATE_CONFLICT");

    let silent = RejectRecipeRequest { id: recipe.id.clone(), version: 1, ..Default::default() };
    assert_eq!(refused(pi.recipes().reject_recipe(silent.clone()).await), "FIELD_INVALID");
    let reject = RejectRecipeRequest { comment: "too coarse".to_owned(), ..silent };
    let draft = pi.recipes().reject_recipe(reject).await.unwrap().into_inner().recipe.unwrap();
    let version = latest(&draft);
    assert_eq!((version.state(), version.review_comment.as_str()), (RecipeState::Draft, "too coarse"));
    assert!(version.submitted_by.is_empty() && version.submitted_at.is_none());
    assert_eq!(refused(pi.recipes().approve_recipe(approve(&draft, 1)).await), "STATE_CONFLICT");
    assert_eq!(refused(pi.recipes().approve_recipe(approve(&draft, 2)).await), "RESOURCE_NOT_FOUND");
    assert_eq!(refused(retire(&pi, &draft).await), "STATE_CONFLICT");
    let stale = ApproveRecipeRequest { etag: recipe.etag.clone(), ..approve(&recipe, 1) };
    let again = engineer.submit(&draft).await;
    assert_eq!(refused(pi.recipes().approve_recipe(stale).await), "ETAG_MISMATCH");

    let approved_now = pi.approve(&again).await;
    let run = create(&engineer, following(approved(&approved_now), &instrument, &sample)).await.unwrap();
    assert_eq!(retire(&engineer, &recipe).await.unwrap_err().code(), Code::PermissionDenied);
    retire(&pi, &recipe).await.unwrap();
    let get = GetRecipeRequest { id: recipe.id.clone() };
    let gone = engineer.recipes().get_recipe(get).await.unwrap().into_inner().recipe.unwrap();
    assert!(gone.approved_version.is_none());
    assert_eq!((latest(&gone).state(), latest(&gone).closed_comment.as_str()), (RecipeState::Retired, "old"));
    assert_eq!(why(start(&engineer, &run).await), "RECIPE_NOT_APPROVED");
    // Nor is a run that is never a result made from it.
    let check = CreateNonRoutineRunRequest {
        run: Some(following(latest(&gone), &instrument, &sample)),
        purpose: RunPurpose::IntermediateCheck.into(),
        request_id: String::new(),
    };
    assert_eq!(refused(pi.runs().create_non_routine_run(check).await), "RECIPE_NOT_APPROVED");
}

#[tokio::test(flavor = "multi_thread")]
async fn four_eyes_are_wanted_where_the_policy_says_so() {
    let lab = TestLab::start().await;
    let (admin, pi) = (lab.person("admin").await, lab.person("pi").await);
    let engineer = lab.person("engineer").await;
    let policy = engineer.runs().get_policy(GetPolicyRequest {}).await.unwrap().into_inner().policy.unwrap();
    assert_eq!((policy.four_eyes, policy.require_approved_recipe), (false, false));
    // Without it, two eyes do.
    pi.approve(&pi.submit(&pi.new_recipe().await).await).await;

    let policy = demand(&admin, Policy { four_eyes: true, ..policy }, "four_eyes").await;
    assert!(policy.four_eyes && !policy.require_approved_recipe);
    let denied = UpdatePolicyRequest { policy: Some(policy), ..Default::default() };
    assert_eq!(refused(pi.runs().update_policy(denied).await), "PERMISSION_DENIED");

    // Neither the author nor the submitter approves it; somebody else does.
    let written_by_pi = engineer.submit(&pi.new_recipe().await).await;
    let refusal = pi.recipes().approve_recipe(approve(&written_by_pi, 1)).await.unwrap_err();
    let (why, metadata) = reason(&refusal);
    assert_eq!((refusal.code(), why.as_str()), (Code::FailedPrecondition, "FOUR_EYES_REQUIRED"));
    assert_eq!(metadata["recipe_version_id"], latest(&written_by_pi).id);
    admin.approve(&written_by_pi).await;
    let pi_id = latest(&written_by_pi).author_id.clone();
    let submitted_by_pi = pi.submit(&engineer.new_recipe().await).await;
    assert_eq!(refused(pi.recipes().approve_recipe(approve(&submitted_by_pi, 1)).await), "FOUR_EYES_REQUIRED");
    admin.approve(&submitted_by_pi).await;
    // The author is who edited it.
    let draft = engineer.new_recipe().await;
    let edited = edit(&pi, Recipe { comment: "mine".to_owned(), ..draft }, &["comment"]).await.unwrap();
    let edited = engineer.submit(&edited).await;
    assert_eq!(refused(pi.recipes().approve_recipe(approve(&edited, 1)).await), "FOUR_EYES_REQUIRED");
    // And so is whoever did before: another hand on the comment makes nobody's content another's.
    let touched = edit(&engineer, Recipe { comment: "as agreed".to_owned(), ..pi.new_recipe().await }, &["comment"]);
    let touched = engineer.submit(&touched.await.unwrap()).await;
    let (authors, last) = (&latest(&touched).author_ids, &latest(&touched).author_id);
    assert!(authors.len() == 2 && authors.contains(last) && authors.contains(&pi_id), "{authors:?}");
    assert_eq!(refused(pi.recipes().approve_recipe(approve(&touched, 1)).await), "FOUR_EYES_REQUIRED");
    admin.approve(&touched).await;

    // Whoever writes to the database.
    let owner = lab.database.owner().await;
    let version = latest(&edited);
    for by in [&version.author_id, &version.submitted_by] {
        let update = format!(
            "UPDATE runs.recipe_version SET state = 'approved', reviewed_by = '{by}' WHERE id = '{}'",
            version.id
        );
        let refusal = owner.batch_execute(&update).await.unwrap_err();
        assert_eq!(refusal.as_db_error().unwrap().constraint(), Some("recipe_version_four_eyes"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_routine_run_needs_an_approved_recipe_where_the_policy_says_so() {
    let lab = TestLab::start().await;
    let (admin, engineer) = (lab.person("admin").await, lab.person("engineer").await);
    let (instrument, sample) = (engineer.new_fit_instrument().await, engineer.new_sample().await);
    let earlier = engineer.new_run(&instrument, &sample).await;

    let policy = Policy { require_approved_recipe: true, ..Default::default() };
    demand(&admin, policy, "require_approved_recipe").await;
    let refusal = create(&engineer, iv_sweep(&instrument, &sample)).await.unwrap_err();
    let (why, metadata) = reason(&refusal);
    assert_eq!((why.as_str(), metadata["recipe_version_id"].as_str()), ("RECIPE_NOT_APPROVED", ""));
    // One that is in the queue already does not start either, and gives its sample back.
    assert_eq!(self::why(start(&engineer, &earlier).await), "RECIPE_NOT_APPROVED");

    let recipe = admin.approve(&engineer.submit(&engineer.new_recipe().await).await).await;
    let run = create(&engineer, following(approved(&recipe), &instrument, &sample)).await.unwrap();
    let run = start(&engineer, &run).await.unwrap();
    let complete = contract::runs::v1::CompleteRunRequest { id: run.id, ..Default::default() };
    engineer.runs().complete_run(complete).await.unwrap();

    // A run that checks an instrument is no result, and needs none.
    let check = CreateNonRoutineRunRequest {
        run: Some(iv_sweep(&instrument, &sample)),
        purpose: RunPurpose::IntermediateCheck.into(),
        request_id: String::new(),
    };
    let check = admin.runs().create_non_routine_run(check).await.unwrap().into_inner().run.unwrap();
    assert_eq!(start(&engineer, &check).await.unwrap().state(), RunState::Running);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_approvals_at_once_one_stands() {
    let lab = TestLab::start().await;
    let (pi, admin) = (lab.person("pi").await, lab.person("admin").await);
    let owner = lab.database.owner().await;
    for round in 0..20 {
        // Two versions in review, and two people who approve one each; every second round, the same one.
        let first = pi.submit(&pi.new_recipe().await).await;
        let second = pi.submit(&edit(&pi, first.clone(), &["comment"]).await.unwrap()).await;
        let (mut one, mut other) = (pi.recipes(), admin.recipes());
        let the_same = round % 2 == 1;
        let (older, newer) = (approve(&first, if the_same { 2 } else { 1 }), approve(&second, 2));
        let (a, b) = futures::join!(one.approve_recipe(older), other.approve_recipe(newer));
        let refusals: Vec<_> = [a, b].into_iter().filter_map(Result::err).collect();
        assert!(refusals.iter().all(|refusal| reason(refusal).0 == "STATE_CONFLICT"), "{refusals:?}");
        assert!(if the_same { refusals.len() == 1 } else { refusals.len() <= 1 }, "{refusals:?}");

        let get = GetRecipeRequest { id: first.id.clone() };
        let recipe = pi.recipes().get_recipe(get).await.unwrap().into_inner().recipe.unwrap();
        assert_eq!(approved(&recipe).version, 2, "a later version is never replaced by an earlier one");
        let standing =
            "SELECT count(*) FROM runs.recipe_version WHERE recipe_id = $1::text::uuid AND state = 'approved'";
        assert_eq!(owner.query_one(standing, &[&first.id]).await.unwrap().get::<_, i64>(0), 1);
    }
    // The index that holds it, whoever writes.
    let recipe = pi.approve(&pi.submit(&pi.new_recipe().await).await).await;
    let next = pi.submit(&edit(&pi, recipe, &["comment"]).await.unwrap()).await;
    let update = "UPDATE runs.recipe_version SET state = 'approved', reviewed_by = author_id WHERE id = ";
    let refusal = owner.batch_execute(&format!("{update}'{}'", latest(&next).id)).await.unwrap_err();
    assert_eq!(refusal.as_db_error().unwrap().constraint(), Some("recipe_version_one_approved"));
}

/// Runs that started at or after the instant at which what they pin was closed, or before it was approved.
async fn violations(lab: &TestLab) -> i64 {
    let query = "SELECT count(*) FROM runs.run r JOIN runs.recipe_version v \
                 ON v.org_id = r.org_id AND v.id = r.recipe_version_id WHERE r.started_at IS NOT NULL \
                 AND (v.reviewed_at IS NULL OR r.started_at < v.reviewed_at OR r.started_at >= v.closed_at)";
    lab.database.owner().await.query_one(query, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_start_comes_after_the_retirement_that_it_races() {
    let lab = TestLab::start().await;
    let pi = lab.person("pi").await;
    let instrument = pi.new_fit_instrument().await;
    let (mut started, mut refused) = (0, 0);
    // Retired somewhere within the time that a start takes here, and a little after.
    let (mut took, mut at) = (Duration::from_millis(20), 0.1_f64);
    for _ in 0..40 {
        let recipe = pi.approve(&pi.submit(&pi.new_recipe().await).await).await;
        let sample = pi.new_sample().await;
        let run = create(&pi, following(approved(&recipe), &instrument, &sample)).await.unwrap();
        let late = async {
            tokio::time::sleep(took.mul_f64(1.2 * at)).await;
            retire(&pi, &recipe).await.unwrap();
        };
        let begun = Instant::now();
        let timed = async { (start(&pi, &run).await, begun.elapsed()) };
        let ((answer, elapsed), ()) = futures::join!(timed, late);
        (took, at) = (elapsed, (at + 0.618).fract());
        match answer {
            Ok(run) => {
                started += 1;
                let complete = contract::runs::v1::CompleteRunRequest { id: run.id, ..Default::default() };
                pi.runs().complete_run(complete).await.unwrap();
            }
            Err(refusal) => {
                refused += 1;
                assert_eq!(reason(&refusal).0, "RECIPE_NOT_APPROVED", "{refusal:?}");
            }
        }
    }
    println!("{started} started, {refused} refused");
    assert!(started > 0 && refused > 0, "{started} started, {refused} refused: nothing was raced");
    assert_eq!(violations(&lab).await, 0);

    // The checker sees a start that nothing holds back.
    let recipe = pi.approve(&pi.submit(&pi.new_recipe().await).await).await;
    let run = create(&pi, following(approved(&recipe), &instrument, &pi.new_sample().await)).await.unwrap();
    retire(&pi, &recipe).await.unwrap();
    let owner = lab.database.owner().await;
    owner.batch_execute("ALTER TABLE runs.run DISABLE TRIGGER guard_recipe").await.unwrap();
    start(&pi, &run).await.unwrap();
    assert_eq!(violations(&lab).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_keeps_what_was_approved_whoever_writes() {
    let lab = TestLab::start().await;
    let pi = lab.person("pi").await;
    let (instrument, sample) = (pi.new_fit_instrument().await, pi.new_sample().await);
    let recipe = pi.approve(&pi.submit(&pi.new_recipe().await).await).await;
    let draft = pi.new_recipe().await;
    let run = create(&pi, following(approved(&recipe), &instrument, &sample)).await.unwrap();
    let owner = lab.database.owner().await;
    let (kept, open) = (&approved(&recipe).id, &latest(&draft).id);
    let version = |set: &str, id: &str| format!("UPDATE runs.recipe_version SET {set} WHERE id = '{id}'");
    let who = Uuid::now_v7();
    for (statement, broken) in [
        (version("content = '{}', method = ''", kept), "recipe_version_immutable"),
        (version("comment = 'better'", kept), "recipe_version_immutable"),
        (version(&format!("author_id = '{who}'"), kept), "recipe_version_immutable"),
        (version(&format!("reviewed_by = '{who}'"), kept), "recipe_version_immutable"),
        (version("state = 'draft'", kept), "recipe_version_transition"),
        (version(&format!("state = 'approved', reviewed_by = '{who}'"), open), "recipe_version_transition"),
        (version("method = 'hall_vdp'", open), "recipe_version_method"),
        (version("state = 'in_review'", open), "recipe_version_submitted"),
        (
            format!("UPDATE runs.run SET recipe_version_id = NULL, recipe_sha256 = NULL WHERE id = '{}'", run.id),
            "run_immutable",
        ),
    ] {
        let refusal = owner.batch_execute(&statement).await.unwrap_err();
        assert_eq!(refusal.as_db_error().unwrap().constraint(), Some(broken), "{statement}");
    }
    // A run that pins another content than the version's, or half of it, is not written at all.
    for (sha256, broken) in [("'00'", "run_recipe"), ("NULL", "run_recipe_whole")] {
        let forged = format!(
            "INSERT INTO runs.run (org_id, id, sample_id, instrument_id, method, params, purpose, state, created_by, \
               recipe_version_id, recipe_sha256) \
             SELECT org_id, '{}', sample_id, instrument_id, method, params, purpose, 'queued', created_by, \
               recipe_version_id, {sha256} FROM runs.run WHERE id = '{}'",
            Uuid::now_v7(),
            run.id
        );
        let refusal = owner.batch_execute(&forged).await.unwrap_err();
        assert_eq!(refusal.as_db_error().unwrap().constraint(), Some(broken));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recipes_are_found_by_name_method_and_state_page_by_page() {
    let lab = TestLab::start().await;
    let (pi, viewer) = (lab.person("pi").await, lab.person("viewer").await);
    let first = pi.new_recipe().await;
    let second = pi.submit(&pi.new_recipe().await).await;
    let third = pi.approve(&pi.submit(&pi.new_recipe().await).await).await;
    let found = async |filter: &str| {
        let request = ListRecipesRequest { filter: filter.to_owned(), ..Default::default() };
        viewer.recipes().list_recipes(request).await.unwrap().into_inner().recipes
    };
    assert_eq!(found("state = IN_REVIEW").await, std::slice::from_ref(&second));
    assert_eq!(found(&format!("name = \"{}\"", first.name)).await, std::slice::from_ref(&first));
    assert_eq!(found("method = \"iv_sweep\" AND state != DRAFT").await.len(), 2);
    let mut request = ListRecipesRequest { page_size: 2, order_by: "created_at desc".to_owned(), ..Default::default() };
    let page = viewer.recipes().list_recipes(request.clone()).await.unwrap().into_inner();
    assert_eq!(page.recipes, [third.clone(), second]);
    request.page_token = page.next_page_token;
    let page = viewer.recipes().list_recipes(request).await.unwrap().into_inner();
    assert_eq!((page.recipes.as_slice(), page.next_page_token.as_str()), (std::slice::from_ref(&first), ""));

    let list = ListRecipeVersionsRequest { filter: "state = APPROVED".to_owned(), ..Default::default() };
    let versions = viewer.recipes().list_recipe_versions(list).await.unwrap().into_inner().recipe_versions;
    assert_eq!(versions, std::slice::from_ref(approved(&third)));

    // What is written is checked: name, method, parameters, limits.
    let create = async |recipe: Recipe| {
        let request = CreateRecipeRequest { recipe: Some(recipe), request_id: String::new() };
        refused(pi.recipes().create_recipe(request).await)
    };
    let good = Recipe { name: "Hall".to_owned(), method: "hall_vdp".to_owned(), ..Default::default() };
    assert_eq!(create(Recipe { name: first.name.clone(), ..good.clone() }).await, "RESOURCE_EXISTS");
    assert_eq!(create(Recipe { name: " ".to_owned(), ..good.clone() }).await, "FIELD_INVALID");
    assert_eq!(create(Recipe { method: String::new(), ..good.clone() }).await, "FIELD_INVALID");
    assert_eq!(create(Recipe { method: "tarot".to_owned(), ..good.clone() }).await, "RESOURCE_NOT_FOUND");
    assert_eq!(create(Recipe { params: Some(numbers(&[("x", 1.0)])), ..good.clone() }).await, "PARAMS_INVALID");
    let limit = |low, high| ParamLimit { param: "current".to_owned(), low, high };
    assert_eq!(create(Recipe { limits: vec![limit(1.0, 0.0)], ..good.clone() }).await, "PARAMS_INVALID");
    let twice = vec![limit(0.0005, 0.002), limit(0.0005, 0.002)];
    assert_eq!(create(Recipe { limits: twice, ..good.clone() }).await, "FIELD_INVALID");
    let read_only = edit(&pi, first, &["approved_version"]).await.unwrap_err();
    assert_eq!(reason(&read_only).0, "FIELD_READ_ONLY");
}
