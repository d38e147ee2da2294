//! Which settings file is read.
//!
//! A file named with `--config` or in `MAITRED_CONFIG` must exist. Otherwise the current directory
//! may contain one. The caller opens the files.

use crate::invocation::Invocation;
use crate::origin::Origin;
use crate::providers::environment::FILE_VARIABLE;

/// A file that may hold the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its path as given; the files of the current directory have no directory part.
    pub path: String,
    /// The source that named it; such a file must exist.
    pub named_by: Option<Origin>,
}

/// A settings file that the caller has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFile {
    /// The candidate.
    pub candidate: Candidate,
    /// Its bytes, or why they could not be read.
    pub contents: Result<Vec<u8>, String>,
}

/// The files to look for, in this order; the first that exists is used.
///
/// A candidate that was named ends the search. If it cannot be read, pass the failure in
/// [`SettingsFile::contents`], so that it is reported with all other problems.
pub fn candidates(
    invocation: Option<&Invocation>,
    environment: &[(String, String)],
) -> Vec<Candidate> {
    if let Some(path) = invocation.and_then(|invocation| invocation.config.clone()) {
        let named_by = Some(Origin::CommandLine("--config".into()));
        return vec![Candidate { path, named_by }];
    }
    let variable = environment.iter().rev().find(|(name, _)| name == FILE_VARIABLE);
    if let Some((name, path)) = variable.filter(|(_, path)| !path.is_empty()) {
        let named_by = Some(Origin::Variable(name.clone()));
        return vec![Candidate { path: path.clone(), named_by }];
    }
    ["maitred.toml", "pyproject.toml"]
        .map(|path| Candidate { path: path.into(), named_by: None })
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(arguments: &[&str], variable: Option<&str>) -> Vec<(String, bool)> {
        let invocation = Invocation::parse(arguments.iter().copied());
        let environment: Vec<_> = variable
            .map(|path| ("MAITRED_CONFIG".to_owned(), path.to_owned()))
            .into_iter()
            .collect();
        candidates(Some(&invocation), &environment)
            .into_iter()
            .map(|candidate| (candidate.path, candidate.named_by.is_some()))
            .collect()
    }

    #[test]
    fn a_named_file_is_the_only_candidate_and_the_flag_names_it_before_the_variable() {
        assert_eq!(paths(&["-c", "a.toml"], Some("b.toml")), [("a.toml".into(), true)]);
        assert_eq!(paths(&["check", "--config=a.toml"], None), [("a.toml".into(), true)]);
        assert_eq!(paths(&[], Some("b.toml")), [("b.toml".into(), true)]);
    }

    #[test]
    fn without_a_name_the_current_folder_is_searched() {
        let found = [("maitred.toml".into(), false), ("pyproject.toml".into(), false)];
        assert_eq!(paths(&[], None), found);
        assert_eq!(paths(&[], Some("")), found);
    }
}
