//! SEQUENCE: every time the steps happened one after another.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::matches::{Groups, Matched, Shape, step_names};
use super::scope::RowScope;
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType};
use eql_grammar::ast::{self, ClauseKind, Counting, Reentry, Span, Step as AstStep};
use std::sync::Arc;

const HEAD: HeadKind = HeadKind::Sequence;

/// Steps and the other events of a sequence: each needs a bit of 64.
const EVENTS_MAX: usize = 64;

impl Binder<'_> {
    pub(super) fn sequence(&mut self, a: &ast::Analysis, steps: &[AstStep]) -> Option<Query> {
        let clauses = self.clauses(HEAD, &a.clauses);
        self.clock = self.head_clock(clauses);
        let during = self.required_during(clauses, HEAD, a.head_span);
        let subject = self.subject(clauses, steps.first().map(|s| &s.scope));
        let mut steps = steps.to_vec();
        let (names, shared) = step_names(&steps);
        self.match_where(clauses, &names, &mut steps);
        self.sequence_steps(&steps, clauses);
        let Some(subject) = subject else {
            for s in &steps {
                self.event_types(&s.scope, None);
            }
            return None;
        };
        let among = clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }).map(|s| self.among(s, &subject));
        let (bound, rows) = self.steps(&steps, &subject);
        let holding = clauses.get(|k| if let ClauseKind::Holding(e) = k { Some(e.as_slice()) } else { None }).unwrap_or_default();
        let holding = self.holding(holding, &rows);
        let rule = self.sequence_rule(clauses, &steps, &subject);
        let named = names.iter().filter_map(|(n, at)| Some((n.clone(), at[0], RowScope { columns: vec![], ..rows.get(at[0])?.clone() })));
        let mut m = Matched::new(&subject, rows.first()?, named.collect(), shared);
        let (shape, leading) = self.sequence_shape(clauses, steps.len(), &mut m)?;
        let matches = Matches {
            subject: subject.id,
            role: self.role.clone(),
            among,
            steps: bound,
            rule: MatchRule::Sequence(Box::new(rule?)),
            holding,
            during: during?,
            columns: m.into_columns(),
            clock: self.clock.clone(),
        };
        let query = self.shaped(shape, Rel::Matches(Box::new(matches)));
        self.finish(query, clauses, leading)
    }

    /// What becomes of the matches, and by how many columns they are ordered.
    fn sequence_shape(&mut self, clauses: Clauses<'_>, steps: usize, m: &mut Matched) -> Option<(Shape, usize)> {
        if let Some(shape) = self.match_show(HEAD, clauses, m)? {
            let leading = shape.width();
            return Some((shape, leading));
        }
        let mut groups = self.match_groups(HEAD, clauses, MatchColumn::Start, m)?;
        if let Some(items) = clauses.get(|k| if let ClauseKind::Measure(i) = k { Some(i) } else { None }) {
            let (aggregates, columns) = self.match_measures(items, m);
            let leading = groups.len();
            return Some((Shape::Groups(Groups { groups, aggregates, columns, top: m.top_by(0) }), leading));
        }
        let top = |k: &ClauseKind| if let ClauseKind::Breakdown { top: Some(_), .. } = k { Some(()) } else { None };
        if let Some((_, span)) = clauses.get_at(top) {
            let hint = "add for example MEASURE count(*)";
            self.error_hint(code::CLAUSE_MISSING, span, "TOP chooses groups by the first measure, and there is none", hint);
        }
        groups.extend(self.match_keys(m));
        for i in 0..steps {
            groups.push((format!("t{}", i + 1), self.match_column(m, MatchColumn::Time(i), DataType::Timestamp)));
        }
        let leading = groups.len();
        Some((Shape::Rows(groups), leading))
    }

    /// What a list of steps may not say.
    fn sequence_steps(&mut self, steps: &[AstStep], clauses: Clauses<'_>) {
        self.different_aliases(steps);
        if let Some(s) = steps.first() {
            if s.negated {
                let hint = "put the event that starts the wait first";
                self.error_hint(code::VALUE, s.span, "a sequence cannot begin with an absence", hint);
            }
            if s.optional {
                self.error(code::VALUE, s.span, "the first step cannot be OPTIONAL: it starts the match");
            }
            if s.within.is_some() && !s.negated {
                let hint = "write WITHIN on a later step, or as a clause for the whole sequence";
                self.error_hint(code::VALUE, s.span, "WITHIN of a step counts from the step before it, and there is none", hint);
            }
        }
        if let Some(s) = steps.iter().find(|s| s.negated && s.optional) {
            self.error(code::VALUE, s.span, "a step is OPTIONAL or NOT, not both");
        }
        let absent = steps.iter().any(|s| s.negated);
        // Whether something stayed away is known only once its time is over.
        self.uses_now |= absent;
        if let (true, Some(s)) = (absent, steps.iter().find(|s| s.optional)) {
            let hint = "leave OPTIONAL out, or exclude the event with EXCLUDING";
            self.error_hint(code::VALUE, s.span, "OPTIONAL and NOT steps cannot stand in one sequence", hint);
        }
        let whole = clauses.has(|k| matches!(k, ClauseKind::Within(_)));
        if let Some(s) = steps.last().filter(|s| s.negated && s.within.is_none() && !whole) {
            let hint = "write NOT WITHIN 1 hour before the event, or WITHIN as a clause";
            self.error_hint(code::VALUE, s.span, "an absence at the end needs a length: nothing stays away for ever", hint);
        }
    }

    fn sequence_rule(&mut self, clauses: Clauses<'_>, steps: &[AstStep], subject: &Arc<EntityType>) -> Option<SequenceRule> {
        let window = match clauses.get(|k| if let ClauseKind::Within(d) = k { Some(d) } else { None }) {
            Some(d) => Some(self.window(d)?),
            None => None,
        };
        let (mode, visible, ignoring) = self.order_mode(clauses, subject);
        let held = clauses.get(|k| if let ClauseKind::Holding(e) = k { Some(e.as_slice()) } else { None }).unwrap_or_default();
        let excluding = self.excluding(clauses, subject, held, steps.len(), mode);
        let until = self.until(clauses, subject, held);
        let events = steps.len() + usize::from(until.is_some()) + usize::from(excluding.is_some()) + usize::from(visible.is_some());
        if events > EVENTS_MAX && steps.len() <= EVENTS_MAX {
            let span = steps.last().map_or(Span::default(), |s| s.span);
            self.error(code::LIMIT, span, format!("a sequence has at most {EVENTS_MAX} steps and other events, this one has {events}"));
        }
        let choice = self.sequence_choice(clauses, steps);
        let ties_forbidden = clauses.has(|k| matches!(k, ClauseKind::Ties(true)));
        Some(SequenceRule { window, ties_forbidden, mode, excluding, until, ignoring, visible, choice })
    }

    /// COUNTING and REENTRY.
    fn sequence_choice(&mut self, clauses: Clauses<'_>, steps: &[AstStep]) -> Option<Choice> {
        let counting = clauses.get_at(|k| if let ClauseKind::Counting(c) = k { Some(c) } else { None });
        let reentry = clauses.get_at(|k| if let ClauseKind::Reentry(r) = k { Some(*r) } else { None });
        if let Some((Counting::Sessions(_), span)) = counting {
            let hint = "list the matches inside one session with FUNNEL … COUNTING SESSIONS … SHOW ENTITIES CONVERTED";
            self.error_hint(code::CLAUSE, span, "SEQUENCE counts no sessions: it lists matches", hint);
        }
        let attempts = !matches!(counting, Some((Counting::Entities, _)));
        let which = reentry.map_or(Reentry::Best, |r| r.0);
        if let (Some((_, span)), true) = (reentry.or(counting.map(|(_, s)| (which, s))), steps.iter().any(|s| s.negated)) {
            let chosen = !attempts || which == Reentry::First;
            if chosen {
                let hint = "take all matches and choose with |> AGGREGATE min(t1) … GROUP BY the key";
                self.error_hint(code::CLAUSE_CONFLICT, span, "a sequence with NOT steps lists every match", hint);
            }
        }
        if let (Some((Reentry::Latest, span)), true) = (reentry, attempts) {
            let hint = "add COUNTING ENTITIES for the latest match of each entity";
            self.error_hint(code::CLAUSE_CONFLICT, span, "REENTRY LATEST chooses nothing where every match is listed", hint);
        }
        (!attempts || which == Reentry::First).then_some(Choice { attempts, reentry: which })
    }
}
