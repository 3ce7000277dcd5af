//! The inspector's pages.
