//! Groups of entities that resemble each other: k-means over standardised values.
//!
//! The answer depends on the values alone, not on the order in which they come: points are sorted before anything is drawn or added up, and
//! what is drawn comes from one fixed seed.

/// Rounds of moving centres at most: nearly all data stand still after a few dozen.
const ROUNDS: usize = 100;

/// Of all that is drawn.
const SEED: u64 = 0x005E_ED0F_C105_7E55;

/// The group of each point, from 1 to `k`; 0 where a value is missing or not finite. Groups are numbered by their centres: the first has the
/// smallest first value, equal ones the smaller second, and so on. Fewer different points than `k` make fewer groups.
///
/// All points have as many values as the first.
pub fn kmeans(points: &[Vec<Option<f64>>], k: usize) -> Vec<u32> {
    let complete = |p: &Vec<Option<f64>>| p.iter().map(|v| v.filter(|v| v.is_finite())).collect::<Option<Vec<f64>>>();
    let mut known: Vec<(usize, Vec<f64>)> = points.iter().enumerate().filter_map(|(i, p)| Some((i, complete(p)?))).collect();
    known.sort_by(|a, b| order(&a.1, &b.1).then(a.0.cmp(&b.0)));
    let (places, mut values): (Vec<usize>, Vec<Vec<f64>>) = known.into_iter().unzip();
    standardise(&mut values);
    let groups = grouped(&values, k);
    let mut out = vec![0; points.len()];
    for (place, group) in places.into_iter().zip(groups) {
        out[place] = group + 1;
    }
    out
}

