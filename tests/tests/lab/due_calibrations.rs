//! Which instruments need a new calibration, the most urgent first.

use contract::calibration::v1::{
    Calibration, CalibrationStatus, Conformity, CreateCalibrationRequest, GetCalibrationStatusRequest, Instrument,
    ListDueCalibrationsRequest, ListDueCalibrationsResponse, Policy, RevokeCalibrationRequest, TakeOutOfServiceRequest,
    UpdatePolicyRequest,
};
use prost_types::{Duration, FieldMask};
use spectra_tests::{Person, TestLab, certificate, refused};

/// Seconds of a day.
const DAY_S: i64 = 86_400;

async fn list(person: &Person, request: ListDueCalibrationsRequest) -> ListDueCalibrationsResponse {
    person.calibrations().list_due_calibrations(request).await.unwrap().into_inner()
}

async fn due_within(person: &Person, days: i64) -> Vec<String> {
    let within = Some(Duration { seconds: days * DAY_S, nanos: 0 });
    ids(&list(person, ListDueCalibrationsRequest { within, ..Default::default() }).await)
}

fn ids(page: &ListDueCalibrationsResponse) -> Vec<String> {
    page.due.iter().map(|due| due.instrument.as_ref().unwrap().id.clone()).collect()
}

async fn enter(person: &Person, calibration: Calibration) -> Calibration {
    let request = CreateCalibrationRequest { calibration: Some(calibration), request_id: String::new() };
    person.calibrations().create_calibration(request).await.unwrap().into_inner().calibration.unwrap()
}

/// An instrument in each status, by the name of the status.
struct Park {
    missing: Instrument,
    not_yet_valid: Instrument,
    revoked: Instrument,
    out_of_tolerance: Instrument,
    expired: Instrument,
    out_of_service: Instrument,
    due_soon: Instrument,
    valid: Instrument,
}

impl Park {
    async fn new(admin: &Person) -> Self {
        let park = Self {
            valid: admin.new_instrument().await,
            due_soon: admin.new_instrument().await,
            out_of_service: admin.new_instrument().await,
            expired: admin.new_instrument().await,
            missing: admin.new_instrument().await,
            not_yet_valid: admin.new_instrument().await,
            revoked: admin.new_instrument().await,
            out_of_tolerance: admin.new_instrument().await,
        };
        admin.calibrate(&park.valid, -10, 100).await;
        // The newer one is in force, although the older one lasts longer.
        admin.calibrate(&park.due_soon, -20, 500).await;
        // Of two that begin together, the one accepted later is.
        let begun = enter(admin, certificate(&park.due_soon.id, -10, 400)).await;
        let short = certificate(&park.due_soon.id, -10, 20);
        enter(admin, Calibration { issued_at: begun.issued_at, ..short }).await;
        admin.calibrate(&park.out_of_service, -10, 5).await;
        let out = TakeOutOfServiceRequest {
            id: park.out_of_service.id.clone(),
            reason: "away for calibration".to_owned(),
            ..Default::default()
        };
        admin.instruments().take_out_of_service(out).await.unwrap();
        admin.calibrate(&park.expired, -400, -3).await;
        enter_to_come(admin, &park.not_yet_valid, 5).await;
        let wrong = admin.calibrate(&park.revoked, -10, 300).await.id;
        let revoke = RevokeCalibrationRequest { id: wrong, comment: "wrong".to_owned(), ..Default::default() };
        admin.calibrations().revoke_calibration(revoke).await.unwrap();
        // As found within, and left beyond after an adjustment.
        let failed = Calibration {
            as_found: Conformity::InTolerance.into(),
            adjusted: true,
            as_left: Conformity::OutOfTolerance.into(),
            ..certificate(&park.out_of_tolerance.id, -10, 300)
        };
        enter(admin, failed).await;
        park
    }

    /// Those that need a calibration at once, in the order of their entry.
    fn at_once(&self) -> Vec<String> {
        [&self.missing, &self.not_yet_valid, &self.revoked, &self.out_of_tolerance].map(|one| one.id.clone()).to_vec()
    }
}

/// Status of an instrument, and the certificate that decides.
async fn decided(person: &Person, instrument_id: &str) -> (CalibrationStatus, String) {
    let request = GetCalibrationStatusRequest { instrument_id: instrument_id.to_owned() };
    let told = person.calibrations().get_calibration_status(request).await.unwrap().into_inner().status.unwrap();
    (told.status(), told.calibration_id)
}

