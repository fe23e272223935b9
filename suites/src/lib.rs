pub mod procedural;
