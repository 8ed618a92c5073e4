//! Recipes and their versions.

use std::collections::BTreeMap;

use contract::runs::v1 as wire;
use spectra_runtime::{
    Error, Result,
    object::{from_struct, to_struct},
    wire::{etag, timestamp},
};
use uuid::Uuid;

use crate::recipe::{Content, Limit, Recipe, State, Version};

pub fn to_wire(recipe: Recipe) -> wire::Recipe {
    let latest = version_to_wire(recipe.latest);
    wire::Recipe {
        id: recipe.id.to_string(),
        name: recipe.name,
        method: latest.method.clone(),
        params: latest.params.clone(),
        limits: latest.limits.clone(),
        comment: latest.comment.clone(),
        latest_version: Some(latest),
        approved_version: recipe.approved.map(version_to_wire),
        created_by: recipe.created_by.to_string(),
        created_at: Some(timestamp(recipe.created_at)),
        updated_at: Some(timestamp(recipe.updated_at)),
        etag: etag(recipe.revision),
    }
}

/// Takes what `has` names of a version from what a client sent of its recipe; the method checks it.
pub fn apply(version: &mut Version, from: wire::Recipe, has: impl Fn(&str) -> bool) -> Result<()> {
    let mut content = std::mem::take(&mut version.content);
    if has("method") {
        content.method = from.method;
    }
    if has("params") {
        content.params = from_struct("recipe.params", from.params.unwrap_or_default())?;
    }
    if has("limits") {
        content.limits = limits_from_wire(from.limits)?;
    }
    if has("comment") {
        version.comment = from.comment;
    }
    version.content = content.check()?;
    Ok(())
}

pub fn version_to_wire(version: Version) -> wire::RecipeVersion {
    let optional = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let Content { method, params, limits } = version.content;
    wire::RecipeVersion {
        id: version.id.to_string(),
        recipe_id: version.recipe_id.to_string(),
        version: version.number,
        method,
        params: Some(to_struct(params)),
        limits: limits.into_iter().map(|(param, Limit { low, high })| wire::ParamLimit { param, low, high }).collect(),
        comment: version.comment,
        state: state_to_wire(version.state).into(),
        content_sha256: version.content_sha256,
        author_id: version.author_id.to_string(),
        author_ids: version.author_ids.iter().map(Uuid::to_string).collect(),
        submitted_by: optional(version.submitted_by),
        submitted_at: version.submitted_at.map(timestamp),
        reviewed_by: optional(version.reviewed_by),
        reviewed_at: version.reviewed_at.map(timestamp),
        review_comment: version.review_comment,
        closed_by: optional(version.closed_by),
        closed_at: version.closed_at.map(timestamp),
        closed_comment: version.closed_comment,
        created_at: Some(timestamp(version.created_at)),
        updated_at: Some(timestamp(version.updated_at)),
    }
}

fn limits_from_wire(limits: Vec<wire::ParamLimit>) -> Result<BTreeMap<String, Limit>> {
    let mut found = BTreeMap::new();
    for (index, wire::ParamLimit { param, low, high }) in limits.into_iter().enumerate() {
        if found.contains_key(&param) {
            let rule = format!("limits {param} a second time");
            return Err(Error::field(format!("recipe.limits[{index}].param"), rule));
        }
        found.insert(param, Limit { low, high });
    }
    Ok(found)
}

const fn state_to_wire(state: State) -> wire::RecipeState {
    match state {
        State::Draft => wire::RecipeState::Draft,
        State::InReview => wire::RecipeState::InReview,
        State::Approved => wire::RecipeState::Approved,
        State::Superseded => wire::RecipeState::Superseded,
        State::Retired => wire::RecipeState::Retired,
    }
}
