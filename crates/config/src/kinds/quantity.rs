//! Durations and sizes.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use super::{InvalidValue, Rules, Syntax};
use crate::raw_value::Value;
use crate::values::quantity::{
    milliseconds, parse_duration, parse_percent, parse_size, write_duration, write_size,
};

/// A duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The meaning of zero.
    pub zero: Zero,
}

/// The meaning of a zero duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zero {
    /// It is an error.
    Refused,
    /// Immediately.
    Now,
    /// Never.
    Never,
}

impl Rules for Period {
    fn parse(&self, value: &Value, _: Syntax) -> Result<Value, InvalidValue> {
        let duration = match value {
            #[expect(clippy::cast_precision_loss, reason = "the longest is far below 2^53")]
            Value::Int(seconds) => milliseconds(*seconds as f64),
            Value::Float(seconds) => milliseconds(*seconds),
            Value::Text(text) => parse_duration(text),
            _ => None,
        };
        match duration {
            Some(0) if self.zero == Zero::Refused => Err(InvalidValue::wants(self.wanted())),
            Some(milliseconds) => Ok(Value::Int(milliseconds)),
            None => Err(InvalidValue::wants(self.wanted())),
        }
    }

    fn wanted(&self) -> String {
        match self.zero {
            Zero::Refused => "a time above 0: seconds, or `500ms`, `30s`, `5m`".into(),
            Zero::Now | Zero::Never => "a time: seconds, or `500ms`, `30s`, `5m`".into(),
        }
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "TIME".into()
    }

    fn description(&self) -> String {
        "time".into()
    }

    fn schema(&self) -> Json {
        let number = match self.zero {
            Zero::Refused => json!({ "type": "number", "exclusiveMinimum": 0 }),
            Zero::Now | Zero::Never => json!({ "type": "number", "minimum": 0 }),
        };
        let pattern = r"^[0-9]+(\.[0-9]+)? ?(ms|s|m|h)?$";
        json!({ "oneOf": [number, { "type": "string", "pattern": pattern }] })
    }

    fn to_json(&self, value: &Value) -> Json {
        match value {
            Value::Int(0) => json!(0),
            Value::Int(milliseconds) => json!(write_duration(*milliseconds)),
            other => other.to_json(),
        }
    }

    /// Seconds.
    fn plain(&self, value: &Value) -> Value {
        match value {
            Value::Int(milliseconds) if milliseconds % 1000 == 0 => Value::Int(milliseconds / 1000),
            #[expect(clippy::cast_precision_loss, reason = "the longest is far below 2^53")]
            Value::Int(milliseconds) => Value::Float(*milliseconds as f64 / 1e3),
            other => other.clone(),
        }
    }

    fn python_type(&self) -> Cow<'static, str> {
        "float | str".into()
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The smallest valid size, in bytes.
    pub least: i64,
}

const SIZE: &str = r"^[0-9]+(\.[0-9]+)? ?([KkMmGgTt]?[Ii]?[Bb])?$";

impl Size {
    fn parse_as(&self, value: &Value, syntax: Syntax, wanted: &str) -> Result<Value, InvalidValue> {
        let size = match value {
            Value::Int(bytes) => Some(*bytes),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "Python's int() truncates, and so do we"
            )]
            Value::Float(bytes) if syntax == Syntax::Cast && bytes.is_finite() => {
                Some(bytes.trunc() as i64)
            }
            Value::Text(text) => parse_size(text),
            _ => None,
        };
        match size {
            Some(bytes) if bytes >= self.least && usize::try_from(bytes).is_ok() => {
                Ok(Value::Int(bytes))
            }
            _ => Err(InvalidValue::wants(wanted)),
        }
    }
}

impl Rules for Size {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        self.parse_as(value, syntax, &self.wanted())
    }

    fn wanted(&self) -> String {
        match self.least {
            ..=0 => "a size: bytes, or `64KiB`, `10MB`".into(),
            least => format!("a size of at least {least}: bytes, or `64KiB`, `10MB`"),
        }
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "SIZE".into()
    }

    fn description(&self) -> String {
        "size".into()
    }

    fn schema(&self) -> Json {
        json!({ "oneOf": [
            { "type": "integer", "minimum": self.least }, { "type": "string", "pattern": SIZE }
        ] })
    }

    fn to_json(&self, value: &Value) -> Json {
        match value {
            Value::Int(bytes) if bytes % 1024 == 0 && *bytes > 0 => json!(write_size(*bytes)),
            other => other.to_json(),
        }
    }

    fn python_type(&self) -> Cow<'static, str> {
        "int | str".into()
    }
}

/// A number of bytes, or a percentage of a whole: an integer from 1 to 100 with `%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeOrShare {
    /// What 100 % is.
    pub whole: &'static str,
}

impl Rules for SizeOrShare {
    fn parse(&self, value: &Value, syntax: Syntax) -> Result<Value, InvalidValue> {
        match value {
            Value::Text(text) if text.trim_end().ends_with('%') => match parse_percent(text) {
                Some(percent) => Ok(Value::Text(format!("{percent}%"))),
                None => Err(InvalidValue::wants(self.wanted())
                    .hinting("a percentage is a whole number from `1%` to `100%`")),
            },
            _ => Size { least: 0 }.parse_as(value, syntax, &self.wanted()),
        }
    }

    fn wanted(&self) -> String {
        format!("a size: bytes, or `200MiB`, or `25%` of {}", self.whole)
    }

    fn placeholder(&self) -> Cow<'static, str> {
        "SIZE|PERCENT".into()
    }

    fn description(&self) -> String {
        format!("size, or percentage of {}", self.whole)
    }

    fn schema(&self) -> Json {
        json!({ "oneOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": SIZE },
            { "type": "string", "pattern": "^ *([1-9][0-9]?|100) ?%$" }
        ] })
    }

    fn to_json(&self, value: &Value) -> Json {
        Size { least: 0 }.to_json(value)
    }

    fn python_type(&self) -> Cow<'static, str> {
        "int | str".into()
    }
}
