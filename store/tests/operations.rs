//! Operations on entities: by hand, and at random against a naive model.
#![allow(clippy::unwrap_used)]

mod support;

use arrow::array::*;
use eql_catalog::*;
use eql_store::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use support::*;

const SCORE: PropertyId = PropertyId(1);
const PLAN: PropertyId = PropertyId(2);
const LABELS: PropertyId = PropertyId(3);
const STEPS: PropertyId = PropertyId(4);
const BEGINNING: i64 = i64::MIN;

fn person() -> Change {
    let list = || DataType::List(Box::new(DataType::Int));
    let kept = |p: Property| Property { history: true, ..p };
    let properties = vec![
        property(1, "score", DataType::Int),
        kept(property(2, "plan", DataType::Int)),
        property(3, "labels", list()),
        kept(property(4, "steps", list())),
    ];
    entity(USER, "user", vec![property(0, "user_id", DataType::Int)], properties)
}

fn open_people(dir: &std::path::Path) -> Store {
    let store = open(dir);
    if store.position() == 0 {
        store.define(person()).unwrap();
        store.define(event(VISIT, "visit", &[(USER, "user")], vec![])).unwrap();
        store.define(segment("vip", "user")).unwrap();
        store.define(tag("level", "user", DataType::Int)).unwrap();
    }
    store
}

/// Numbers for `score` and `plan`; the same as a list of one or two for the others.
fn values(id: PropertyId, numbers: &[i64]) -> ArrayRef {
    if id == SCORE || id == PLAN {
        return Arc::new(Int64Array::from(numbers.to_vec()));
    }
    let mut lists = ListBuilder::new(Int64Builder::new());
    for n in numbers {
        lists.append_value(operand(*n).into_iter().map(Some));
    }
    Arc::new(lists.finish())
}

fn operand(n: i64) -> Vec<i64> {
    if n % 3 == 0 { vec![n, n / 2] } else { vec![n] }
}

#[derive(Clone, Debug)]
struct Row {
    key: i64,
    time: Option<i64>,
    delete: bool,
    operations: Vec<(PropertyId, EntityOperation, i64)>,
}

fn row(key: i64, time: impl Into<Option<i64>>, operations: &[(PropertyId, EntityOperation, i64)]) -> Row {
    Row { key, time: time.into(), delete: false, operations: operations.to_vec() }
}

fn batch_of(rows: &[Row]) -> EntityBatch {
    let mut columns: Vec<(PropertyId, EntityOperation)> =
        rows.iter().flat_map(|r| r.operations.iter().map(|(id, o, _)| (*id, *o))).collect();
    columns.sort_by_key(|(id, o)| (*id, *o as u8));
    columns.dedup();
    let column = |(property, operation): (PropertyId, EntityOperation)| {
        let of = |r: &Row| r.operations.iter().find(|(id, o, _)| (*id, *o) == (property, operation)).map(|o| o.2);
        EntityColumn {
            property,
            operation,
            values: values(property, &rows.iter().map(|r| of(r).unwrap_or(-1)).collect::<Vec<_>>()),
            present: Some(rows.iter().map(|r| Some(of(r).is_some())).collect()),
        }
    };
    EntityBatch {
        time: rows.iter().any(|r| r.time.is_some()).then(|| rows.iter().map(|r| r.time).collect()),
        operations: columns.into_iter().map(column).collect(),
        delete: rows.iter().any(|r| r.delete).then(|| rows.iter().map(|r| Some(r.delete)).collect()),
        ..EntityBatch::new(USER, vec![ints(rows.iter().map(|r| Some(r.key)))])
    }
}

fn property_text(store: &Store, id: PropertyId) -> Vec<String> {
    shown(&store.snapshot().unwrap().entities(USER).unwrap().property(id).unwrap())
}

fn history_text(store: &Store, id: PropertyId, ordinal: usize) -> Vec<(i64, String)> {
    let history = store.snapshot().unwrap().entities(USER).unwrap().history(id).unwrap();
    let values = shown(&history.values);
    (history.offsets[ordinal] as usize..history.offsets[ordinal + 1] as usize).map(|i| (history.time[i], values[i].clone())).collect()
}

