//! One organization sees nothing of another: a foreign id answers exactly as a random one.

use contract::{Access, methods};
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, Value};
use spectra_tests::{
    TestLab,
    dynamic::{self, Dice},
};
use tonic::Status;
use uuid::Uuid;

/// Puts this id wherever the message has one.
fn put_id(message: &mut DynamicMessage, id: &str) -> usize {
    let fields: Vec<_> = prost_reflect::ReflectMessage::descriptor(message).fields().collect();
    let mut put = 0;
    for field in fields {
        if matches!(field.kind(), Kind::Message(_)) && !field.is_list() && !field.is_map() && message.has_field(&field)
        {
            if let Some(inner) = message.get_field_mut(&field).as_message_mut() {
                put += put_id(inner, id);
            }
        } else if dynamic::is_id(&field, dynamic::rules_of(&field).as_ref()) && field.name() != "request_id" {
            let value = Value::String(id.to_owned());
            message.set_field(&field, if field.is_list() { Value::List(vec![value]) } else { value });
            put += 1;
        }
    }
    put
}

/// An answer with what may differ taken out: the id that was asked for and the id of the call.
fn told(answer: Result<Vec<u8>, Status>, id: &str) -> String {
    match answer {
        Ok(bytes) => format!("ok, {} bytes", bytes.len()),
        Err(status) => {
            let (reason, mut metadata) = spectra_tests::reason(&status);
            metadata.remove("request_id");
            let mut metadata: Vec<_> = metadata.into_iter().collect();
            metadata.sort();
            format!("{:?} {} {reason} {metadata:?}", status.code(), status.message()).replace(id, "<id>")
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_id_answers_as_a_random_one_everywhere() {
    let lab = TestLab::start().await;
    let theirs = lab.stranger("admin").await;
    let instrument = theirs.new_instrument().await;
    let calibration = theirs.calibrate(&instrument, -10, 100).await;
    let sample = theirs.new_sample().await;
    let run = theirs.new_run(&instrument, &sample).await;
    let project = theirs.new_project().await;
    let recipe = theirs.new_recipe().await;
    let version = recipe.latest_version.unwrap();
    let user = theirs.new_user(contract::auth::v1::Role::Viewer).await;
    let foreign = [instrument.id, calibration.id, sample.id, run.id, project.id, recipe.id, version.id, user.id];

    let admin = lab.person("admin").await;
    let mut looked_at = 0;
    for method in methods().filter(|method| matches!(method.access, Access::Permission(_))) {
        for seed in 0..4 {
            let mut message = dynamic::message(&method.descriptor.input(), &mut Dice::new(seed + 1), true, 2);
            if put_id(&mut message, &foreign[0]) == 0 {
                continue;
            }
            let random = Uuid::now_v7().to_string();
            put_id(&mut message, &random);
            let wanted = told(dynamic::call(admin.client(), method, message.encode_to_vec()).await, &random);
            for id in &foreign {
                put_id(&mut message, id);
                let answer = told(dynamic::call(admin.client(), method, message.encode_to_vec()).await, id);
                assert_eq!(answer, wanted, "{} told a foreign id from a random one", method.path);
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 100, "only {looked_at} calls carried an id");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_barcodes_and_names_do_not_cross() {
    use contract::samples::v1::{CreateSampleRequest, GetSampleByBarcodeRequest, ListSamplesRequest, Sample};
    let lab = TestLab::start().await;
    let (ours, theirs) = (lab.person("engineer").await, lab.stranger("engineer").await);
    let sample = Sample {
        name: "W01".to_owned(),
        material_type: "wafer".to_owned(),
        barcode: "SPL-1".to_owned(),
        ..Default::default()
    };
    let request = CreateSampleRequest { sample: Some(sample), request_id: String::new() };
    theirs.samples().create_sample(request.clone()).await.unwrap();

    let scan = GetSampleByBarcodeRequest { barcode: "SPL-1".to_owned() };
    assert_eq!(spectra_tests::refused(ours.samples().get_sample_by_barcode(scan).await), "RESOURCE_NOT_FOUND");
    let list = ours.samples().list_samples(ListSamplesRequest::default()).await.unwrap().into_inner();
    assert!(list.samples.is_empty());
    // The same name and barcode are free here, which tells nothing of what is there.
    ours.samples().create_sample(request.clone()).await.unwrap();
    assert_eq!(spectra_tests::refused(ours.samples().create_sample(request).await), "RESOURCE_EXISTS");

    // A page token does not travel either.
    ours.new_sample().await;
    let first = ListSamplesRequest { page_size: 1, ..Default::default() };
    let page = ours.samples().list_samples(first.clone()).await.unwrap().into_inner();
    let next = ListSamplesRequest { page_token: page.next_page_token, ..first };
    assert!(ours.samples().list_samples(next.clone()).await.is_ok());
    assert_eq!(spectra_tests::refused(theirs.samples().list_samples(next).await), "PAGE_TOKEN_INVALID");
}
