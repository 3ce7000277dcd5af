//! Two texts side by side.

/// So many lines of each are compared; longer texts stand beside each other as they are.
const MOST: usize = 400;

/// A line of one, of the other, or of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    /// On the left, if it is there.
    pub(super) left: Option<String>,
    /// On the right, if it is there.
    pub(super) right: Option<String>,
}

impl Pair {
    pub(super) fn is_same(&self) -> bool {
        self.left == self.right
    }
}

/// Puts lines beside each other; those that are the same stand in one row.
pub(super) fn beside(left: &[String], right: &[String]) -> Vec<Pair> {
    if left.len() > MOST || right.len() > MOST {
        return plain(left, right);
    }
    // The longest common rest from each pair of places on.
    let width = right.len() + 1;
    let mut common = vec![0_u16; (left.len() + 1) * width];
    let get = |table: &[u16], row: usize, column: usize| {
        table.get(row * width + column).copied().unwrap_or(0)
    };
    for (row, one) in left.iter().enumerate().rev() {
        for (column, other) in right.iter().enumerate().rev() {
            let best = if one == other {
                get(&common, row + 1, column + 1) + 1
            } else {
                get(&common, row + 1, column).max(get(&common, row, column + 1))
            };
            if let Some(place) = common.get_mut(row * width + column) {
                *place = best;
            }
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut pairs = Vec::new();
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    loop {
        match (left.get(row), right.get(column)) {
            (Some(one), Some(other)) if one == other => {
                pairs.extend(plain(&removed, &added));
                (removed, added) = (Vec::new(), Vec::new());
                pairs.push(Pair {
                    left: Some(one.clone()),
                    right: Some(other.clone()),
                });
                (row, column) = (row + 1, column + 1);
            }
            (Some(one), other)
                if other.is_none()
                    || get(&common, row + 1, column) >= get(&common, row, column + 1) =>
            {
                removed.push(one.clone());
                row += 1;
            }
            (_, Some(other)) => {
                added.push(other.clone());
                column += 1;
            }
            (_, None) => break,
        }
    }
    pairs.extend(plain(&removed, &added));
    pairs
}

/// Line by line, as they stand.
fn plain(left: &[String], right: &[String]) -> Vec<Pair> {
    let rows = left.len().max(right.len());
    let pair = |at: usize| Pair {
        left: left.get(at).cloned(),
        right: right.get(at).cloned(),
    };
    (0..rows).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(left: &str, right: &str) -> String {
        let lines = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let pairs = beside(&lines(left), &lines(right));
        let side = |it: &Option<String>| it.clone().unwrap_or("-".to_owned());
        pairs
            .iter()
            .map(|it| format!("{}{} ", side(&it.left), side(&it.right)))
            .collect()
    }

    #[test]
    fn what_changed_stands_beside_what_it_became() {
        for (left, right, expected) in [
            ("abc", "abc", "aa bb cc "),
            ("abc", "axc", "aa bx cc "),
            ("abc", "ac", "aa b- cc "),
            ("ac", "abc", "aa -b cc "),
            ("", "ab", "-a -b "),
            ("ab", "", "a- b- "),
            ("abcd", "xbyd", "ax bb cy dd "),
            ("", "", ""),
        ] {
            assert_eq!(told(left, right), expected, "{left} {right}");
        }
    }
}