#[test]
fn operations_do_what_they_say() {
    use EntityOperation::*;
    let dir = tempfile::tempdir().unwrap();
    let store = open_people(dir.path());
    let write = |rows: &[Row]| _ = store.append_entities(batch_of(rows)).unwrap();
    write(&[row(1, 100, &[(SCORE, Increment, 5), (PLAN, Set, 7), (LABELS, Append, 3), (STEPS, Union, 3)])]);
    write(&[
        row(1, 50, &[(SCORE, Increment, 2), (PLAN, Set, 6), (LABELS, Append, 3), (STEPS, Union, 1)]),
        row(2, None, &[(SCORE, SetOnce, 9), (PLAN, SetOnce, 1)]),
        row(1, 200, &[(SCORE, SetOnce, 1), (PLAN, Unset, 0)]),
    ]);
    store.checkpoint().unwrap();
    write(&[row(2, 10, &[(SCORE, Set, 4), (PLAN, SetOnce, 2)])]);
    assert_eq!(property_text(&store, SCORE), ["7", "4"]);
    assert_eq!(property_text(&store, PLAN), ["NULL", "1"]);
    assert_eq!(property_text(&store, LABELS), ["[3, 1, 3, 1]", "NULL"]);
    assert_eq!(property_text(&store, STEPS), ["[3, 1]", "NULL"]);
    let text = |t: i64, v: &str| (t, v.to_string());
    assert_eq!(history_text(&store, PLAN, 0), [text(50, "6"), text(100, "7"), text(200, "NULL")]);
    assert_eq!(history_text(&store, PLAN, 1), [text(BEGINNING, "1")]);
    // What came late counts from the time of the latest value.
    assert_eq!(history_text(&store, STEPS, 0), [text(100, "[3, 1]")]);
}

#[test]
fn sums_that_do_not_fit_are_counted_and_not_made() {
    use EntityOperation::*;
    let dir = tempfile::tempdir().unwrap();
    let store = open_people(dir.path());
    store.append_entities(batch_of(&[row(1, None, &[(SCORE, Set, i64::MAX)]), row(1, None, &[(SCORE, Increment, 1)])])).unwrap();
    assert_eq!((property_text(&store, SCORE), store.stats().operations_refused), (vec![i64::MAX.to_string()], 1));
}

#[test]
fn the_deleted_are_nobody_until_they_come_back() {
    use EntityOperation::*;
    let dir = tempfile::tempdir().unwrap();
    let store = open_people(dir.path());
    let visit = |id: &str, key: i64| {
        let keys = vec![vec![ints([Some(key)])]];
        store.append_events(vec![EventBatch { keys, ..batch(VISIT, &[happened(id, 1, 1, 1)]) }]).unwrap();
    };
    visit("a", 1);
    store.append_entities(batch_of(&[row(1, 5, &[(SCORE, Set, 3), (PLAN, Set, 4)]), row(2, None, &[(SCORE, Set, 8)])])).unwrap();
    store.set_members("vip", vec![ints([Some(1), Some(2)])]).unwrap();
    store.set_tag_values(USER, "level", vec![ints([Some(1)])], ints([Some(6)])).unwrap();
    store.checkpoint().unwrap();
    let gone = |key| Row { delete: true, ..row(key, 9, &[]) };
    // A deletion of somebody unknown makes nobody known.
    let rows = [row(2, None, &[(SCORE, Increment, 1)]), gone(1), gone(77), gone(2), row(2, 20, &[(PLAN, Set, 5)])];
    store.append_entities(batch_of(&rows)).unwrap();
    let check = |store: &Store| {
        let snapshot = store.snapshot().unwrap();
        let users = snapshot.entities(USER).unwrap();
        assert_eq!((users.len(), users.deleted().unwrap()), (2, &BooleanArray::from(vec![true, false])));
        assert_eq!(property_text(store, SCORE), ["NULL", "NULL"]);
        assert_eq!(property_text(store, PLAN), ["NULL", "5"]);
        assert_eq!([history_text(store, PLAN, 0), history_text(store, PLAN, 1)], [vec![], vec![(20, "5".to_string())]]);
        assert_eq!(*snapshot.members("vip").unwrap(), [false, false]);
        assert_eq!(shown(&snapshot.tag_values(USER, "level").unwrap().unwrap()), ["NULL", "NULL"]);
        assert_eq!([1, 2].map(|k| snapshot.profile(USER, &[Value::Int(k)]).unwrap()), [None, Some(1)]);
        assert_eq!(shown(&users.lookup(&[ints([Some(1), Some(2)])]).unwrap()), ["NULL", "1"]);
        assert_eq!(snapshot.timeline(USER).unwrap().offsets, [0, 1, 1]);
        content(store)
    };
    let before = check(&store);
    store.checkpoint().unwrap();
    assert_eq!(check(&store), before);
    drop(store);
    let store = open(dir.path());
    assert_eq!(check(&store), before);
    let keys = vec![vec![ints([Some(1)])]];
    store.append_events(vec![EventBatch { keys, ..batch(VISIT, &[happened("b", 2, 1, 1)]) }]).unwrap();
    assert!(store.snapshot().unwrap().entities(USER).unwrap().deleted().is_none());
    assert_eq!(store.snapshot().unwrap().entities(USER).unwrap().row(0).unwrap().unwrap().properties[0].1, Value::Null);
}

