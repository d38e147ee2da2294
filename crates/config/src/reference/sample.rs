//! The sample settings file, `docs/maitred.toml`: every setting with its default, as a comment.
//!
//! A line that is set stays as it is when another one changes that it would follow, and when a platform
//! says otherwise (`$PORT`). So somebody who starts from this file sets only what they mean.

use crate::declaration::{Section, Setting};
use crate::load::defaults;
use crate::show::heading;
use crate::to_toml;

/// The file, ending in a newline.
pub fn sample() -> String {
    let mut text = String::from(
        "# Every setting of Maitred with its default, as a comment: remove the `#` of what you change, and\n\
         # only of that. What is set does not follow other settings any more, and not $PORT. Times are\n\
         # seconds, or \"500ms\", \"30s\", \"5m\"; sizes are bytes, or \"64KiB\", \"10MB\".\n\
         #\n\
         # For completion in editors, run `maitred config schema > maitred.schema.json`, and make\n\
         # `#:schema ./maitred.schema.json` the first line of the file.\n",
    );
    for section in Section::ALL {
        text.push('\n');
        text.push_str(&heading(section));
        for setting in section.settings().iter().filter(|setting| setting.is_written()) {
            text.push('\n');
            text.push_str(&comment(setting.help));
            text.push_str(&line(setting));
        }
    }
    text
}

fn line(setting: &Setting) -> String {
    let defaults = defaults();
    let default = defaults.get(setting).and_then(|entry| to_toml::toml(setting, &entry.value));
    match default {
        Some(default) => format!("# {} = {default}\n", setting.name),
        None => {
            format!("# {} = {}  # an example: unset by default\n", setting.name, setting.example)
        }
    }
}

/// Comment lines of at most 100 columns.
fn comment(text: &str) -> String {
    const WIDTH: usize = 100;
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push_str(&line);
    lines.push('\n');
    lines
}
