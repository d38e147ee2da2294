//! The nearest right spelling of a wrong word.

/// The candidate that the word most probably means, if any is near enough to be worth saying.
///
/// Jaro-Winkler counts a common beginning most, which suits names that people half remember; the
/// threshold is where unrelated names of ours begin to be suggested for one another.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const NEAR: f64 = 0.85;
    if word.len() > 64 {
        return None; // no name is half as long, and the comparison is quadratic
    }
    let word = word.replace('_', "-").to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}
