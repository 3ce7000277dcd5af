//! Checks of our own over the repository: what neither compiler nor clippy looks at.
//!
//! [`problems`] is all of them; `cargo xtask tidy` prints it, and an ordinary test of this crate asserts that it is
//! empty. A further check is a function from [`Files`] to problems, named in [`problems`].

mod check;
mod checks;
mod files;
mod lines;
mod lints;
mod not_yet;
mod tested;

use std::path::Path;

use anyhow::bail;

use self::files::Files;

/// One thing that is wrong: where, and what to do about it.
pub(crate) type Problem = String;

/// Prints every problem; fails if there is one.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let problems = problems(root)?;
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => Ok(()),
        count => bail!("{count} problems"),
    }
}

/// Everything that is not as it should be. Fails only when the repository cannot be read.
pub(crate) fn problems(root: &Path) -> anyhow::Result<Vec<Problem>> {
    let files = Files::read(root)?;
    let mut problems = lines::unfinished(&files);
    problems.extend(lines::too_long(&files));
    problems.extend(lines::machine_paths(&files, &lines::machine(root)));
    problems.extend(lints::lints(&files));
    problems.extend(checks::completeness(&files));
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let root = crate::repository();
        let problems = problems(&root).unwrap();
        assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
    }
}
