//! One event as it was written down, not yet understood.

use super::answer::Refusal;
use crate::limit::{COLUMNS, VALUE_CHARS};
use crate::source::{Json, Scanner};
use std::borrow::Cow;

/// A name and its value.
pub(crate) type Member<'a> = (Cow<'a, str>, Json<'a>);

/// The parts of an event. It is used again for the next one, so that its lists keep their room.
#[derive(Debug)]
pub(crate) struct EventRecord<'a> {
    pub(crate) event: Json<'a>,
    pub(crate) time: Json<'a>,
    pub(crate) id: Json<'a>,
    pub(crate) identities: Json<'a>,
    pub(crate) delete: Json<'a>,
    pub(crate) correct: Json<'a>,
    /// Everything else beside the properties.
    pub(crate) top: Vec<Member<'a>>,
    pub(crate) properties: Vec<Member<'a>>,
}

impl<'a> EventRecord<'a> {
    pub(crate) fn new() -> EventRecord<'a> {
        EventRecord {
            event: Json::Null,
            time: Json::Null,
            id: Json::Null,
            identities: Json::Null,
            delete: Json::Null,
            correct: Json::Null,
            top: Vec::new(),
            properties: Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.top.clear();
        self.properties.clear();
        for part in [&mut self.event, &mut self.time, &mut self.id, &mut self.identities, &mut self.delete, &mut self.correct] {
            *part = Json::Null;
        }
    }

    /// Takes a text apart.
    pub(crate) fn read(&mut self, text: &'a str) -> Result<(), Refusal> {
        self.clear();
        let mut scanner = Scanner::new(text);
        let read = scanner.object(|scanner, name| self.member(scanner, name)).and_then(|()| scanner.end());
        read.map_err(|what| Refusal::malformed(&format!("the record is no JSON object: {what}")))
    }

    fn member(&mut self, scanner: &mut Scanner<'a>, name: Cow<'a, str>) -> Result<(), &'static str> {
        let part = match name.as_ref() {
            "event" => &mut self.event,
            "time" => &mut self.time,
            "id" | "event_id" => &mut self.id,
            "identities" => &mut self.identities,
            "delete" => &mut self.delete,
            "correct" => &mut self.correct,
            "properties" => return self.properties(scanner),
            _ => return push(&mut self.top, name, scanner.value()?),
        };
        *part = scanner.value()?;
        Ok(())
    }

    fn properties(&mut self, scanner: &mut Scanner<'a>) -> Result<(), &'static str> {
        if scanner.at_object() {
            let properties = &mut self.properties;
            return scanner.object(|scanner, name| {
                let value = scanner.value()?;
                push(properties, name, value)
            });
        }
        match scanner.value()? {
            Json::Null => Ok(()),
            _ => Err("`properties` is not an object"),
        }
    }
}

fn push<'a>(members: &mut Vec<Member<'a>>, name: Cow<'a, str>, value: Json<'a>) -> Result<(), &'static str> {
    if members.len() == COLUMNS {
        return Err("it has more than 4096 members");
    }
    members.push((name, value));
    Ok(())
}

/// A flag of a record.
pub(crate) fn flag(name: &str, value: &Json<'_>) -> Result<bool, Refusal> {
    match value {
        Json::Null => Ok(false),
        Json::Bool(flag) => Ok(*flag),
        other => Err(Refusal::wrong_type(&format!("`{name}`"), &shown(other), "true or false")),
    }
}

/// An id as text. Blank text names nothing: as an id it would make one event of many.
pub(crate) fn id_text<'j>(value: &'j Json<'_>) -> Result<Option<Cow<'j, str>>, Refusal> {
    match value {
        Json::Null => Ok(None),
        Json::Text(text) if text.trim().is_empty() => Ok(None),
        Json::Text(text) => Ok(Some(Cow::Borrowed(text))),
        Json::Int(number) => Ok(Some(Cow::Owned(number.to_string()))),
        Json::Raw(number) if number.starts_with(|c: char| c.is_ascii_digit() || c == '-') => Ok(Some(Cow::Borrowed(number))),
        other => Err(Refusal::wrong_type("`id`", &shown(other), "a text or a whole number")),
    }
}

/// A value as messages quote it.
pub(crate) fn shown(value: &Json<'_>) -> String {
    let text: Cow<'_, str> = match value {
        Json::Null => "null".into(),
        Json::Bool(v) => v.to_string().into(),
        Json::Int(v) => v.to_string().into(),
        Json::Double(v) => v.to_string().into(),
        Json::Text(v) => Cow::Borrowed(v.as_ref()),
        Json::Raw(v) => Cow::Borrowed(v),
    };
    shortened(&text)
}

/// At most forty characters.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_string(),
    }
}
