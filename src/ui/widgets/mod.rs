//! Things to draw with. They know no application types: what they draw is handed to them.

pub mod bar;
pub mod chart;
pub mod columns;
pub mod flow;
pub mod grid;
pub mod input;
pub mod json;
pub mod popup;
pub mod rows;
pub mod rule;
pub mod ruler;
pub mod table;
