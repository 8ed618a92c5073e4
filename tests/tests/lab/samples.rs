//! Samples: pages, filters, etags, masks and moves.

use contract::common::v1::Quantity;
use contract::samples::v1::{
    BatchCreateSamplesRequest, CreateSampleRequest, GetSampleByBarcodeRequest, GetSampleRequest, ListSamplesRequest,
    ListSamplesResponse, MoveSampleRequest, Sample, UpdateSampleRequest,
};
use prost_types::FieldMask;
use spectra_tests::{Person, TestLab, reason, refused};

async fn create(person: &Person, name: &str, lot: &str, location: &str) -> Sample {
    let sample = Sample {
        name: name.to_owned(),
        material_type: "wafer".to_owned(),
        lot_code: lot.to_owned(),
        location: location.to_owned(),
        barcode: format!("BC-{name}"),
        ..Default::default()
    };
    let request = CreateSampleRequest { sample: Some(sample), request_id: String::new() };
    person.samples().create_sample(request).await.unwrap().into_inner().sample.unwrap()
}

async fn list(person: &Person, request: ListSamplesRequest) -> ListSamplesResponse {
    person.samples().list_samples(request).await.unwrap().into_inner()
}

fn names(page: &ListSamplesResponse) -> Vec<&str> {
    page.samples.iter().map(|sample| sample.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_walked_page_by_page_filtered_and_ordered() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    for number in 0..25 {
        let lot = if number % 2 == 0 { "LOT-A" } else { "LOT-B" };
        create(&engineer, &format!("S{number:02}"), lot, "shelf").await;
    }
    // Every row once, in the order of creation, whatever the size of the page.
    let mut seen = Vec::new();
    let mut request = ListSamplesRequest { page_size: 7, ..Default::default() };
    loop {
        let page = list(&engineer, request.clone()).await;
        seen.extend(page.samples.into_iter().map(|sample| sample.name));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
        request.page_size = 4;
    }
    assert_eq!(seen, (0..25).map(|number| format!("S{number:02}")).collect::<Vec<_>>());

    let page = |filter: &str, order_by: &str, skip| ListSamplesRequest {
        filter: filter.to_owned(),
        order_by: order_by.to_owned(),
        skip,
        page_size: 3,
        ..Default::default()
    };
    assert_eq!(names(&list(&engineer, page("lot_code = LOT-B", "name desc", 0)).await), ["S23", "S21", "S19"]);
    assert_eq!(names(&list(&engineer, page("", "", 10)).await), ["S10", "S11", "S12"]);
    assert_eq!(
        names(&list(&engineer, page("name:s1 AND NOT lot_code = \"LOT-A\"", "", 0)).await),
        ["S11", "S13", "S15"]
    );
    assert_eq!(names(&list(&engineer, page("status = IN_USE", "", 0)).await), Vec::<&str>::new());
    assert_eq!(list(&engineer, page("status = AVAILABLE OR location = nowhere", "", 0)).await.samples.len(), 3);

    for (filter, order_by) in
        [("colour = red", ""), ("name = ", ""), ("(((", ""), ("", "colour"), ("created_at > soon", "")]
    {
        let answer = engineer.samples().list_samples(page(filter, order_by, 0)).await;
        assert_eq!(refused(answer), "FILTER_INVALID", "{filter} {order_by}");
    }
    let first = list(&engineer, page("", "", 0)).await;
    for (token, filter) in
        [("x".to_owned(), ""), (first.next_page_token.clone() + "A", ""), (first.next_page_token, "name:s")]
    {
        let request = ListSamplesRequest { page_token: token, ..page(filter, "", 0) };
        assert_eq!(refused(engineer.samples().list_samples(request).await), "PAGE_TOKEN_INVALID");
    }
    let negative = ListSamplesRequest { page_size: -1, ..Default::default() };
    assert_eq!(refused(engineer.samples().list_samples(negative).await), "FIELD_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_the_version_that_was_read_and_touches_what_the_mask_names() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let read = create(&engineer, "W01", "LOT-A", "shelf").await;
    let update = |sample: Sample, paths: &[&str]| UpdateSampleRequest {
        sample: Some(sample),
        update_mask: Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
        request_id: String::new(),
    };
    let mut mine = read.clone();
    mine.lot_code = "LOT-B".to_owned();
    mine.location = "not in the mask".to_owned();
    mine.quantity = Some(Quantity { value: "12.50".to_owned(), unit: "g".to_owned(), ..Default::default() });
    let changed = engineer.samples().update_sample(update(mine.clone(), &["lot_code", "quantity"])).await;
    let changed = changed.unwrap().into_inner().sample.unwrap();
    assert_eq!((changed.lot_code.as_str(), changed.location.as_str()), ("LOT-B", "shelf"));
    assert_eq!(changed.quantity.as_ref().unwrap().value, "12.50", "an exact amount keeps its digits");
    assert_ne!(changed.etag, read.etag);

    // Somebody else read the same version before.
    let status = engineer.samples().update_sample(update(mine, &["lot_code"])).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Aborted);
    let (why, metadata) = reason(&status);
    assert_eq!((why.as_str(), &metadata["etag"]), ("ETAG_MISMATCH", &changed.etag));

    let refusal = |paths: &'static [&'static str]| {
        let (engineer, changed) = (engineer.clone(), changed.clone());
        async move { refused(engineer.samples().update_sample(update(changed, paths)).await) }
    };
    assert_eq!(refusal(&["status"]).await, "FIELD_READ_ONLY");
    assert_eq!(refusal(&["colour"]).await, "FIELD_INVALID");
    assert_eq!(refusal(&[]).await, "FIELD_INVALID");
    let mut nameless = changed.clone();
    nameless.name = String::new();
    assert_eq!(refused(engineer.samples().update_sample(update(nameless, &["name"])).await), "FIELD_INVALID");

    // What was read can be sent back whole.
    engineer.samples().update_sample(update(changed, &["*"])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_technician_scans_and_moves_but_does_not_edit() {
    let lab = TestLab::start().await;
    let (engineer, technician) = (lab.person("engineer").await, lab.person("tech").await);
    create(&engineer, "W01", "LOT-A", "shelf").await;
    let scan = GetSampleByBarcodeRequest { barcode: "BC-W01".to_owned() };
    let found = technician.samples().get_sample_by_barcode(scan).await.unwrap().into_inner().sample.unwrap();
    let request = MoveSampleRequest { id: found.id.clone(), location: "bench 1".to_owned(), ..Default::default() };
    let moved = technician.samples().move_sample(request.clone()).await.unwrap().into_inner().sample.unwrap();
    assert_eq!(moved.location, "bench 1");
    let stale = MoveSampleRequest { etag: found.etag, ..request };
    assert_eq!(refused(technician.samples().move_sample(stale).await), "ETAG_MISMATCH");
    let create = CreateSampleRequest { sample: Some(moved), request_id: String::new() };
    assert_eq!(refused(technician.samples().create_sample(create).await), "PERMISSION_DENIED");
}

/// A field that is forgotten in one of the places that name it is dropped without a word: here it is missed.
#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_may_be_written_comes_back_as_it_was_written() {
    use prost::Message as _;
    use prost_reflect::DynamicMessage;
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let behavior = contract::DESCRIPTOR_POOL.get_extension_by_name("google.api.field_behavior").unwrap();
    let of = contract::DESCRIPTOR_POOL.get_message_by_name("spectra.samples.v1.Sample").unwrap();
    let writable: Vec<_> = of.fields().filter(|field| !field.options().has_extension(&behavior)).collect();
    assert!(writable.len() >= 7);

    let pi = lab.person("pi").await;
    let projects = [pi.new_project().await.id, pi.new_project().await.id];
    let with = |digit: &str| Sample {
        name: format!("name {digit}"),
        material_type: format!("material {digit}"),
        lot_code: format!("lot {digit}"),
        barcode: format!("barcode-{digit}"),
        location: format!("location {digit}"),
        quantity: Some(Quantity {
            value: format!("{digit}.50"),
            unit: "g".to_owned(),
            expanded_uncertainty: Some(format!("0.{digit}")),
            coverage_factor: Some("2".to_owned()),
        }),
        attributes: Some(spectra_tests::numbers(&[(digit, 1.5)])),
        project_id: projects[usize::from(digit == "2")].clone(),
        ..Default::default()
    };
    let seen = |sample: &Sample| {
        let message = DynamicMessage::decode(of.clone(), sample.encode_to_vec().as_slice()).unwrap();
        writable.iter().map(|field| format!("{} = {}", field.name(), message.get_field(field))).collect::<Vec<_>>()
    };
    let full = DynamicMessage::decode(of.clone(), with("1").encode_to_vec().as_slice()).unwrap();
    let forgotten: Vec<_> = writable.iter().filter(|field| !full.has_field(field)).map(|field| field.name()).collect();
    assert!(forgotten.is_empty(), "this test writes no {forgotten:?}: add it above");

    let request = CreateSampleRequest { sample: Some(with("1")), request_id: String::new() };
    let created = engineer.samples().create_sample(request).await.unwrap().into_inner().sample.unwrap();
    assert_eq!(seen(&created), seen(&with("1")));
    let request = CreateSampleRequest { sample: Some(with("3")), request_id: String::new() };
    let batch = BatchCreateSamplesRequest { requests: vec![request], request_id: String::new() };
    let batched = engineer.samples().batch_create_samples(batch).await.unwrap().into_inner().samples.remove(0);
    let get = |id: String| {
        let engineer = engineer.clone();
        async move { engineer.samples().get_sample(GetSampleRequest { id }).await.unwrap().into_inner().sample.unwrap() }
    };
    assert_eq!(seen(&get(batched.id.clone()).await), seen(&with("3")));
    assert_eq!(get(batched.id.clone()).await, batched, "a batch writes all that it answers");
    for field in &writable {
        let request = UpdateSampleRequest {
            sample: Some(Sample { id: created.id.clone(), ..with("2") }),
            update_mask: Some(FieldMask { paths: vec![field.name().to_owned()] }),
            request_id: String::new(),
        };
        engineer.samples().update_sample(request).await.unwrap();
    }
    assert_eq!(seen(&get(created.id).await), seen(&with("2")));
}
