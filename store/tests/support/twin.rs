//! The slow twin of identities: it keeps what was said, and works everything out with loops.
#![allow(missing_docs, unreachable_pub)]

use std::collections::BTreeSet;

/// The weightiest first; the first one is UNIQUE.
pub const IDENTITIES: [&str; 3] = ["mail", "phone", "device"];

pub fn key(who: u8) -> String {
    format!("person-{who}")
}

pub fn value(value: u8) -> String {
    format!("identifier-{value}")
}

#[derive(Clone, Debug)]
pub struct Node {
    pub key: Option<String>,
    pub known: bool,
    pub deleted: bool,
    pub erased: bool,
    pub city: Option<(u8, i64)>,
    pub score: Option<i64>,
    pub likes: Vec<i64>,
    pub origin: Option<(u8, i64)>,
}

#[derive(Clone, Debug)]
pub struct Tenure {
    pub identity: u8,
    pub value: String,
    pub owner: usize,
    pub until: i64,
}

#[derive(Clone, Debug)]
pub struct Edge {
    pub absorbed: usize,
    pub survivor: usize,
    pub since: i64,
    pub until: i64,
}

/// (time, sequence, event type, id, node, what named it where no key did)
pub type Row = (i64, u64, u16, String, usize, Option<(u8, String)>);

#[derive(Default)]
pub struct Twin {
    pub nodes: Vec<Node>,
    pub tenures: Vec<Tenure>,
    pub edges: Vec<Edge>,
    pub floor: i64,
    pub rows: Vec<Row>,
    pub conflicts: Vec<(String, String, String, usize, Option<usize>)>,
    pub sequence: u64,
}

impl Twin {
    pub fn find(&self, key: &str) -> Option<usize> {
        self.nodes.iter().position(|n| n.key.as_deref() == Some(key))
    }

    pub fn known(&mut self, key: &str) -> usize {
        let at = self.find(key).unwrap_or_else(|| {
            self.nodes.push(Node {
                key: Some(key.into()),
                known: true,
                deleted: false,
                erased: false,
                city: None,
                score: None,
                likes: vec![],
                origin: None,
            });
            self.nodes.len() - 1
        });
        self.nodes[at].deleted = false;
        at
    }

    pub fn active(&self, at: Option<i64>) -> Vec<&Edge> {
        self.edges.iter().filter(|e| at.map_or(e.until == i64::MAX, |at| e.since <= at && at < e.until)).collect()
    }

    pub fn root(&self, node: usize, at: Option<i64>) -> usize {
        match self.active(at).iter().find(|e| e.absorbed == node) {
            Some(edge) => self.root(edge.survivor, at),
            None => node,
        }
    }

    /// The root first, the others rising.
    pub fn members(&self, node: usize, at: Option<i64>) -> Vec<usize> {
        let root = self.root(node, at);
        let others = (0..self.nodes.len()).filter(|n| *n != root && self.root(*n, at) == root);
        std::iter::once(root).chain(others).collect()
    }

    pub fn owner(&self, identity: u8, value: &str, time: i64) -> Option<usize> {
        self.tenures.iter().filter(|t| t.identity == identity && t.value == value).find(|t| time < t.until).map(|t| t.owner)
    }

    pub fn current(&self, node: usize) -> Vec<&Tenure> {
        let members = self.members(node, None);
        self.tenures.iter().filter(|t| t.until == i64::MAX && members.contains(&t.owner)).collect()
    }

    pub fn conflict(&mut self, kind: &str, identity: u8, value: &str, node: usize, other: Option<usize>) {
        let conflict = (kind.to_string(), IDENTITIES[identity as usize].to_string(), value.to_string(), node, other);
        if !self.conflicts.contains(&conflict) {
            self.conflicts.push(conflict);
        }
    }

    pub fn bind(&mut self, node: usize, identity: u8, value: &str, time: i64, at: i64) {
        match self.owner(identity, value, time) {
            None => {
                if identity == 0 && self.current(node).iter().any(|t| t.identity == 0) {
                    return self.conflict("unique", identity, value, node, None);
                }
                self.tenures.push(Tenure { identity, value: value.into(), owner: node, until: i64::MAX });
            }
            Some(owner) => {
                let (mine, other) = (self.root(node, None), self.root(owner, None));
                if mine == other {
                    return;
                }
                match (self.nodes[mine].known, self.nodes[other].known) {
                    (true, true) => self.conflict("taken", identity, value, node, Some(owner)),
                    (true, false) => self.join(mine, other, at),
                    (false, true) => self.join(other, mine, at),
                    (false, false) => self.join(mine.min(other), mine.max(other), at),
                }
            }
        }
    }

    pub fn join(&mut self, survivor: usize, absorbed: usize, at: i64) {
        let mail = |node: usize| self.current(node).iter().find(|t| t.identity == 0).map(|t| t.value.clone());
        if let (Some(_), Some(theirs)) = (mail(survivor), mail(absorbed)) {
            return self.conflict("unique", 0, &theirs, survivor, Some(absorbed));
        }
        self.edges.push(Edge { absorbed, survivor, since: at.max(self.floor), until: i64::MAX });
    }

    pub fn merge(&mut self, a: usize, b: usize, at: i64) {
        let (into, other) = (self.root(a, None), self.root(b, None));
        if into != other {
            match self.nodes[other].known && !self.nodes[into].known {
                true => self.join(other, into, at),
                false => self.join(into, other, at),
            }
        }
    }

