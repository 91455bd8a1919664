//! Heads that this version checks and does not carry out.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use crate::bound::Query;
use eql_grammar::ast::{self, ClauseKind, Head, Step};

impl Binder<'_> {
    /// Checks clauses, events and names as far as they are known, and says that the head comes later.
    pub(super) fn later_head(&mut self, a: &ast::Analysis) -> Option<Query> {
        let (kind, steps): (HeadKind, Vec<&Step>) = match &a.head {
            Head::Lifecycle(s) => (HeadKind::Lifecycle, vec![s]),
            Head::Stickiness(s) => (HeadKind::Stickiness, vec![s]),
            Head::Rfm(s) => (HeadKind::Rfm, vec![s]),
            Head::Paths => (HeadKind::Paths, vec![]),
            Head::Ltv => (HeadKind::Ltv, vec![]),
            Head::Journey => (HeadKind::Journey, vec![]),
            Head::Trend(_) | Head::Distribution(_) | Head::Funnel(_) | Head::Sessions(_) | Head::Retention | Head::Profile => return None,
            Head::Sequence(_) | Head::Intervals | Head::Attribution => return None,
        };
        let clauses = self.clauses(kind, &a.clauses);
        self.clock = self.head_clock(clauses);
        if !matches!(kind, HeadKind::Rfm | HeadKind::Journey) {
            self.required_during(clauses, kind, a.head_span);
        }
        self.named_events(clauses, &steps, kind == HeadKind::Journey);
        self.later(match kind {
            HeadKind::Lifecycle => "LIFECYCLE",
            HeadKind::Stickiness => "STICKINESS",
            HeadKind::Rfm => "RFM",
            HeadKind::Paths => "PATHS",
            HeadKind::Ltv => "LTV",
            _ => "JOURNEY",
        });
        None
    }

    /// The events that steps and clauses name must exist, the subject must take part in them.
    fn named_events(&mut self, clauses: Clauses<'_>, head: &[&Step], one: bool) {
        let mut steps: Vec<&Step> = head.to_vec();
        steps.extend(clauses.get(|k| if let ClauseKind::Starting(s) = k { Some(s) } else { None }));
        steps.extend(clauses.get(|k| if let ClauseKind::Returning(s) = k { Some(s) } else { None }));
        steps.extend(clauses.get(|k| if let ClauseKind::Ending(s) = k { Some(s) } else { None }));
        steps.extend(clauses.get(|k| if let ClauseKind::Goal(s) = k { Some(s) } else { None }));
        steps.extend(clauses.get(|k| if let ClauseKind::Until(s) = k { Some(s) } else { None }));
        steps.extend(
            clauses.get(|k| if let ClauseKind::Touches(s) | ClauseKind::Over(s) = k { Some(s.iter()) } else { None }).into_iter().flatten(),
        );
        let first = steps.first().map(|s| &s.scope);
        let subject = if one { self.subject_or_one(clauses, first) } else { self.subject(clauses, first) };
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
