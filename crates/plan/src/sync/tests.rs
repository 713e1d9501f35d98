//! Tables, every triple of a small world, and properties; see `world.rs` for what carries plans out.

mod guards;
mod properties;
mod sight;
mod small_world;
mod table;
mod world;
