//! Truth values, whole numbers, and permissions.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use super::{InvalidValue, Rules, Syntax};
use crate::raw_value::Value;
use crate::values::quantity::parse_whole;

/// True or false.
pub(super) struct Flag;

impl Rules for Flag {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        let wants = InvalidValue::wants(self.wanted());
        let word = match (value, syntax) {
            (Value::Bool(_), _) => return Ok(value.clone()),
            (Value::None, Syntax::Cast) => return Ok(Value::Bool(false)),
            (Value::Int(number), Syntax::Cast) => number.to_string(),
            (Value::Text(text), _) => text.trim().to_ascii_lowercase(),
            _ => return Err(wants),
        };
        let truth = match word.as_str() {
            "true" | "yes" | "on" | "1" | "t" | "y" => true,
            "false" | "no" | "off" | "0" | "f" | "n" => false,
            "" | "none" if syntax == Syntax::Cast => false,
            _ => return Err(wants),
        };
        if syntax == Syntax::Typed {
            return Err(wants.hinting(format!("write `{truth}` without quotes")));
        }
        Ok(Value::Bool(truth))
    }

    fn wanted(&self) -> String {
        "true or false".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "true|false".into()
    }

    fn description(&self) -> String {
        "true or false".into()
    }

    fn schema(&self) -> Json {
        json!({ "type": "boolean" })
    }

    fn python_type(&self) -> Cow<'static, str> {
        "bool".into()
    }
}

/// A whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The smallest valid number.
    pub least: i64,
    /// The largest valid number.
    pub most: i64,
    /// What is counted, in the plural; empty for a port.
    pub of: &'static str,
    /// Whether `most` only keeps numbers sane. Then a message names it when it is exceeded.
    is_open: bool,
}

impl Count {
    /// From `least` to `most`.
    pub(crate) const fn from_to(least: i64, most: i64, of: &'static str) -> Self {
        Self { least, most, of, is_open: false }
    }

    /// At least `least`. No sane number is greater than `sane`.
    pub(crate) const fn at_least(least: i64, sane: i64, of: &'static str) -> Self {
        Self { least, most: sane, of, is_open: true }
    }

    fn parse_as(&self, value: &Value, syntax: Syntax, wanted: &str) -> Result<Value, InvalidValue> {
        let wants = || InvalidValue::wants(wanted);
        let number = match (value, syntax) {
            (Value::Int(number), _) => Some(*number),
            (Value::Bool(value), Syntax::Cast) => Some(i64::from(*value)),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "Python's int() truncates, and so do we"
            )]
            (Value::Float(number), Syntax::Cast) if number.is_finite() => {
                Some(number.trunc() as i64)
            }
            (Value::Text(text), _) => parse_whole(text),
            _ => None,
        };
        match number {
            Some(number) if syntax == Syntax::Typed && matches!(value, Value::Text(_)) => {
                Err(wants().hinting(format!("write `{number}` without quotes")))
            }
            Some(number) if (self.least..=self.most).contains(&number) => Ok(Value::Int(number)),
            Some(number) if number > self.most => {
                Err(wants().hinting(format!("at most {}", self.most)))
            }
            _ => Err(wants()),
        }
    }
}

impl Rules for Count {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        self.parse_as(value, syntax, &self.wanted())
    }

    fn wanted(&self) -> String {
        match self.is_open {
            true => format!("a whole number of at least {}", self.least),
            false => format!("a whole number from {} to {}", self.least, self.most),
        }
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "N".into()
    }

    fn description(&self) -> String {
        let of = if self.of.is_empty() { String::new() } else { format!(" of {}", self.of) };
        format!("whole number{of} from {} to {}", self.least, self.most)
    }

    fn schema(&self) -> Json {
        json!({ "type": "integer", "minimum": self.least, "maximum": self.most })
    }

    fn python_type(&self) -> Cow<'static, str> {
        "int".into()
    }
}

/// A whole number, or `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountOrAuto(pub Count);

/// The word for a number that follows from the machine.
pub(crate) const AUTO: &str = "auto";

impl Rules for CountOrAuto {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        match value {
            Value::Text(text) if text.trim() == AUTO => Ok(Value::Text(AUTO.into())),
            _ => self.0.parse_as(value, syntax, &self.wanted()),
        }
    }

    fn wanted(&self) -> String {
        format!("{}, or `{AUTO}`", self.0.wanted())
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "N|auto".into()
    }

    fn description(&self) -> String {
        format!("{}, or `{AUTO}`", self.0.description())
    }

    fn schema(&self) -> Json {
        json!({ "oneOf": [self.0.schema(), { "const": AUTO }] })
    }

    fn python_type(&self) -> Cow<'static, str> {
        "int | Literal[\"auto\"]".into()
    }
}

/// File permissions, as octal digits in text. A number is rejected: 600 would be a decimal number,
/// whose permission bits are not those of `600`.
pub(super) struct Mode;

impl Rules for Mode {
    fn parse(&self, value: &Value, _: Syntax) -> Result<Value, InvalidValue> {
        let wants = InvalidValue::wants(self.wanted());
        match value {
            Value::Text(text) => {
                let digits = text.trim();
                let digits = digits.strip_prefix("0o").unwrap_or(digits);
                match i64::from_str_radix(digits, 8) {
                    Ok(mode) if (0..=0o777).contains(&mode) => Ok(Value::Int(mode)),
                    _ => Err(wants),
                }
            }
            Value::Int(number) => Err(wants.hinting(format!("write \"{number}\" in quotes"))),
            _ => Err(wants),
        }
    }

    fn wanted(&self) -> String {
        "permissions in octal digits, such as `660`".into()
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "OCTAL".into()
    }

    fn description(&self) -> String {
        "octal digits".into()
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^(0o)?[0-7]{1,3}$" })
    }

    fn to_json(&self, value: &Value) -> Json {
        match value {
            Value::Int(mode) => json!(format!("{mode:o}")),
            other => other.to_json(),
        }
    }
}
