//! Stream = query = plain loops: random segments over random small worlds, with ties, duplicates, late rows, rows ahead of the clock, corrections,
//! users who are known by a device alone, merged and taken apart, and rows and instants placed exactly on the edges of windows, one microsecond before and one behind.
//!
//! `EQL_LIVE_WORLDS` sets how many worlds, `EQL_LIVE_SEED` the first seed, `EQL_LIVE_STEPS` and `EQL_LIVE_INSTANTS` how many steps and how many instants
//! after each of them.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "oracle/people.rs"]
mod people;
#[path = "oracle/random.rs"]
mod random;
#[path = "oracle/truth.rs"]
mod truth;
#[path = "oracle/world.rs"]
mod world;

use eql_live::Following;
use world::World;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(otherwise)
}

fn run(seed: u64, steps: u64, instants: u64) -> u64 {
    let mut world = World::new(seed, 40);
    world.follow();
    world.publish_all();
    let users = 3 + world.random.below(24);
    for step in 0..steps {
        let context = format!("seed {seed}, step {step}");
        // Now and then the state lags some commits behind.
        let commits = if world.random.below(8) == 0 { 4 } else { 1 };
        for _ in 0..commits {
            match world.random.below(40) {
                0..=27 => world.happen(users),
                28..=33 => world.write(users),
                34 => world.mend(),
                37..=38 => world.identify(users),
                35 if world.random.below(4) == 0 => world.leave(),
                36 if world.random.below(10) == 0 => {
                    let n = world.random.below(40) as usize;
                    world.redefine(n, n);
                }
                39 if world.random.below(10) == 0 => {
                    let n = world.random.below(40) as usize;
                    world.drop_segment(n);
                }
                _ => {}
            }
            world.pass();
        }
        world.follow();
        let everybody = world.everybody();
        world.check(&everybody, &context);
        if world.random.below(12) == 0 {
            world.restart();
            world.check(&everybody, &format!("{context}, restarted"));
        }
        // Time alone changes who is in a segment, too.
        for instant in 0..instants {
            world.tick();
            world.follow();
            world.check(&everybody, &format!("{context}, instant {instant}"));
        }
        if world.random.below(60) == 0 {
            world.check_query(&context);
        }
    }
    let followed = world.state.as_ref().unwrap().following();
    assert!(followed.values().all(|f| *f == Following::Rows), "{followed:?}");
    world.checked
}

#[test]
fn members_are_those_of_the_definition_at_every_position_and_instant() {
    let (worlds, seed, steps) = (number("EQL_LIVE_WORLDS", 16), number("EQL_LIVE_SEED", 1), number("EQL_LIVE_STEPS", 150));
    let instants = number("EQL_LIVE_INSTANTS", 7);
    let threads = std::thread::available_parallelism().map_or(2, usize::from) as u64;
    let checked: u64 = std::thread::scope(|scope| {
        let run = |t: u64| (0..worlds).filter(|w| w % threads == t).map(|w| run(seed + w, steps, instants)).sum::<u64>();
        let all: Vec<_> = (0..threads).map(|t| scope.spawn(move || run(t))).collect();
        all.into_iter().map(|h| h.join().unwrap()).sum()
    });
    println!("{checked} memberships");
    assert!(checked > worlds * steps * 40);
}
