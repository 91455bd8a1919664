//! DEFINE in its eight forms.

use super::{Builder, Built};
use crate::ast::{
    Column, ColumnOption, DefOption, Define, Definition, Duration, EventScope, Ident, SegmentExpr, SegmentMode, SetDefinition,
};
use crate::parser::{Parts, Rule};

impl Builder<'_> {
    pub(super) fn define(&mut self, p: &mut Parts<'_>) -> Built<Define> {
        let (mut p, _) = self.enter(p, Rule::define)?;
        p.eat(Rule::kw_define);
        let replace = p.eat(Rule::or_replace);
        let form = p.next().ok_or_else(|| self.fault())?;
        let what = self.definition(form.as_rule(), &mut Parts::of(form))?;
        Ok(Define { replace, what, options: self.list(&mut p, Rule::def_opt, Self::def_option)? })
    }

    fn definition(&mut self, form: Rule, p: &mut Parts<'_>) -> Built<Definition> {
        match form {
            Rule::d_entity => self.define_entity(p),
            Rule::d_event => self.define_event(p),
            Rule::d_property => self.define_property(p),
            Rule::d_relation => self.define_relation(p),
            Rule::d_metric => self.define_metric(p),
            Rule::d_session => self.define_session(p),
            Rule::d_tag => self.define_tag(p),
            _ => self.define_segment(p),
        }
    }

    fn define_entity(&mut self, p: &mut Parts<'_>) -> Built<Definition> {
        p.eat(Rule::kw_entity);
        let name = self.ident(p)?;
        p.eat(Rule::kw_key);
        let key = self.columns(p, Rule::key)?;
        let columns = self.columns(p, Rule::columns)?;
        let identities = match p.take(Rule::identities) {
            Some(pair) => {
                let mut inner = Parts::of(pair);
                inner.eat(Rule::kw_identities);
                self.columns(&mut inner, Rule::columns)?
            }
            None => Vec::new(),
        };
        Ok(Definition::Entity { name, key, columns, identities })
    }

    /// The columns below `rule`, none if it is not there.
    fn columns(&mut self, p: &mut Parts<'_>, rule: Rule) -> Built<Vec<Column>> {
        match p.take(rule) {
            Some(pair) => self.list(&mut Parts::of(pair), Rule::column, Self::column),
            None => Ok(Vec::new()),
        }
    }

    fn column(&mut self, p: &mut Parts<'_>) -> Built<Column> {
        let (mut p, _) = self.enter(p, Rule::column)?;
        let (name, type_name) = (self.ident(&mut p)?, self.type_name(&mut p)?);
        Ok(Column { name, type_name, options: self.list(&mut p, Rule::column_option, Self::column_option)? })
    }

    fn column_option(&mut self, p: &mut Parts<'_>) -> Built<ColumnOption> {
        let (mut p, _) = self.enter(p, Rule::column_option)?;
        let word = p.next().ok_or_else(|| self.fault())?;
        Ok(match word.as_rule() {
            Rule::kw_history => ColumnOption::History,
            Rule::kw_unique => ColumnOption::Unique,
            Rule::kw_many => ColumnOption::Many,
            Rule::kw_sensitive => ColumnOption::Sensitive,
            Rule::kw_not => ColumnOption::NotNull,
            Rule::kw_default => ColumnOption::Default(self.literal(&mut p)?),
            _ => ColumnOption::Comment(self.text_only(&mut p)?),
        })
    }

    fn define_event(&mut self, p: &mut Parts<'_>) -> Built<Definition> {
        p.eat(Rule::kw_event);
        let name = self.ident(p)?;
        if p.eat(Rule::kw_of) {
            let participants = self.list(p, Rule::participant, Self::participant)?;
            return Ok(Definition::Event { name, participants, columns: self.columns(p, Rule::columns)? });
        }
        p.eat(Rule::kw_as);
        let mut alternatives = vec![self.event_alternative(p)?];
        while p.eat(Rule::kw_or) {
            alternatives.push(self.event_alternative(p)?);
        }
        Ok(Definition::VirtualEvent { name, alternatives })
    }

    fn event_alternative(&mut self, p: &mut Parts<'_>) -> Built<EventScope> {
        let (mut p, _) = self.enter(p, Rule::event_alt)?;
        self.bracket_or_event(&mut p)
    }

    fn participant(&mut self, p: &mut Parts<'_>) -> Built<(Ident, Option<Ident>)> {
        let (mut p, _) = self.enter(p, Rule::participant)?;
        let entity = self.ident(&mut p)?;
        let role = if p.eat(Rule::kw_as) { Some(self.ident(&mut p)?) } else { None };
        Ok((entity, role))
    }

    fn define_property(&mut self, p: &mut Parts<'_>) -> Built<Definition> {
        p.eat(Rule::kw_property);
        let path = self.path(p)?;
        p.eat(Rule::kw_as);
        Ok(Definition::Property { path, expr: self.expr(p)? })
    }

    fn define_relation(&mut self, p: &mut Parts<'_>) -> Built<Definition> {
        p.eat(Rule::kw_relation);
        let path = self.path(p)?;
        p.eat(Rule::kw_to);
        let many = p.eat(Rule::kw_many);
        p.eat(Rule::kw_one);
        let target = self.ident(p)?;
        p.eat(Rule::kw_on);
        Ok(Definition::Relation { path, many, target, on: self.expr(p)? })
    }

    fn define_metric(&mut self, p: &mut Parts<'_>) -> Built<Definition> {
        p.eat(Rule::kw_metric);
        let name = self.ident(p)?;
        p.eat(Rule::kw_as);
        Ok(Definition::Metric { name, expr: self.expr(p)? })
    }

    fn define_session(&mut self, p: &mut Parts<'_>) -> Built<Definition> {
        p.eat(Rule::kw_session);
        Ok(Definition::Session { name: self.ident(p)?, clauses: self.clauses(p)? })
    }

    fn define_tag(&mut self, p: &mut Parts<'_>) -> Built<Definition> {
        p.eat(Rule::kw_tag);
        let (name, entity) = self.name_of_entity(p)?;
        let type_name = if p.eat(Rule::kw_type) { Some(self.type_name(p)?) } else { None };
        Ok(Definition::Tag { name, entity, type_name, definition: self.set_definition(p)? })
    }

    fn define_segment(&mut self, p: &mut Parts<'_>) -> Built<Definition> {
        let mode = match p.take(Rule::segment_mode).and_then(|pair| Parts::of(pair).next()).map(|word| word.as_rule()) {
            Some(Rule::kw_static) => Some(SegmentMode::Static),
            Some(Rule::kw_dynamic) => Some(SegmentMode::Dynamic),
            Some(Rule::kw_streaming) => Some(SegmentMode::Streaming),
            _ => None,
        };
        p.eat(Rule::kw_segment);
        let (name, entity) = self.name_of_entity(p)?;
        Ok(Definition::Segment { name, mode, entity, definition: self.set_definition(p)? })
    }

    /// `name OF entity`.
    fn name_of_entity(&mut self, p: &mut Parts<'_>) -> Built<(Ident, Ident)> {
        let name = self.ident(p)?;
        p.eat(Rule::kw_of);
        Ok((name, self.ident(p)?))
    }

    fn set_definition(&mut self, p: &mut Parts<'_>) -> Built<SetDefinition> {
        if p.eat(Rule::kw_imported) {
            return Ok(SetDefinition::Imported);
        }
        p.eat(Rule::kw_as);
        Ok(match p.rule() {
            Some(Rule::analysis) => SetDefinition::Analysis(Box::new(self.analysis(p)?)),
            Some(Rule::select) => SetDefinition::Select(Box::new(self.select(p)?)),
            Some(Rule::find) => SetDefinition::Segment(SegmentExpr::Find(Box::new(self.find(p)?), None)),
            Some(Rule::kw_segment) => {
                p.eat(Rule::kw_segment);
                SetDefinition::Segment(self.segment_expr(p)?)
            }
            _ => SetDefinition::Expr(self.expr(p)?),
        })
    }

    fn def_option(&mut self, p: &mut Parts<'_>) -> Built<DefOption> {
        let (mut p, _) = self.enter(p, Rule::def_opt)?;
        let word = p.next().ok_or_else(|| self.fault())?;
        Ok(match word.as_rule() {
            Rule::kw_refresh => {
                let (every, at) = self.refresh_every(&mut p)?;
                DefOption::RefreshEvery(every, at)
            }
            Rule::kw_keep => DefOption::Keep(self.duration(&mut p)?),
            Rule::kw_grace => DefOption::Grace(self.duration(&mut p)?),
            Rule::kw_hidden => DefOption::Hidden,
            Rule::kw_cluster => {
                p.eat(Rule::kw_by);
                DefOption::ClusterBy(self.list(&mut p, Rule::ident, Self::ident)?)
            }
            _ => DefOption::Comment(self.text_only(&mut p)?),
        })
    }

    fn refresh_every(&mut self, p: &mut Parts<'_>) -> Built<(Duration, Option<String>)> {
        p.eat(Rule::kw_every);
        let every = self.every(p)?;
        let at = if p.eat(Rule::kw_at) { Some(self.text_only(p)?) } else { None };
        Ok((every, at))
    }
}
