//! Puts the parts of a statement on one line, or each on its own.

/// Widest line that stays one line.
pub(super) const WIDTH: usize = 100;

/// One line if it fits, else one line a part.
pub(super) fn fit(parts: Vec<String>) -> String {
    let width: usize = parts.iter().map(|p| p.chars().count() + 1).sum();
    let folded = parts.iter().any(|p| p.contains('\n'));
    parts.join(if width > WIDTH + 1 || folded { "\n" } else { " " })
}

/// `head (a, b)`, or one member a line.
pub(super) fn bracketed(head: &str, members: &[String]) -> String {
    let one_line = format!("{head} ({})", members.join(", "));
    if one_line.chars().count() <= WIDTH {
        return one_line;
    }
    format!("{head} (\n  {}\n)", members.join(",\n  "))
}
