//! Prints one of the texts that are made from the declarations of the settings, so that `make docs`
//! writes them and `make lint` compares them, without Python.

use std::io::{self, Write};

use maitred_config::reference;

fn main() -> io::Result<()> {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let text = match wanted.as_str() {
        "settings-md" => reference::settings_page(),
        "schema" => reference::schema(),
        "python-types" => reference::python_types(),
        "keywords" => reference::keywords(),
        "man" => reference::man_page(&[])?.unwrap_or_default(),
        "sample" => reference::sample(),
        "help" => reference::help(),
        _ => {
            return Err(io::Error::other(
                "say one of: settings-md schema python-types keywords man sample help",
            ));
        }
    };
    io::stdout().write_all(text.as_bytes())
}