/// Enters a certificate that begins after this time; its id.
async fn enter_to_come(person: &Person, instrument: &Instrument, days: i64) -> String {
    let valid_from = certificate("", days, days + 1).issued_at;
    enter(person, Calibration { valid_from, ..certificate(&instrument.id, -1, 900) }).await.id
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_long_history_the_right_certificate_decides() {
    let lab = TestLab::start().await;
    let admin = lab.person("admin").await;
    let instrument = admin.new_instrument().await;
    // One a year, entered out of their order, and two that are to come.
    let mut begun = Vec::new();
    for years_ago in [3, 1, 5, 2, 4] {
        let one = certificate(&instrument.id, -365 * years_ago + 1, -365 * (years_ago - 1) + 100);
        begun.push((years_ago, enter(&admin, one).await.id));
    }
    begun.sort();
    for days in [400, 300] {
        enter_to_come(&admin, &instrument, days).await;
    }
    // Taken back one by one, each leaves its place to the one before it.
    for (years_ago, id) in &begun {
        let status = if *years_ago == 1 { CalibrationStatus::Valid } else { CalibrationStatus::Expired };
        assert_eq!(decided(&admin, &instrument.id).await, (status, id.clone()), "{years_ago} years ago");
        let revoke = RevokeCalibrationRequest { id: id.clone(), comment: "wrong".to_owned(), ..Default::default() };
        admin.calibrations().revoke_calibration(revoke).await.unwrap();
    }
    // Of those taken back the one that began last is named, and what is to come does not hide it.
    assert_eq!(decided(&admin, &instrument.id).await, (CalibrationStatus::Revoked, begun[0].1.clone()));

    // Of those to come, the first.
    let another = admin.new_instrument().await;
    enter_to_come(&admin, &another, 400).await;
    let first = enter_to_come(&admin, &another, 300).await;
    enter_to_come(&admin, &another, 500).await;
    assert_eq!(decided(&admin, &another.id).await, (CalibrationStatus::NotYetValid, first));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_calibration_is_listed_by_urgency() {
    let lab = TestLab::start().await;
    let (admin, viewer) = (lab.person("admin").await, lab.person("viewer").await);
    let park = Park::new(&admin).await;
    // What needs one at once comes first, by id; the rest by the end of its calibration.
    let mut at_once = park.at_once();
    at_once.sort();
    let and = |more: &[&Instrument]| {
        let more = more.iter().map(|instrument| instrument.id.clone());
        at_once.iter().cloned().chain(more).collect::<Vec<_>>()
    };
    let due = list(&viewer, ListDueCalibrationsRequest::default()).await;
    assert_eq!(ids(&due), and(&[&park.expired, &park.out_of_service, &park.due_soon]), "30 days, the default");
    for (one, (instrument, status)) in due.due[4..].iter().zip([
        (&park.expired, CalibrationStatus::Expired),
        (&park.out_of_service, CalibrationStatus::OutOfService),
        (&park.due_soon, CalibrationStatus::DueSoon),
    ]) {
        assert_eq!(one.instrument.as_ref().unwrap().capabilities, instrument.capabilities);
        let told = one.status.clone().unwrap();
        assert_eq!((told.status(), told.expires_at), (status, one.due_at), "{}", instrument.asset_code);
    }
    // The status is the one that is told of the instrument alone; what is due at once has no instant.
    for one in &due.due {
        let told = one.status.clone().unwrap();
        let alone = decided(&viewer, &told.instrument_id).await;
        assert_eq!((told.status(), told.calibration_id), alone);
        assert_eq!(one.due_at.is_none(), at_once.contains(&told.instrument_id));
    }

    assert_eq!(due_within(&viewer, 0).await, and(&[&park.expired]));
    assert_eq!(due_within(&viewer, 10).await, and(&[&park.expired, &park.out_of_service]));
    assert_eq!(
        due_within(&viewer, 200).await,
        and(&[&park.expired, &park.out_of_service, &park.due_soon, &park.valid])
    );

    // The default is the organization's.
    let policy = Some(Policy { due_soon_days: 7, ..Default::default() });
    let update_mask = Some(FieldMask { paths: vec!["due_soon_days".to_owned()] });
    let request = UpdatePolicyRequest { policy, update_mask, request_id: String::new() };
    admin.calibrations().update_policy(request).await.unwrap();
    let due = list(&viewer, ListDueCalibrationsRequest::default()).await;
    assert_eq!(ids(&due), and(&[&park.expired, &park.out_of_service]));

    assert_eq!(due_within(&lab.stranger("admin").await, 3650).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_walked_page_by_page_and_filtered() {
    let lab = TestLab::start().await;
    let admin = lab.person("admin").await;
    let park = Park::new(&admin).await;
    let within = Some(Duration { seconds: 200 * DAY_S, nanos: 0 });
    let all = ids(&list(&admin, ListDueCalibrationsRequest { within, ..Default::default() }).await);
    assert_eq!(all.len(), 8);
    let mut walked = Vec::new();
    let mut request = ListDueCalibrationsRequest { within, page_size: 3, ..Default::default() };
    loop {
        let page = list(&admin, request.clone()).await;
        walked.extend(ids(&page));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(walked, all);

    let filtered = async |filter: String, order_by: &str| {
        let order_by = order_by.to_owned();
        ids(&list(&admin, ListDueCalibrationsRequest { within, filter, order_by, ..Default::default() }).await)
    };
    assert_eq!(
        filtered("service_state = OUT_OF_SERVICE".to_owned(), "").await,
        std::slice::from_ref(&park.out_of_service.id)
    );
    let one = format!("asset_code = \"{}\"", park.revoked.asset_code);
    assert_eq!(filtered(one, "").await, std::slice::from_ref(&park.revoked.id));
    let mut reversed = all.clone();
    reversed.reverse();
    assert_eq!(filtered(String::new(), "due_at desc").await, reversed);

    let wrong = Some(Duration { seconds: -1, nanos: 0 });
    let request = ListDueCalibrationsRequest { within: wrong, ..Default::default() };
    assert_eq!(refused(admin.calibrations().list_due_calibrations(request).await), "FIELD_INVALID");
    let request = ListDueCalibrationsRequest { filter: "colour = red".to_owned(), ..Default::default() };
    assert_eq!(refused(admin.calibrations().list_due_calibrations(request).await), "FILTER_INVALID");
}
