//! A definition as its EQL text.

use eql_catalog::{Catalog, EntityType, EventType, Identity, Participant, Property};

/// `DEFINE ENTITY …`
pub(super) fn entity(entity: &EntityType) -> String {
    let key = match entity.key.as_slice() {
        [one] => column(one),
        several => format!("({})", columns(several)),
    };
    let mut text = format!("DEFINE ENTITY {} KEY {key} ({})", name(&entity.name), columns(&entity.properties));
    if !entity.identities.is_empty() {
        let identities: Vec<String> = entity.identities.iter().map(identity).collect();
        text += &format!(" IDENTITIES ({})", identities.join(", "));
    }
    text + &comment(entity.comment.as_deref())
}

/// `DEFINE EVENT …`
pub(super) fn event(event: &EventType, catalog: &Catalog) -> String {
    let participants: Vec<String> = event.participants.iter().map(|p| participant(p, catalog)).collect();
    let mut text = format!("DEFINE EVENT {} OF {} ({})", name(&event.name), participants.join(", "), columns(&event.properties));
    if event.hidden {
        text += " HIDDEN";
    }
    if !event.cluster_by.is_empty() {
        let by: Vec<String> = event.cluster_by.iter().map(|c| name(c)).collect();
        text += &format!(" CLUSTER BY {}", by.join(", "));
    }
    text + &comment(event.comment.as_deref())
}

fn participant(participant: &Participant, catalog: &Catalog) -> String {
    match catalog.entity_by_id(participant.entity) {
        Some(entity) if entity.name != participant.name => format!("{} AS {}", name(&entity.name), name(&participant.name)),
        _ => name(&participant.name),
    }
}

fn columns(properties: &[Property]) -> String {
    properties.iter().map(column).collect::<Vec<_>>().join(", ")
}

fn column(property: &Property) -> String {
    let word = |there: bool, word: &'static str| if there { word } else { "" };
    let default = property.default.as_ref().map(|d| format!(" DEFAULT {d}")).unwrap_or_default();
    let words = [word(property.history, " HISTORY"), word(property.sensitive, " SENSITIVE"), word(property.required, " NOT NULL")].concat();
    format!("{} {}{words}{default}{}", name(&property.name), property.data_type, comment(property.comment.as_deref()))
}

fn identity(identity: &Identity) -> String {
    format!("{} {}{}", name(&identity.name), identity.data_type, if identity.unique { " UNIQUE" } else { "" })
}

fn comment(text: Option<&str>) -> String {
    text.map(|t| format!(" COMMENT '{}'", t.replace('\'', "''"))).unwrap_or_default()
}

fn name(name: &str) -> String {
    quoted(name).unwrap_or_else(|| name.to_string())
}

/// The name as EQL writes it; None when it has both kinds of quotes, so that no text names it.
pub(super) fn quoted(name: &str) -> Option<String> {
    let mut letters = name.strip_prefix('$').unwrap_or(name).chars();
    let start = letters.next().is_some_and(|c| c == '_' || c.is_alphabetic());
    match name {
        n if start && letters.all(|c| c == '_' || c.is_alphanumeric()) && !RESERVED.contains(&n.to_ascii_lowercase().as_str()) => {
            Some(n.to_string())
        }
        "" => None,
        n if !n.contains('`') => Some(format!("`{n}`")),
        n if !n.contains('"') => Some(format!("\"{n}\"")),
        _ => None,
    }
}

/// Words that cannot be bare names: the list of the grammar.
const RESERVED: [&str; 38] = [
    "select",
    "from",
    "where",
    "having",
    "limit",
    "during",
    "within",
    "among",
    "breakdown",
    "and",
    "or",
    "not",
    "intersect",
    "in",
    "is",
    "as",
    "of",
    "by",
    "between",
    "like",
    "case",
    "when",
    "then",
    "else",
    "end",
    "did",
    "never",
    "union",
    "except",
    "null",
    "true",
    "false",
    "with",
    "define",
    "join",
    "every",
    "holding",
    "excluding",
];

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn names_are_quoted_when_they_must_be() {
        let written = ["city", "$os", "Total amount", "from", "a`b", "größe", "1st"].map(|n| quoted(n).expect("a name"));
        assert_eq!(written, ["city", "$os", "`Total amount`", "`from`", "\"a`b\"", "größe", "`1st`"]);
        assert_eq!(quoted("`\""), None);
    }
}