#[test]
fn what_does_not_fit_is_refused() {
    use EntityOperation::*;
    let dir = tempfile::tempdir().unwrap();
    let store = open_people(dir.path());
    let refused = |batch: EntityBatch| store.append_entities(batch).unwrap_err().to_string();
    let one = |id, operation, values: ArrayRef| EntityBatch {
        operations: vec![EntityColumn { property: id, operation, values, present: None }],
        ..EntityBatch::new(USER, vec![ints([Some(1)])])
    };
    let number = || ints([Some(1)]);
    let list = || values(LABELS, &[1]);
    assert_eq!(refused(one(LABELS, Increment, list())), "entity `user`: increment needs a number, property `labels` is LIST<BIGINT>");
    assert_eq!(refused(one(SCORE, Append, number())), "entity `user`: append needs a LIST, property `score` is BIGINT");
    assert!(refused(one(LABELS, Union, number())).contains("property `labels` is a column of Int64, not of List"));
    assert!(refused(one(PropertyId(0), Set, number())).contains("`user_id` is part of its key"));
    assert!(refused(one(PropertyId(9), Unset, number())).contains("no property with number 9"));
    let both = EntityBatch { properties: vec![(SCORE, number())], ..one(SCORE, Increment, number()) };
    assert!(refused(both).contains("as a whole column and by an operation"));
    let short = EntityBatch { delete: Some(BooleanArray::from(vec![true; 2])), ..one(SCORE, Set, number()) };
    assert!(refused(short).contains("its column of deletions has 2 rows, not 1"));
    let unset = one(SCORE, Unset, Arc::new(NullArray::new(1)));
    store.append_entities(unset).unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Rows(Vec<Row>),
    /// The whole columns `score` and `plan`.
    Import(Vec<(i64, Option<i64>, Option<i64>)>, Option<i64>, bool),
    Event(i64),
    Checkpoint,
    Reopen,
    Kill,
}

fn a_row() -> impl Strategy<Value = Row> {
    use EntityOperation::*;
    let id = (1u16..5).prop_map(PropertyId);
    let operation = (id, 0usize..6, 0i64..9).prop_map(|(id, o, v)| {
        let grow = if id == SCORE || id == PLAN { [Increment, Increment] } else { [Append, Union] };
        (id, [Set, SetOnce, Unset, SetOnce, grow[0], grow[1]][o], v)
    });
    let time = prop::option::weighted(0.8, 0i64..6);
    (0i64..5, time, prop::bool::weighted(0.1), prop::collection::vec(operation, 0..4)).prop_map(|(key, time, delete, mut operations)| {
        // Of a row only one value for a property and operation; its operations are done in the order of the columns.
        operations.sort_by_key(|(id, o, _)| (*id, *o as u8));
        operations.dedup_by_key(|(id, o, _)| (*id, *o));
        Row { key, time, delete, operations }
    })
}

fn a_step() -> impl Strategy<Value = Step> {
    let number = || prop::option::of(0i64..9);
    prop_oneof![
        6 => prop::collection::vec(a_row(), 1..8).prop_map(Step::Rows),
        2 => (prop::collection::vec((0i64..5, number(), number()), 1..5), prop::option::of(0i64..6), any::<bool>())
            .prop_map(|(rows, time, keep)| Step::Import(rows, time, keep)),
        1 => (0i64..5).prop_map(Step::Event),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
    ]
}

/// One property of one entity, as a list that the rules are applied to; numbers are lists of one.
#[derive(Clone, Debug, Default)]
struct Naive {
    value: Option<Vec<i64>>,
    since: Option<i64>,
    once: Option<i64>,
    history: BTreeMap<i64, Option<Vec<i64>>>,
}

impl Naive {
    fn apply(&mut self, kept: bool, operation: EntityOperation, value: Option<Vec<i64>>, time: i64) {
        use EntityOperation::*;
        let since = if kept { self.since } else { None };
        let latest = time.max(since.unwrap_or(time));
        let before = self.value.clone();
        let (at, value, once) = match (operation, value) {
            (Set, value) => (time, value, None),
            (Unset, _) => (time, None, None),
            (_, None) => return,
            (SetOnce, value) if before.is_none() => (latest, value, Some(latest)),
            (SetOnce, value) => match self.once {
                Some(once) if time < once => {
                    self.history.remove(&once);
                    (time, value, Some(time))
                }
                _ => return,
            },
            (Increment, Some(by)) => (latest, Some(vec![before.map_or(0, |b| b[0]) + by[0]]), None),
            (Append, Some(more)) => (latest, Some([before.unwrap_or_default(), more].concat()), None),
            (Union, Some(more)) => {
                let mut all = before.unwrap_or_default();
                more.into_iter().for_each(|m| {
                    if !all.contains(&m) {
                        all.push(m)
                    }
                });
                (latest, Some(all), None)
            }
        };
        self.history.insert(at, value.clone());
        if once.is_some() || since.is_none_or(|s| at >= s) {
            (self.value, self.since, self.once) = (value, Some(at), once);
        }
    }
}