    pub fn unmerge(&mut self, a: usize, b: usize, at: i64) {
        if a == b || self.root(a, None) != self.root(b, None) {
            return;
        }
        // The way from a to its root: where it passes b, what is below b leaves it.
        let mut way = vec![a];
        while let Some(edge) = self.active(None).iter().find(|e| e.absorbed == way[way.len() - 1]) {
            way.push(edge.survivor);
        }
        let leaves = match way.iter().position(|n| *n == b) {
            Some(at) => way[at - 1],
            None => b,
        };
        self.floor = self.floor.max(at);
        let floor = self.floor;
        if let Some(edge) = self.edges.iter_mut().find(|e| e.absorbed == leaves && e.until == i64::MAX) {
            edge.until = floor;
        }
    }

    pub fn event(&mut self, kind: u16, id: String, who: Option<u8>, named: &[(u8, u8)], time: i64, received: i64) {
        let mut named: Vec<(u8, String)> = named.iter().map(|(i, v)| (*i, value(*v))).collect();
        named.sort_by_key(|(identity, _)| *identity);
        let mut seen = BTreeSet::new();
        named.retain(|n| seen.insert(n.clone()));
        let mut node = who.and_then(|w| self.find(&key(w)));
        let mut by = None;
        if node.is_none() && !named.is_empty() {
            let owned = named.iter().find_map(|(i, v)| Some((self.owner(*i, v, time)?, (*i, v.clone()))));
            let (found, decisive) = owned.unwrap_or_else(|| (self.somebody(&named[0]), named[0].clone()));
            self.nodes[found].deleted = false;
            (node, by) = (Some(found), Some(decisive));
        }
        if let Some(node) = node {
            named.iter().for_each(|(i, v)| self.bind(node, *i, v, time, received));
            self.rows.push((time, self.sequence, kind, id, node, by));
        }
        self.sequence += 1;
    }

    /// Somebody who is known by an identifier alone.
    fn somebody(&mut self, (identity, value): &(u8, String)) -> usize {
        let text = format!("{}:{value}", IDENTITIES[*identity as usize]);
        let free = std::iter::once(text.clone()).chain((2..).map(|n| format!("{text}~{n}"))).find(|k| self.find(k).is_none());
        self.nodes.push(Node {
            key: free,
            known: false,
            deleted: false,
            erased: false,
            city: None,
            score: None,
            likes: vec![],
            origin: None,
        });
        self.nodes.len() - 1
    }

    /// It is not theirs from a time on: nor is what it alone named since.
    pub fn unbind(&mut self, node: usize, identity: u8, value: &str, at: i64) {
        let members = self.members(node, None);
        let same = |t: &Tenure| t.identity == identity && t.value == value;
        let last = self.tenures.iter().filter(|t| same(t) && t.until < i64::MAX).map(|t| t.until).max().unwrap_or(i64::MIN);
        let own = self.tenures.iter_mut().find(|t| same(t) && t.until == i64::MAX && members.contains(&t.owner));
        let Some(own) = own else { return };
        own.until = last.max(at);
        let from = own.until;
        let by = Some((identity, value.to_string()));
        let theirs: Vec<usize> = (0..self.rows.len())
            .filter(|i| self.rows[*i].5 == by && self.rows[*i].0 >= from && members.contains(&self.rows[*i].4))
            .collect();
        if theirs.is_empty() {
            return;
        }
        let new = self.somebody(&(identity, value.to_string()));
        self.bind(new, identity, value, i64::MAX - 1, from);
        theirs.into_iter().for_each(|i| self.rows[i].4 = new);
    }

    pub fn forget(&mut self, gone: &[usize]) {
        self.tenures.retain(|t| !gone.contains(&t.owner));
        self.conflicts.retain(|(.., node, other)| !gone.contains(node) && !other.is_some_and(|o| gone.contains(&o)));
        for node in gone {
            let n = &mut self.nodes[*node];
            (n.deleted, n.city, n.score, n.origin) = (true, None, None, None);
            n.likes.clear();
        }
    }

    pub fn is_seen(&self, node: usize, at: Option<i64>) -> bool {
        self.root(node, at) == node && self.members(node, at).iter().any(|m| !self.nodes[*m].deleted)
    }

    pub fn timeline(&self, node: usize, at: Option<i64>) -> Vec<String> {
        let members = self.members(node, at);
        let mut rows: Vec<&Row> = self.rows.iter().filter(|r| members.contains(&r.4)).collect();
        rows.sort_by_key(|r| (r.0, r.1));
        rows.into_iter().map(|r| format!("{}:{}", r.2, r.3)).collect()
    }

    pub fn properties(&self, node: usize) -> [String; 4] {
        let members: Vec<&Node> = self.members(node, None).into_iter().map(|m| &self.nodes[m]).collect();
        let best = |pick: &dyn Fn(&Node) -> Option<(u8, i64)>, better: &dyn Fn(i64, i64) -> bool| {
            members.iter().filter_map(|m| pick(m)).fold(None, |best: Option<(u8, i64)>, one| match best {
                Some(b) if !better(one.1, b.1) => Some(b),
                _ => Some(one),
            })
        };
        let text = |v: Option<(u8, i64)>| v.map_or("NULL".to_string(), |(v, _)| v.to_string());
        let scores: Vec<i64> = members.iter().filter_map(|m| m.score).collect();
        let mut likes: Vec<i64> = Vec::new();
        members.iter().flat_map(|m| &m.likes).for_each(|l| {
            if !likes.contains(l) {
                likes.push(*l)
            }
        });
        [
            text(best(&|m| m.city, &|a, b| a > b)),
            if scores.is_empty() { "NULL".into() } else { scores.iter().sum::<i64>().to_string() },
            if likes.is_empty() { "NULL".into() } else { format!("{likes:?}") },
            text(best(&|m| m.origin, &|a, b| a < b)),
        ]
    }
}
