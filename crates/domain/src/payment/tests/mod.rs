//! The machine's tests: a table of stories, and properties under random commands.

mod deadlines;
mod properties;
mod story;
mod table;