#[derive(Default)]
struct Model {
    keys: Vec<i64>,
    deleted: BTreeMap<i64, bool>,
    properties: BTreeMap<(i64, u16), Naive>,
}

impl Model {
    fn know(&mut self, key: i64) {
        if !self.keys.contains(&key) {
            self.keys.push(key);
        }
        self.deleted.insert(key, false);
    }

    fn apply(&mut self, row: &Row) {
        if row.delete {
            if self.keys.contains(&row.key) {
                self.deleted.insert(row.key, true);
                self.properties.retain(|k, _| k.0 != row.key);
            }
            return;
        }
        self.know(row.key);
        for (id, operation, n) in &row.operations {
            let number = *id == SCORE || *id == PLAN;
            let value = if number { vec![*n] } else { operand(*n) };
            let naive = self.properties.entry((row.key, id.0)).or_default();
            naive.apply(*id == PLAN || *id == STEPS, *operation, Some(value), row.time.unwrap_or(BEGINNING));
        }
    }

    fn import(&mut self, rows: &[(i64, Option<i64>, Option<i64>)], time: Option<i64>, keep_null: bool) {
        for (key, score, plan) in rows {
            self.know(*key);
            for (id, value) in [(SCORE, score), (PLAN, plan)] {
                if value.is_some() || !keep_null {
                    let naive = self.properties.entry((*key, id.0)).or_default();
                    naive.apply(id == PLAN, EntityOperation::Set, value.map(|v| vec![v]), time.unwrap_or(BEGINNING));
                }
            }
        }
    }

    fn check(&self, store: &Store) {
        let text = |id: u16, value: &Option<Vec<i64>>| match value {
            None => "NULL".to_string(),
            Some(v) if id <= 2 => v[0].to_string(),
            Some(v) => format!("{v:?}"),
        };
        let columns = store.snapshot().unwrap().entities(USER).unwrap();
        assert_eq!(shown(columns.key(0)), self.keys.iter().map(i64::to_string).collect::<Vec<_>>());
        for (ordinal, key) in self.keys.iter().enumerate() {
            assert_eq!(columns.deleted().is_some_and(|d| d.value(ordinal)), self.deleted[key]);
        }
        for id in 1..5 {
            let of = |key: &i64| self.properties.get(&(*key, id)).cloned().unwrap_or_default();
            let expected: Vec<String> = self.keys.iter().map(|k| text(id, &of(k).value)).collect();
            assert_eq!(property_text(store, PropertyId(id)), expected, "property {id}");
            for (ordinal, key) in self.keys.iter().enumerate().filter(|_| id % 2 == 0) {
                let expected: Vec<(i64, String)> = of(key).history.iter().map(|(t, v)| (*t, text(id, v))).collect();
                assert_eq!(history_text(store, PropertyId(id), ordinal), expected, "history of {id}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 400, ..ProptestConfig::default() })]
    #[test]
    fn operations_are_those_of_the_model(steps in prop::collection::vec(a_step(), 1..16)) {
        let (dir, twin) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut store = open_people(dir.path());
        // Never checkpointed: its content is what the log says.
        let replayed = open_people(twin.path());
        let mut model = Model::default();
        for (n, step) in steps.into_iter().enumerate() {
            let both = |batch: EntityBatch| [&store, &replayed].iter().for_each(|s| _ = s.append_entities(batch.clone()).unwrap());
            match step {
                Step::Rows(rows) => {
                    both(batch_of(&rows));
                    rows.iter().for_each(|r| model.apply(r));
                }
                Step::Import(rows, time, keep_null) => {
                    both(EntityBatch {
                        properties: vec![(SCORE, ints(rows.iter().map(|r| r.1))), (PLAN, ints(rows.iter().map(|r| r.2)))],
                        time: time.map(|t| vec![t; rows.len()].into()),
                        keep_null,
                        ..EntityBatch::new(USER, vec![ints(rows.iter().map(|r| Some(r.0)))])
                    });
                    model.import(&rows, time, keep_null);
                }
                Step::Event(key) => {
                    for s in [&store, &replayed] {
                        let keys = vec![vec![ints([Some(key)])]];
                        s.append_events(vec![EventBatch { keys, ..batch(VISIT, &[happened(&n.to_string(), 1, 1, 1)]) }]).unwrap();
                    }
                    model.know(key);
                }
                Step::Checkpoint => store.checkpoint().unwrap(),
                Step::Reopen => {
                    store.close().unwrap();
                    drop(store);
                    store = open(dir.path());
                }
                Step::Kill => {
                    drop(store);
                    store = open(dir.path());
                }
            }
            model.check(&store);
            prop_assert_eq!(content(&store), content(&replayed));
        }
    }
}
