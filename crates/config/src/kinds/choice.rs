//! One word of a fixed set. The words are those of the enum that the setting becomes.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use super::{InvalidValue, Rules, Syntax, one_of, text_of};
use crate::raw_value::Value;
use crate::suggestion::nearest;
use crate::values::Choice;

/// The words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words(pub &'static [&'static str]);

impl Words {
    /// The words of a type.
    pub(crate) const fn of<T: Choice>() -> Self {
        Self(T::WORDS)
    }
}

impl Rules for Words {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let mut word = match value {
            // `true` and `false` may be words: an unquoted one in a file is as good.
            Value::Bool(truth) if self.0.contains(&"true") => truth.to_string(),
            _ => text_of(value, syntax)?.to_ascii_lowercase(),
        };
        if word == "warn" && self.0.contains(&"warning") {
            word = "warning".to_owned();
        }
        if self.0.contains(&word.as_str()) {
            return Ok(Value::Text(word));
        }
        let invalid = InvalidValue::wants(self.wanted());
        Err(match nearest(&word, self.0.iter().copied()) {
            Some(right) => invalid.hinting(format!("did you mean `{right}`?")),
            None => invalid,
        })
    }

    fn wanted(&self) -> String {
        one_of(self.0)
    }

    fn placeholder(&self) -> Cow<'static, str> {
        self.0.join("|").into()
    }

    fn description(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|word| format!("`{word}`")).collect();
        words.join(" or ")
    }

    fn schema(&self) -> Json {
        let truths = self.0.contains(&"true").then_some([json!(true), json!(false)]);
        let words = self.0.iter().map(|word| json!(word)).chain(truths.into_iter().flatten());
        json!({ "enum": words.collect::<Vec<_>>() })
    }

    fn python_type(&self) -> Cow<'static, str> {
        let words: Vec<String> = self.0.iter().map(|word| format!("\"{word}\"")).collect();
        let truths = if self.0.contains(&"true") { " | bool" } else { "" };
        format!("Literal[{}]{truths}", words.join(", ")).into()
    }
}
