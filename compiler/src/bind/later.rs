//! Heads that this version checks and does not carry out.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use crate::bound::Query;
use eql_grammar::ast::{self, ClauseKind, Head, Step};

impl Binder<'_> {
    /// Checks clauses, events and names as far as they are known, and says that the head comes later.
    pub(super) fn later_head(&mut self, a: &ast::Analysis) -> Option<Query> {
        let kind = match &a.head {
            Head::Ltv => HeadKind::Ltv,
            _ => return None,
        };
        let clauses = self.clauses(kind, &a.clauses);
        self.clock = self.head_clock(clauses);
        self.required_during(clauses, kind, a.head_span);
        self.named_events(clauses);
        self.later(kind.word());
        None
    }

    /// The events that steps and clauses name must exist, the subject must take part in them.
    fn named_events(&mut self, clauses: Clauses<'_>) {
        let mut steps: Vec<&Step> = Vec::new();
        steps.extend(clauses.get(|k| if let ClauseKind::Starting(s) = k { Some(s) } else { None }));
        steps.extend(clauses.get(|k| if let ClauseKind::Returning(s) = k { Some(s) } else { None }));
        steps.extend(clauses.get(|k| if let ClauseKind::Ending(s) = k { Some(s) } else { None }));
        steps.extend(clauses.get(|k| if let ClauseKind::Goal(s) = k { Some(s) } else { None }));
        steps.extend(clauses.get(|k| if let ClauseKind::Until(s) = k { Some(s) } else { None }));
        steps.extend(
            clauses.get(|k| if let ClauseKind::Touches(s) | ClauseKind::Over(s) = k { Some(s.iter()) } else { None }).into_iter().flatten(),
        );
        let first = steps.first().map(|s| &s.scope);
        let subject = self.subject(clauses, first);
        let mut owned: Vec<Step> = steps.into_iter().cloned().collect();
        owned.dedup();
        match subject {
            Some(subject) => {
                self.steps(&owned, &subject);
                if let Some(s) = clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }) {
                    self.among(s, &subject);
                }
            }
            None => {
                for s in &owned {
                    self.event_types(&s.scope, None);
                }
            }
        }
        if let Some(s) = clauses.get(|k| if let ClauseKind::BySession(s) = k { Some(s) } else { None }) {
            self.session_rule(s);
        }
    }
}
