//! Recipes of the demo laboratory: one in use, one that waits for review, and one that is being written.

use contract::runs::v1::{
    ApproveRecipeRequest, CreateRecipeRequest, ListRecipesRequest, ParamLimit, Recipe, RecipeState, RecipeVersion,
    SubmitRecipeRequest,
};
use prost_types::{Struct, Value, value::Kind};

use super::{Result, Session, Trouble, said};

struct Entry {
    name: &'static str,
    method: &'static str,
    params: &'static [(&'static str, f64)],
    /// Parameter, low and high end.
    limits: &'static [(&'static str, f64, f64)],
    comment: &'static str,
    /// How far it has come.
    state: RecipeState,
}

const DEMO: [Entry; 3] = [
    Entry {
        name: "2N7000 transfer curve",
        method: "iv_sweep",
        params: &[("vgs_start", 0.0), ("vgs_stop", 5.0), ("vgs_step", 0.05), ("vds", 5.0), ("compliance", 0.1)],
        limits: &[("vgs_stop", 3.0, 10.0), ("vds", 0.1, 10.0)],
        comment: "Threshold and slope of small-signal MOSFETs, incoming lots",
        state: RecipeState::Approved,
    },
    Entry {
        name: "GaN Schottky C-V profile",
        method: "cv_sweep",
        params: &[("bias_start", -10.0), ("bias_stop", 0.0)],
        limits: &[("bias_start", -20.0, -5.0)],
        comment: "Doping profile of the drift layer",
        state: RecipeState::InReview,
    },
    Entry {
        name: "GaN Hall mobility",
        method: "hall_vdp",
        params: &[],
        limits: &[],
        comment: "To be tried on W01 first",
        state: RecipeState::Draft,
    },
];

/// Enters what is not there yet, and brings it as far as it should have come; how many records and steps that took.
pub(super) async fn demo(author: &Session, reviewer: &Session) -> Result<usize> {
    let mut made = 0;
    for entry in &DEMO {
        let (recipe, new) = enter(author, entry).await?;
        made += new;
        let version = recipe.latest_version.ok_or_else(|| Trouble::new("a recipe came without a version"))?;
        made += advance(author, reviewer, recipe.id, version, entry.state).await?;
    }
    Ok(made)
}

/// The recipe, and 1 if it was not there before.
async fn enter(author: &Session, entry: &Entry) -> Result<(Recipe, usize)> {
    let filter = format!("name = \"{}\"", entry.name);
    let there = ListRecipesRequest { filter, page_size: 1, ..Default::default() };
    let there = author.recipes().list_recipes(there).await.map_err(said)?.into_inner();
    if let Some(found) = there.recipes.into_iter().next() {
        return Ok((found, 0));
    }
    let request = CreateRecipeRequest { recipe: Some(recipe(entry)), request_id: String::new() };
    let created = author.recipes().create_recipe(request).await.map_err(said)?.into_inner();
    Ok((created.recipe.ok_or_else(|| Trouble::new("no recipe came back"))?, 1))
}

/// Submits and approves a first version that has not come so far yet. Where people went on with it, it is left alone.
async fn advance(
    author: &Session,
    reviewer: &Session,
    id: String,
    first: RecipeVersion,
    to: RecipeState,
) -> Result<usize> {
    let mut steps = 0;
    let begun = first.version == 1 && first.reviewed_by.is_empty();
    if begun && first.state() == RecipeState::Draft && to != RecipeState::Draft {
        let request = SubmitRecipeRequest { id: id.clone(), ..Default::default() };
        author.recipes().submit_recipe(request).await.map_err(said)?;
        steps += 1;
    }
    if begun && to == RecipeState::Approved {
        let request = ApproveRecipeRequest { id, version: 1, ..Default::default() };
        reviewer.recipes().approve_recipe(request).await.map_err(said)?;
        steps += 1;
    }
    Ok(steps)
}

fn recipe(entry: &Entry) -> Recipe {
    let value = |number: f64| Value { kind: Some(Kind::NumberValue(number)) };
    let fields = entry.params.iter().map(|(name, number)| ((*name).to_owned(), value(*number))).collect();
    let limit = |&(param, low, high): &(&str, f64, f64)| ParamLimit { param: param.to_owned(), low, high };
    Recipe {
        name: entry.name.to_owned(),
        method: entry.method.to_owned(),
        params: Some(Struct { fields }),
        limits: entry.limits.iter().map(limit).collect(),
        comment: entry.comment.to_owned(),
        ..Default::default()
    }
}
