//! Certificates as files: kept once, as they came, and only where they are what was declared.

use aws_lc_rs::digest::{SHA256, digest};
use contract::calibration::v1::{
    AttachDocumentRequest, Calibration, CreateCalibrationRequest, Document, DownloadDocumentRequest, GetDocumentRequest,
};
use http::StatusCode;
use spectra_tests::{
    Person, TestLab, certificate,
    http1::{Script, text},
    refused,
};
use uuid::Uuid;

/// Every byte there is, many times over: more than one message carries.
fn scan() -> Vec<u8> {
    (0..700_000_u32).map(|number| (number % 256) as u8 ^ (number / 256) as u8).collect()
}

fn hash(content: &[u8]) -> String {
    digest(&SHA256, content).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attach(calibration_id: &str, content: Vec<u8>) -> AttachDocumentRequest {
    AttachDocumentRequest {
        calibration_id: calibration_id.to_owned(),
        file_name: "certificate (scan).pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        content,
        request_id: Uuid::now_v7().to_string(),
    }
}

async fn enter(person: &Person, document_sha256: String) -> Calibration {
    let instrument = person.new_instrument().await;
    let calibration = Some(Calibration { document_sha256, ..certificate(&instrument.id, -10, 300) });
    let request = CreateCalibrationRequest { calibration, ..Default::default() };
    person.calibrations().create_calibration(request).await.unwrap().into_inner().calibration.unwrap()
}

async fn download(person: &Person, calibration_id: &str) -> (String, String, Vec<u8>) {
    let request = DownloadDocumentRequest { calibration_id: calibration_id.to_owned() };
    let mut stream = person.calibrations().download_document(request).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    let mut content = first.content;
    while let Some(piece) = stream.message().await.unwrap() {
        assert_eq!((piece.file_name.as_str(), piece.media_type.as_str()), ("", ""), "in the first message only");
        content.extend(piece.content);
    }
    (first.file_name, first.media_type, content)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_kept_as_it_came_and_read_back_by_grpc_and_by_curl() {
    let lab = TestLab::start().await;
    let (pi, viewer) = (lab.person("pi").await, lab.person("viewer").await);
    let calibration = enter(&pi, hash(&scan())).await;
    let request = attach(&calibration.id, scan());
    let kept: Document =
        pi.calibrations().attach_document(request.clone()).await.unwrap().into_inner().document.unwrap();
    assert_eq!((kept.size_bytes, kept.sha256.as_str()), (700_000, hash(&scan()).as_str()));
    let again = pi.calibrations().attach_document(request).await.unwrap().into_inner().document.unwrap();
    assert_eq!(again, kept, "the same request gets the same answer");

    let read = GetDocumentRequest { calibration_id: calibration.id.clone() };
    assert_eq!(viewer.calibrations().get_document(read).await.unwrap().into_inner().document.unwrap(), kept);
    let (name, kind, content) = download(&viewer, &calibration.id).await;
    assert_eq!((name.as_str(), kind.as_str()), ("certificate (scan).pdf", "application/pdf"));
    assert!(content == scan());

    let (script, path) = (Script::of(&lab, &viewer), format!("/api/v1/calibrations/{}/document", calibration.id));
    let (status, document) = script.ask("GET", &path, "").await;
    assert_eq!((status, text(&document, "/sha256")), (StatusCode::OK, kept.sha256.as_str()));
    let file = script.send(script.request("GET", &format!("{path}:download")), "").await;
    assert_eq!(file.headers()["content-type"], "application/pdf");
    // Never shown in the browser's page: it is not ours.
    assert_eq!(file.headers()["content-disposition"], "attachment; filename=\"certificatescan.pdf\"");
    assert_eq!(file.headers()["x-content-type-options"], "nosniff");
    assert!(*file.body() == scan());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_document_is_refused_and_nothing_replaces_it() {
    let lab = TestLab::start().await;
    let (pi, viewer, theirs) = (lab.person("pi").await, lab.person("viewer").await, lab.stranger("pi").await);
    let declared = enter(&pi, hash(b"the certificate")).await.id;
    let open = enter(&pi, String::new()).await.id;
    let attempt = async |by: &Person, request| refused(by.calibrations().attach_document(request).await);
    assert_eq!(attempt(&pi, attach(&declared, b"another".to_vec())).await, "FIELD_INVALID");
    assert_eq!(attempt(&viewer, attach(&open, b"x".to_vec())).await, "PERMISSION_DENIED");
    assert_eq!(attempt(&theirs, attach(&open, b"x".to_vec())).await, "RESOURCE_NOT_FOUND");
    assert_eq!(attempt(&pi, attach(&Uuid::now_v7().to_string(), b"x".to_vec())).await, "RESOURCE_NOT_FOUND");
    for wrong in [
        attach(&open, Vec::new()),
        attach(&open, vec![0; 3_000_001]),
        AttachDocumentRequest { file_name: "../secret".to_owned(), ..attach(&open, b"x".to_vec()) },
        AttachDocumentRequest { file_name: "a\\b".to_owned(), ..attach(&open, b"x".to_vec()) },
        AttachDocumentRequest { media_type: "text/html".to_owned(), ..attach(&open, b"x".to_vec()) },
    ] {
        assert_eq!(attempt(&pi, wrong).await, "FIELD_INVALID");
    }
    // Of many who attach at once, one does.
    let attempts = (0..8_u8).map(|number| attempt_or_ok(&pi, attach(&open, vec![number + 1; 10])));
    let told = futures::future::join_all(attempts).await;
    assert_eq!(told.iter().filter(|told| *told == "OK").count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|told| *told == "RESOURCE_EXISTS").count(), 7, "{told:?}");

    let read = |calibration_id: &str| GetDocumentRequest { calibration_id: calibration_id.to_owned() };
    assert_eq!(refused(pi.calibrations().get_document(read(&declared)).await), "RESOURCE_NOT_FOUND");
    assert_eq!(refused(theirs.calibrations().get_document(read(&open)).await), "RESOURCE_NOT_FOUND");
    // Past the service as well.
    let owner = lab.database.owner().await;
    for change in ["UPDATE calibration.document SET content = 'x'", "DELETE FROM calibration.document"] {
        assert!(owner.batch_execute(change).await.is_err(), "{change}");
    }
}

async fn attempt_or_ok(by: &Person, request: AttachDocumentRequest) -> String {
    match by.calibrations().attach_document(request).await {
        Ok(_) => "OK".to_owned(),
        Err(status) => spectra_tests::reason(&status).0,
    }
}
