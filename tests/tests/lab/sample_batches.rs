//! Many samples at once: all of them or none, and a refusal that names the one.

use std::collections::BTreeMap;

use contract::samples::v1::{
    BatchCreateSamplesRequest, CreateSampleRequest, DeleteSampleRequest, ListSamplesRequest, Sample,
};
use spectra_tests::{Person, TestLab, reason};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

fn sample(name: &str, barcode: &str) -> Sample {
    Sample { name: name.to_owned(), material_type: "die".to_owned(), barcode: barcode.to_owned(), ..Default::default() }
}

async fn enter(person: &Person, samples: impl IntoIterator<Item = Sample>) -> Result<Vec<Sample>, Status> {
    let one = |sample| CreateSampleRequest { sample: Some(sample), request_id: String::new() };
    let requests = samples.into_iter().map(one).collect();
    let request = BatchCreateSamplesRequest { requests, request_id: String::new() };
    person.samples().batch_create_samples(request).await.map(|response| response.into_inner().samples)
}

async fn count(person: &Person) -> usize {
    let request = ListSamplesRequest { page_size: 1000, show_deleted: true, ..Default::default() };
    person.samples().list_samples(request).await.unwrap().into_inner().samples.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_samples_come_back_in_order_with_one_event() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let all = (0..1000).map(|number| sample(&format!("D{number:03}"), &format!("DIE-{number:03}")));
    let entered = enter(&engineer, all).await.unwrap();
    assert_eq!(entered.len(), 1000);
    let list = ListSamplesRequest { page_size: 1000, ..Default::default() };
    let listed = engineer.samples().list_samples(list).await.unwrap().into_inner().samples;
    assert_eq!(listed, entered, "as stored, and in the order of the request");
    assert!(listed.iter().enumerate().all(|(number, sample)| sample.name == format!("D{number:03}")));

    let owner = lab.database.owner().await;
    let events = "SELECT resource, action FROM events.event WHERE service = 'samples'";
    let events = owner.query(events, &[]).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].get(0), events[0].get(1)), ("sample_batch", "create"));

    for wrong in [0, 1001] {
        let all = (0..wrong).map(|number| sample(&format!("E{number}"), ""));
        assert_eq!(reason(&enter(&engineer, all).await.unwrap_err()).0, "FIELD_INVALID", "{wrong} samples");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_refused_is_named_and_refuses_all() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let there = enter(&engineer, [sample("W01", "SPL-1"), sample("W02", "SPL-2")]).await.unwrap();
    let delete = DeleteSampleRequest { id: there[1].id.clone(), ..Default::default() };
    engineer.samples().delete_sample(delete).await.unwrap();

    for (samples, why, field) in [
        (vec![sample("A", ""), sample("W01", "")], "RESOURCE_EXISTS", "requests[1].sample.name"),
        (vec![sample("A", ""), sample("B", ""), sample("C", "SPL-1")], "RESOURCE_EXISTS", "requests[2].sample.barcode"),
        (vec![sample("A", "SPL-2")], "RESOURCE_EXISTS", "requests[0].sample.barcode"),
        (vec![sample("A", ""), sample("B", ""), sample("A", "")], "FIELD_INVALID", "requests[2].sample.name"),
        (vec![sample("A", "1"), sample("B", "1")], "FIELD_INVALID", "requests[1].sample.barcode"),
        (vec![sample("A", ""), sample("", "")], "FIELD_INVALID", "requests[1].sample.name"),
        (vec![sample("A", ""), sample("B", "two words")], "FIELD_INVALID", "requests[1].sample.barcode"),
    ] {
        let status = enter(&engineer, samples).await.unwrap_err();
        let (reason, metadata) = reason(&status);
        let violated = status.get_details_bad_request().map(|request| request.field_violations[0].field.clone());
        assert_eq!((reason.as_str(), violated.as_ref().or(metadata.get("field")).unwrap().as_str()), (why, field));
        assert!(status.message().starts_with(field.trim_end_matches(".name").trim_end_matches(".barcode")), "{status}");
    }
    assert_eq!(count(&engineer).await, 2, "nothing of a refused batch stays");

    // The name of a deleted one is free, in a batch too.
    enter(&engineer, [sample("W02", "")]).await.unwrap();
    let technician = lab.person("tech").await;
    assert_eq!(enter(&technician, [sample("A", "")]).await.unwrap_err().code(), Code::PermissionDenied);
}

/// Of many who enter the same samples at once, in whatever order, one gets all of them and the others none.
#[tokio::test(flavor = "multi_thread")]
async fn batches_with_the_same_names_exclude_each_other() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let batches = (0..6).map(|turn| {
        let samples =
            (0..500).map(|number| sample(&format!("D{}", if turn % 2 == 0 { number } else { 499 - number }), ""));
        enter(&engineer, samples.collect::<Vec<_>>())
    });
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for answer in futures::future::join_all(batches).await {
        let outcome = answer.map_or_else(|status| reason(&status).0, |samples| samples.len().to_string());
        *outcomes.entry(outcome).or_default() += 1;
    }
    assert_eq!(outcomes, BTreeMap::from([("500".to_owned(), 1), ("RESOURCE_EXISTS".to_owned(), 5)]));
    assert_eq!(count(&engineer).await, 500);
}
