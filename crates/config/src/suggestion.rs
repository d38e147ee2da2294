//! Suggests the correct spelling of a misspelt name.

/// The candidate most similar to the word, if it is similar enough to suggest.
///
/// Jaro-Winkler weighs a common prefix most, which suits half-remembered names. Below the
/// threshold, unrelated settings would be suggested for one another.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const NEAR: f64 = 0.85;
    if word.len() > 64 {
        return None; // every name is shorter than half of this, and the comparison is quadratic
    }
    let word = word.replace('_', "-").to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}
