//! Writes a batch of inputs for the comparison with foreign parsers, each with what Maitred makes of
//! it: `foreign_batch NUMBER INPUTS FOLDER...`.
//!
//! The folders hold the seeds. The same number and seeds make the same batch again. A line is a JSON
//! object, whose strings have a character for each byte; `foreign/form.py` describes it.

#![forbid(unsafe_code)]

mod mutation;
mod random;
mod reading;

use std::error::Error;
use std::io::{BufWriter, Write};
use std::path::Path;

use mutation::Mutator;

/// Longer seeds and inputs cost time, and show nothing that short ones do not.
const INPUT_BYTES_MAX: usize = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().ok_or("usage: foreign_batch NUMBER INPUTS FOLDER...");
    let batch: u64 = number()?.parse()?;
    let inputs: u64 = number()?.parse()?;
    let mut seeds = Vec::new();
    for folder in arguments {
        read_seeds(Path::new(&folder), &mut seeds).map_err(|error| format!("{folder}: {error}"))?;
    }
    if seeds.is_empty() {
        return Err("the folders hold no seeds: seed.py writes them".into());
    }
    let mut mutator = Mutator::new(&seeds, batch);
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut line = String::new();
    for _ in 0..inputs {
        let input = mutator.input();
        line.clear();
        reading::write_line(&input, &mut line);
        out.write_all(line.as_bytes())?;
    }
    Ok(out.flush()?)
}

/// The files of a folder, in the order of their names.
fn read_seeds(folder: &Path, seeds: &mut Vec<Vec<u8>>) -> std::io::Result<()> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort_unstable();
    for path in paths {
        let seed = std::fs::read(path)?;
        if !seed.is_empty() && seed.len() <= INPUT_BYTES_MAX {
            seeds.push(seed);
        }
    }
    Ok(())
}
