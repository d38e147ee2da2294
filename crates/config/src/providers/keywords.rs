//! Settings as keywords: `maitred.serve(app, threads=8)`, a PasteDeploy section, `ARGS`.
//!
//! The values are Python objects, which are cast as in Waitress: `"5"` to a number, `"yes"` to
//! true, any iterable to a list. One difference: a misspelt boolean such as `"ture"` is an error,
//! where Waitress silently takes it for false.

use super::Layer;
use crate::declaration::find;
use crate::kinds::Syntax;
use crate::origin::{Location, Origin};
use crate::problem::Problem;
use crate::providers::toml::suggestion;
use crate::raw_value::{Value, shortened};

/// Reads the keywords.
pub(crate) fn read(keywords: &[(String, Value)], problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::new("keywords", Syntax::Cast);
    for (name, value) in keywords {
        let location = Location::from(Origin::Keyword(shortened(name)));
        match find(name) {
            Some(setting) if layer.get(setting).is_some() => {
                let message = format!("`{}` is set twice", setting.keyword());
                problems.push(Problem::new(message).at(&location));
            }
            Some(setting) => layer.set(setting, value, location, problems),
            None => {
                let message = format!("unknown setting `{}`", shortened(name));
                let problem = Problem::new(message).at(&location);
                problems.push(match suggestion(name) {
                    Some(hint) => problem.hinting(hint.replace('-', "_")),
                    None => problem,
                });
            }
        }
    }
    layer
}
