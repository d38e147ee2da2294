//! Whether logs have colours: what users say in the environment, for all programs alike.

/// Whether the log has colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourUse {
    /// Where it is written to a terminal.
    #[default]
    OnTerminals,
    /// Wherever it is written: `FORCE_COLOR`.
    Always,
    /// Nowhere: `NO_COLOR`.
    Never,
}

impl ColourUse {
    /// What the environment says; a variable counts if it is not empty (<https://no-color.org>,
    /// <https://force-color.org>).
    pub fn of(environment: &[(String, String)]) -> Self {
        let is_set = |wanted: &str| {
            environment.iter().any(|(name, value)| name == wanted && !value.is_empty())
        };
        match () {
            () if is_set("NO_COLOR") => Self::Never,
            () if is_set("FORCE_COLOR") => Self::Always,
            () => Self::OnTerminals,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_colour_wins_over_colour_and_an_empty_variable_says_nothing() {
        let of = |variables: &[(&str, &str)]| {
            let variables: Vec<_> =
                variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            ColourUse::of(&variables)
        };
        assert_eq!(of(&[]), ColourUse::OnTerminals);
        assert_eq!(of(&[("FORCE_COLOR", "1")]), ColourUse::Always);
        assert_eq!(of(&[("NO_COLOR", ""), ("FORCE_COLOR", "1")]), ColourUse::Always);
        assert_eq!(of(&[("FORCE_COLOR", "1"), ("NO_COLOR", "1")]), ColourUse::Never);
    }
}
