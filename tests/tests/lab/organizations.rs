//! The organization that one is in.

use contract::auth::v1::{GetOrganizationRequest, Organization, UpdateOrganizationRequest};
use prost_types::FieldMask;
use spectra_tests::{Person, TestLab, refused};

async fn organization(of: &Person) -> Organization {
    let answer = of.organizations().get_organization(GetOrganizationRequest {}).await.unwrap();
    answer.into_inner().organization.unwrap()
}

fn update(organization: Organization, path: &str) -> UpdateOrganizationRequest {
    UpdateOrganizationRequest {
        organization: Some(organization),
        update_mask: Some(FieldMask { paths: vec![path.to_owned()] }),
        request_id: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_reads_their_own_and_an_admin_changes_it() {
    let lab = TestLab::start().await;
    let (admin, viewer) = (lab.person("admin").await, lab.person("viewer").await);
    let theirs = lab.stranger("admin").await;
    let read = organization(&viewer).await;
    assert_eq!((read.slug.as_str(), read.time_zone.as_str()), ("demo", "UTC"));

    // The id in a request is not looked at: it is always one's own that changes.
    let other = organization(&theirs).await;
    let named = Organization { id: other.id.clone(), name: "Kelvin Laboratory".to_owned(), ..read.clone() };
    let changed = admin.organizations().update_organization(update(named, "name")).await.unwrap();
    let changed = changed.into_inner().organization.unwrap();
    assert_eq!((&changed.id, changed.name.as_str()), (&read.id, "Kelvin Laboratory"));
    assert_eq!(organization(&viewer).await, changed);
    assert_eq!(organization(&theirs).await, other);

    let stale = update(Organization { name: "Celsius Laboratory".to_owned(), ..read }, "name");
    assert_eq!(refused(admin.organizations().update_organization(stale).await), "ETAG_MISMATCH");

    let zone = |zone: &str| update(Organization { time_zone: zone.to_owned(), ..changed.clone() }, "time_zone");
    for none in ["", "Berlin", "Europe/Nowhere", "UTC+2", "europe/berlin/"] {
        let answer = admin.organizations().update_organization(zone(none)).await;
        assert_eq!(refused(answer), "FIELD_INVALID", "{none}");
    }
    let moved = admin.organizations().update_organization(zone("America/Argentina/Ushuaia")).await.unwrap();
    assert_eq!(moved.into_inner().organization.unwrap().time_zone, "America/Argentina/Ushuaia");

    let nameless = update(Organization { name: " ".to_owned(), ..Default::default() }, "name");
    assert_eq!(refused(admin.organizations().update_organization(nameless).await), "FIELD_INVALID");
    let slug = update(Organization { slug: "x".to_owned(), ..Default::default() }, "slug");
    assert_eq!(refused(admin.organizations().update_organization(slug).await), "FIELD_READ_ONLY");
}