fn order(a: &[f64], b: &[f64]) -> std::cmp::Ordering {
    a.iter().zip(b).map(|(x, y)| x.total_cmp(y)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}

/// Every value with mean 0 and standard deviation 1: kilometres do not weigh more than years. One that is the same for all becomes 0.
fn standardise(values: &mut [Vec<f64>]) {
    let (n, width) = (values.len() as f64, values.first().map_or(0, Vec::len));
    for column in 0..width {
        let mean = values.iter().map(|v| v[column]).sum::<f64>() / n;
        let deviation = (values.iter().map(|v| (v[column] - mean).powi(2)).sum::<f64>() / n).sqrt();
        for v in values.iter_mut() {
            v[column] = if deviation > 0.0 { (v[column] - mean) / deviation } else { 0.0 };
        }
    }
}

fn grouped(values: &[Vec<f64>], k: usize) -> Vec<u32> {
    let mut centres = drawn(values, k);
    if centres.is_empty() {
        return vec![0; values.len()];
    }
    let mut groups = assigned(values, &centres);
    for _ in 0..ROUNDS {
        centres = moved(values, &groups, centres);
        let next = assigned(values, &centres);
        if next == groups {
            break;
        }
        groups = next;
    }
    centres.sort_by(|a, b| order(a, b));
    assigned(values, &centres)
}

/// k-means++: each further centre is a point drawn with a chance that grows with the square of its distance from the nearest centre.
fn drawn(values: &[Vec<f64>], k: usize) -> Vec<Vec<f64>> {
    let Some(first) = values.get(values.len() / 2) else { return Vec::new() };
    let (mut centres, mut seed) = (vec![first.clone()], SEED);
    let mut far: Vec<f64> = values.iter().map(|v| distance(v, first)).collect();
    while centres.len() < k {
        let total: f64 = far.iter().sum();
        if total <= 0.0 {
            break;
        }
        let mut left = uniform(&mut seed) * total;
        let hit = far.iter().position(|d| {
            left -= d;
            *d > 0.0 && left <= 0.0
        });
        // Rounding may leave a little: the last point that is none of the centres.
        let Some(next) = hit.or_else(|| far.iter().rposition(|d| *d > 0.0)).map(|i| values[i].clone()) else { break };
        for (d, v) in far.iter_mut().zip(values) {
            *d = d.min(distance(v, &next));
        }
        centres.push(next);
    }
    centres
}

/// splitmix64, as a number of `[0, 1)`.
fn uniform(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum()
}

/// The nearest centre, of equally near ones the first.
fn assigned(values: &[Vec<f64>], centres: &[Vec<f64>]) -> Vec<u32> {
    let nearest = |v: &Vec<f64>| {
        let mut best = (f64::INFINITY, 0);
        for (i, c) in centres.iter().enumerate() {
            let d = distance(v, c);
            if d < best.0 {
                best = (d, i);
            }
        }
        best.1 as u32
    };
    values.iter().map(nearest).collect()
}

/// The middle of each group; a group that lost all of its points stays where it was.
fn moved(values: &[Vec<f64>], groups: &[u32], mut centres: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut sums: Vec<(f64, Vec<f64>)> = centres.iter().map(|c| (0.0, vec![0.0; c.len()])).collect();
    for (v, g) in values.iter().zip(groups) {
        let (n, sum) = &mut sums[*g as usize];
        *n += 1.0;
        sum.iter_mut().zip(v).for_each(|(s, x)| *s += x);
    }
    for (centre, (n, sum)) in centres.iter_mut().zip(sums) {
        if n > 0.0 {
            *centre = sum.into_iter().map(|s| s / n).collect();
        }
    }
    centres
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(points: &[&[f64]]) -> Vec<Vec<Option<f64>>> {
        points.iter().map(|p| p.iter().copied().map(Some).collect()).collect()
    }

    #[test]
    fn what_lies_together_is_a_group() {
        let points = of(&[&[9.0, 900.0], &[1.0, 10.0], &[1.1, 11.0], &[9.1, 905.0], &[0.9, 9.0], &[5.0, 10.0]]);
        assert_eq!(kmeans(&points, 3), [3, 1, 1, 3, 1, 2]);
    }

    #[test]
    fn one_point_twice_is_one_group_and_what_is_missing_is_none() {
        let mut points = of(&[&[2.0], &[1.0], &[2.0]]);
        points.extend([vec![None], vec![Some(f64::NAN)]]);
        assert_eq!(kmeans(&points, 5), [2, 1, 2, 0, 0]);
        assert_eq!(kmeans(&of(&[&[3.0], &[3.0]]), 2), [1, 1]);
        assert_eq!(kmeans(&[], 2), Vec::<u32>::new());
        assert_eq!(kmeans(&[vec![None]], 2), [0]);
    }

    proptest! {
        #[test]
        fn the_order_of_points_does_not_matter(points in prop::collection::vec(prop::collection::vec(-3i8..4, 2), 1..30), k in 2usize..6, turn in 0usize..30) {
            let points: Vec<Vec<Option<f64>>> = points.iter().map(|p| p.iter().map(|v| Some(f64::from(*v))).collect()).collect();
            let groups = kmeans(&points, k);
            let turn = turn % points.len();
            let (mut turned, mut expected) = (points.clone(), groups.clone());
            turned.rotate_left(turn);
            expected.rotate_left(turn);
            prop_assert_eq!(kmeans(&turned, k), expected);
            // Equal points are in one group, and all groups are between 1 and k.
            for (a, g) in points.iter().zip(&groups) {
                prop_assert!((1..=k as u32).contains(g));
                prop_assert!(points.iter().zip(&groups).all(|(b, h)| a != b || g == h));
            }
        }

        #[test]
        fn every_point_is_nearest_to_the_middle_of_its_group(points in prop::collection::vec(-50i32..50, 2..40), k in 2usize..5) {
            let groups = kmeans(&points.iter().map(|v| vec![Some(f64::from(*v))]).collect::<Vec<_>>(), k);
            let middle = |g: u32| {
                let of: Vec<f64> = points.iter().zip(&groups).filter(|(_, h)| **h == g).map(|(p, _)| f64::from(*p)).collect();
                (!of.is_empty()).then(|| of.iter().sum::<f64>() / of.len() as f64)
            };
            for (p, g) in points.iter().zip(&groups) {
                let own = (f64::from(*p) - middle(*g).unwrap_or(f64::NAN)).abs();
                let best = (1..=k as u32).filter_map(middle).map(|m| (f64::from(*p) - m).abs()).fold(f64::INFINITY, f64::min);
                prop_assert!(own <= best + 1e-9, "{p} is {own} away, {best} is possible");
            }
        }
    }
}
