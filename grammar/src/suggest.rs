//! The nearest word: what a typing error most likely meant.

/// Farthest distance at which a word still counts as a misspelling.
const DISTANCE_MAX: usize = 2;

/// The candidate that `word` most likely means: equal but for case, else the nearest within two edits.
/// Words of one or two characters are near to everything, so for them only case is forgiven.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_fitting(word, candidates.into_iter().map(|c| (c, true)))
}

/// The same where some candidates fit the place and others do not: one that fits goes before one that is nearer.
pub fn nearest_fitting<'a>(word: &str, candidates: impl IntoIterator<Item = (&'a str, bool)>) -> Option<&'a str> {
    let folded = word.to_lowercase();
    let allowed = allowed_distance(folded.chars().count());
    let mut best: Option<(Nearness, &'a str)> = None;
    for (candidate, fits) in candidates {
        let other = candidate.to_lowercase();
        if other == folded {
            return Some(candidate);
        }
        // Lengths further apart than the distance cannot be near, and measuring costs time in both lengths.
        if other.len().abs_diff(folded.len()) > 4 * DISTANCE_MAX {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&folded, &other);
        let nearness =
            Nearness { misfit: !fits, distance, letters_differ: !same_letters(&folded, &other), not_begun: !other.starts_with(&folded) };
        if distance <= allowed && best.is_none_or(|(nearest, _)| nearness < nearest) {
            best = Some((nearness, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// What makes one candidate likelier than another: the fields in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Nearness {
    misfit: bool,
    distance: usize,
    /// Letters in the wrong order are the commonest slip.
    letters_differ: bool,
    /// Then comes a word broken off too early.
    not_begun: bool,
}

fn same_letters(word: &str, other: &str) -> bool {
    let sorted = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    word.len() == other.len() && sorted(word) == sorted(other)
}

fn allowed_distance(length: usize) -> usize {
    match length {
        0..=2 => 0,
        3..=4 => 1,
        _ => DISTANCE_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn case_goes_before_distance() {
        assert_eq!(nearest("Purchase", ["purchases", "purchase"]), Some("purchase"));
    }

    #[test]
    fn the_nearest_within_two_edits() {
        assert_eq!(nearest("purchse", ["refund", "purchase"]), Some("purchase"));
        assert_eq!(nearest("evrey", ["every"]), Some("every"));
        assert_eq!(nearest("fortnight", ["month", "night"]), None);
    }

    #[test]
    fn short_words_are_near_to_nothing() {
        assert_eq!(nearest("ab", ["of", "as"]), None);
        assert_eq!(nearest("OF", ["of"]), Some("of"));
    }

    #[test]
    fn swapped_letters_and_broken_words_come_first() {
        assert_eq!(nearest("form", ["for", "from"]), Some("from"));
        assert_eq!(nearest("wher", ["when", "where"]), Some("where"));
    }

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(nearest("cart", ["card", "care"]), Some("card"));
    }
}
