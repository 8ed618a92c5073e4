//! Events from the log to the wire: what they hold is shown by the contract's own names.

use contract::{DESCRIPTOR_POOL, auth::v1 as wire, common::v1::Change};
use prost::Message as _;
use prost_reflect::{DynamicMessage, SerializeOptions};
use prost_types::{Any, Struct};
use serde_json::Value;
use spectra_runtime::{object::to_struct, wire::timestamp};

use crate::store::event::AuditEvent;

pub fn to_wire(event: AuditEvent) -> wire::AuditEvent {
    // The trail shows what was done even where nobody can read any more what it was done to.
    let Change { before, after } = Change::decode(event.body.as_slice()).unwrap_or_default();
    wire::AuditEvent {
        id: event.id.to_string(),
        service: event.service,
        resource: event.resource,
        resource_id: event.resource_id,
        action: event.action,
        actor: event.actor,
        on_behalf_of: event.on_behalf_of.unwrap_or_default(),
        reason: event.reason,
        request_id: event.request_id,
        recorded_at: Some(timestamp(event.recorded_at)),
        before: before.and_then(read),
        after: after.and_then(read),
    }
}

/// A resource as JSON; `None` where the contract has no such message, or its bytes are none.
fn read(resource: Any) -> Option<Struct> {
    let (_, name) = resource.type_url.rsplit_once('/')?;
    let message = DynamicMessage::decode(DESCRIPTOR_POOL.get_message_by_name(name)?, resource.value.as_slice()).ok()?;
    // As filters and update masks write them.
    let options = SerializeOptions::new().use_proto_field_name(true);
    match message.serialize_with_options(serde_json::value::Serializer, &options).ok()? {
        Value::Object(object) => Some(to_struct(object)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use prost::Name as _;
    use prost_types::value::Kind;

    use super::*;

    #[test]
    fn a_resource_is_shown_by_the_names_of_its_fields_and_what_is_none_is_left_out() {
        let user = wire::User { display_name: "Nova".to_owned(), role: wire::Role::Pi.into(), ..Default::default() };
        let any = Any { type_url: wire::User::type_url(), value: user.encode_to_vec() };
        let shown = read(any.clone()).unwrap().fields;
        let text = |key: &str| shown[key].kind.clone();
        assert_eq!(text("display_name"), Some(Kind::StringValue("Nova".to_owned())));
        assert_eq!(text("role"), Some(Kind::StringValue("ROLE_PI".to_owned())));
        assert_eq!(shown.len(), 2);
        assert_eq!(read(Any { type_url: "/spectra.auth.v1.Nothing".to_owned(), ..any.clone() }), None);
        assert_eq!(read(Any { value: vec![0xff; 9], ..any }), None);
    }
}
