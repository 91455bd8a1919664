//! KEEP of an event type: how long its events stay.

use super::Binder;
use crate::code;
use eql_grammar::ast::{self, DefOption, Duration};

impl Binder<'_> {
    /// KEEP and REFRESH EVERY where nothing could obey them are errors, not words without effect.
    pub(super) fn kept_options(&mut self, d: &ast::Define, span: ast::Span) {
        use ast::Definition::{Event, Segment, Tag};
        for o in &d.options {
            let fits = match o {
                DefOption::RefreshEvery(..) => matches!(d.what, Tag { .. } | Segment { .. }),
                DefOption::Keep(_) => matches!(d.what, Tag { .. } | Segment { .. } | Event { .. }),
                _ => true,
            };
            if !fits {
                self.error(code::CLAUSE, span, "REFRESH EVERY belongs to tags and segments, KEEP to these and to stored events");
            }
        }
    }

    /// Microseconds of KEEP. A calendar length would make the day on which an event goes depend on a zone, so only fixed ones are taken.
    pub(super) fn keep(&mut self, options: &[DefOption]) -> Option<u64> {
        let length = options.iter().find_map(|o| if let DefOption::Keep(d) = o { Some(d) } else { None })?;
        let span = match length {
            Duration::Length { span, .. } => *span,
            Duration::Param(p) => {
                let hint = "write the length, for example KEEP 90 days";
                self.error_hint(code::VALUE, p.span, "KEEP is part of the definition and cannot be a parameter", hint);
                return None;
            }
        };
        let micros = self.fixed(length, "KEEP")?;
        if micros <= 0 {
            self.error_hint(code::VALUE, span, "KEEP needs a length", "KEEP 90 days; without KEEP events stay for good");
        }
        u64::try_from(micros).ok()
    }
}
