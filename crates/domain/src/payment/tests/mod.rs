//! The machine's tests: a table of stories, and properties under random commands.

mod properties;
mod story;
mod table;
