//! Cycles in a directed graph whose nodes are numbers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// For each node the nodes it leans on.
pub type Graph = BTreeMap<usize, BTreeSet<usize>>;

/// One shortest cycle through each group of nodes that reach each other; no group is named twice.
pub fn cycles(graph: &Graph) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = Vec::new();
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    for node in graph.keys().copied() {
        if seen.contains(&node) {
            continue;
        }
        if let Some(cycle) = shortest_cycle(graph, node) {
            let forward = reachable(graph, node);
            seen.extend(
                forward
                    .iter()
                    .copied()
                    .filter(|other| reachable(graph, *other).contains(&node)),
            );
            found.push(cycle);
        }
    }
    found
}

/// The nodes of the largest group that reach each other; 0 without a cycle.
pub fn largest_knot(graph: &Graph) -> usize {
    let of = |node: &usize| {
        let forward = reachable(graph, *node);
        forward
            .iter()
            .filter(|other| reachable(graph, **other).contains(node))
            .count()
    };
    graph.keys().map(of).max().unwrap_or(0)
}

/// Everything that `from` leans on, also through others; `from` itself only when it is in a cycle.
fn reachable(graph: &Graph, from: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        for next in graph.get(&node).into_iter().flatten() {
            if found.insert(*next) {
                open.push(*next);
            }
        }
    }
    found
}

/// From `start` and back to it, `start` first and not repeated.
fn shortest_cycle(graph: &Graph, start: usize) -> Option<Vec<usize>> {
    let mut before: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(node) = open.pop_front() {
        for next in graph.get(&node).into_iter().flatten() {
            if *next == start {
                let mut path = vec![node];
                while let Some(earlier) = path.last().and_then(|last| before.get(last)) {
                    path.push(*earlier);
                }
                path.reverse();
                return Some(path);
            }
            if !before.contains_key(next) {
                before.insert(*next, node);
                open.push_back(*next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(usize, usize)]) -> Graph {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry(*from).or_default().insert(*to);
        }
        graph
    }

    #[test]
    fn a_tree_has_no_cycle() {
        let tree = graph(&[(1, 2), (1, 3), (2, 3)]);
        assert!(cycles(&tree).is_empty());
        assert_eq!(largest_knot(&tree), 0);
    }

    #[test]
    fn each_knot_is_named_once_by_its_shortest_cycle() {
        let knots = graph(&[(1, 2), (2, 3), (3, 1), (3, 2), (4, 5), (5, 4), (3, 4)]);
        assert_eq!(cycles(&knots), [vec![1, 2, 3], vec![4, 5]]);
        assert_eq!(largest_knot(&knots), 3);
    }
}
